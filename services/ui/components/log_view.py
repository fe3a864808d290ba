"""What a run printed: drawn by the browser as it scrolls, so that size does not matter."""

import msgspec
from nicegui.element import Element

from services.ui.models import RunDetail
from services.ui.theme import STATIC


class LogView(Element, component="log_view.js", dependencies=[STATIC / "jp_log.js"]):
    """Follows the log of `run` live, then shows what is stored; nothing is ever read as markup."""

    def __init__(self, run: RunDetail) -> None:
        super().__init__()
        self.props["initial"] = msgspec.to_builtins(run)

"""What a run printed: drawn by the browser as it scrolls, so that size does not matter."""

from pathlib import Path

import msgspec
from nicegui.element import Element

from services.ui.models import RunDetail
from services.ui.theme import STATIC

_LIBRARIES: list[str | Path] = [STATIC / name for name in ("jp_log.js", "jp_log_rows.js", "jp_log_store.js")]


class LogView(Element, component="log_view.js", dependencies=_LIBRARIES):
    """Follows the log of `run` live, then shows what is stored; nothing is ever read as markup."""

    def __init__(self, run: RunDetail) -> None:
        super().__init__()
        self.props["initial"] = msgspec.to_builtins(run)

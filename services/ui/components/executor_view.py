"""One executor: how it stands, what it has in hand, how busy it was."""

from pathlib import Path
from typing import Final

import msgspec
from nicegui.element import Element

from services.ui.models import ExecutorItem
from services.ui.theme import STATIC

_LIBRARIES: Final[list[str | Path]] = [STATIC / "jp_executor.js"]


class ExecutorView(Element, component="executor_view.js", dependencies=_LIBRARIES):
    """Shows `executor`, with what its page tells, as it was when asked for, and follows it from there."""

    def __init__(self, executor: ExecutorItem) -> None:
        super().__init__()
        self.props["initial"] = msgspec.to_builtins(executor)

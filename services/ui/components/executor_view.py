"""One executor: how it stands, what it has in hand, how busy it was."""

from pathlib import Path
from typing import Final

import msgspec
from nicegui.element import Element

from services.ui.queries.executors import ExecutorDetail
from services.ui.theme import STATIC

_LIBRARIES: Final[list[str | Path]] = [STATIC / "jp_executor.js"]


class ExecutorView(Element, component="executor_view.js", dependencies=_LIBRARIES):
    """Shows `executor` as it was when the page was asked for, and follows it from there."""

    def __init__(self, executor: ExecutorDetail) -> None:
        super().__init__()
        self.props["initial"] = msgspec.to_builtins(executor)

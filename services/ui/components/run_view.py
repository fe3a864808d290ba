"""The head and the facts of one run."""

from pathlib import Path
from typing import Final

import msgspec
from nicegui.element import Element

from services.ui.models import RunDetail
from services.ui.theme import STATIC

_LIBRARIES: Final[list[str | Path]] = [
    STATIC / "jp_files.js",
    STATIC / "jp_script.js",
    STATIC / "jp_since.js",
    STATIC / "jp_usage.js",
]


class RunView(Element, component="run_view.js", dependencies=_LIBRARIES):
    """Shows `run` as it was when the page was asked for, and follows it from there."""

    def __init__(self, run: RunDetail) -> None:
        super().__init__()
        self.props["initial"] = msgspec.to_builtins(run)

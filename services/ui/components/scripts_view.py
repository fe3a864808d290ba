"""The scripts directory, or one script of it, as one element."""

from pathlib import Path
from typing import Final

from nicegui.element import Element

from services.ui.theme import STATIC

_LIBRARIES: Final[list[str | Path]] = [STATIC / "jp_script.js", STATIC / "jp_upload.js"]


class ScriptsView(Element, component="scripts_view.js", dependencies=_LIBRARIES):
    """Lists every file with the jobs that run it; with a `name`, shows that file's text."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.props["name"] = name

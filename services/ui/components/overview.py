"""The overview as one element: figures, timeline, what needs attention, what is next."""

from pathlib import Path
from typing import Final

from nicegui.element import Element

from services.ui.theme import STATIC

_LIBRARIES: Final[list[str | Path]] = [STATIC / "jp_upload.js", STATIC / "jp_welcome.js"]


class Overview(Element, component="overview.js", dependencies=_LIBRARIES):
    """Fetches `/overview` and fetches again when runs end."""

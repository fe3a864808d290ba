"""The executors as one element, with the pools and the shared limits."""

from pathlib import Path
from typing import Final

from nicegui.element import Element

from services.ui.theme import STATIC

_LIBRARIES: Final[list[str | Path]] = [STATIC / name for name in ("jp_executor.js", "jp_limits.js")]


class ExecutorsTable(Element, component="executors_table.js", dependencies=_LIBRARIES):
    """Health words, slots, and the age of each heartbeat, ticking."""

"""The users as one element."""

from pathlib import Path
from typing import Final

from nicegui.element import Element

from services.ui.theme import STATIC

_LIBRARIES: Final[list[str | Path]] = [STATIC / "jp_people.js"]


class UsersView(Element, component="users_view.js", dependencies=_LIBRARIES):
    """Everybody with what they may do, with dialogs to invite, change and shut out; for admins."""

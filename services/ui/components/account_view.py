"""The page about oneself as one element."""

from pathlib import Path
from typing import Final

from nicegui.element import Element

from services.ui.theme import STATIC
from shared.domain.access import LEAST_PASSWORD

_LIBRARIES: Final[list[str | Path]] = [STATIC / "jp_people.js"]


class AccountView(Element, component="account_view.js", dependencies=_LIBRARIES):
    """Who one is, one's password, browsers and tokens; what is secret comes here once, or never."""

    def __init__(self) -> None:
        super().__init__()
        self.props["least"] = LEAST_PASSWORD

"""What every page and route gets: the ui's questions, commands and live state in one value."""

from dataclasses import dataclass

from services.ui.commands import Commands
from services.ui.live import Live
from services.ui.queries import Queries
from services.ui.settings import UiSettings
from shared.runtime.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    """The composition of the ui, made once in `app.py`.

    `services.ui.pages.register(app, portal)` gets it and draws pages with it; live changes reach the
    browser through the WebSocket `/api/v1/stream`, not through pages.
    """

    queries: Queries
    commands: Commands
    live: Live
    settings: UiSettings
    clock: Clock
    version: str

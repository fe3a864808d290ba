"""What every page and route gets: the ui's questions, commands and live state in one value."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import structlog

from services.ui.commands import Bulk, Commands, Controls, Secrets
from services.ui.commands.mutes import Mutes
from services.ui.commands.uploads import Uploads
from services.ui.commands.views import Views
from services.ui.live import Live
from services.ui.queries import Queries
from services.ui.queries.executors import Executors
from services.ui.queries.history import History
from services.ui.queries.insights import JobInsights
from services.ui.queries.log_lines import LogParts
from services.ui.queries.mutes import HeldMutes
from services.ui.queries.since import SinceSuccess
from services.ui.queries.views import KeptViews
from services.ui.settings import UiSettings
from services.ui.theme import build_mark
from shared.runtime.clock import Clock

log = structlog.get_logger()

COOKIE: Final = "portal_person"
"""Tells one browser from another, until there is sign-in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    """The composition of the ui, made once in `app.py`.

    `services.ui.pages.register(app, portal)` gets it and draws pages with it; live changes reach the
    browser through the WebSocket `/api/v1/stream`, not through pages.
    """

    queries: Queries
    history: History
    log_parts: LogParts
    insights: JobInsights
    commands: Commands
    bulk: Bulk
    controls: Controls
    secrets: Secrets
    since: SinceSuccess
    mutes: Mutes
    held_mutes: HeldMutes
    uploads: Uploads
    views: Views
    kept_views: KeptViews
    executors: Executors
    live: Live
    settings: UiSettings
    clock: Clock
    version: str
    build: str = field(default_factory=build_mark)
    """Of what browsers are served: an open page that came from another one is stale."""


def noted(error: Exception, path: str) -> str:
    """Write what nobody expected of a request into the log, with its traceback; return its id there."""
    incident = secrets.token_hex(4)
    log.error("a request failed", incident=incident, path=path, exc_info=error)
    return incident


def person_id_in(cookies: Mapping[str, str]) -> UUID | None:
    """Return whose browser this is; None for a new one, or a cookie that is not ours."""
    try:
        return UUID(cookies.get(COOKIE, ""))
    except ValueError:
        return None

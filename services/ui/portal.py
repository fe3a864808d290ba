"""What every page and route gets: the ui's questions, commands and live state in one value."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import structlog
from starlette.requests import Request
from starlette.responses import Response

from services.ui.access import known
from services.ui.access.access import Access
from services.ui.access.cookies import cookie_name, session_cookie, session_in
from services.ui.access.signing_in import SignIn
from services.ui.commands import Bulk, Commands, Controls, Secrets
from services.ui.commands.alerts import Alerts
from services.ui.commands.files import Files
from services.ui.commands.mutes import Mutes
from services.ui.commands.tokens import Tokens
from services.ui.commands.uploads import Uploads
from services.ui.commands.users import Users
from services.ui.commands.views import Views
from services.ui.live import Live
from services.ui.queries import Queries
from services.ui.queries.alerts import KeptAlerts
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
"""Tells one browser of the machine itself from another: who signed in has preferences of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    """The composition of the ui, made once in `app.py`.

    `services.ui.pages.register(app, portal)` gets it and draws pages with it; live changes reach the
    browser through the WebSocket `/api/v1/stream`, not through pages.
    """

    access: Access
    sign_in: SignIn
    users: Users
    tokens: Tokens
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
    alerts: Alerts
    kept_alerts: KeptAlerts
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

    @property
    def files(self) -> Files:
        """Return what is done with all jobs at once, as a text."""
        return Files(database=self.queries.database, commands=self.commands, controls=self.controls)


def noted(error: Exception, path: str) -> str:
    """Write what nobody expected of a request into the log, with its traceback; return its id there."""
    incident = secrets.token_hex(4)
    log.error("a request failed", incident=incident, path=path, exc_info=error)
    return incident


def person_id_in(cookies: Mapping[str, str]) -> UUID | None:
    """Return whose preferences count: the user's; else the browser's, None for one that has none."""
    who = known()
    if who is not None and who.user_id is not None:
        return who.user_id
    try:
        return UUID(cookies.get(COOKIE, ""))
    except ValueError:
        return None


def session_of(request: Request, portal: Portal) -> str | None:
    """Return the secret that the browser's cookie holds; None where it has none."""
    return session_in(request.headers.get("cookie", ""), _cookie_of(request, portal)[0])


def signed_in(response: Response, request: Request, portal: Portal, secret: str) -> Response:
    """Return the answer with the cookie of a session; "": with none any more."""
    name, secure = _cookie_of(request, portal)
    response.headers.append("set-cookie", session_cookie(name, secret, secure=secure))
    response.headers["cache-control"] = "no-store"
    return response


def _cookie_of(request: Request, portal: Portal) -> tuple[str, bool]:
    host = request.headers.get("host", "")
    secure = portal.settings.place.is_public(host)
    return cookie_name(host, secure=secure), secure

"""The ui's composition: what its parts are made of, and how long each lives."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
import uvicorn
from fastapi import FastAPI
from nicegui import ui
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp

from services.ui import api, joined, pages
from services.ui.access.access import Access
from services.ui.access.local_key import local_key
from services.ui.access.signing_in import SignIn
from services.ui.api import openapi
from services.ui.api.problems import problem
from services.ui.assets import Assets
from services.ui.commands import Bulk, Commands, Controls, Secrets
from services.ui.commands.alerts import Alerts
from services.ui.commands.mutes import Mutes
from services.ui.commands.tokens import Tokens
from services.ui.commands.uploads import Uploads
from services.ui.commands.users import Users
from services.ui.commands.views import Views
from services.ui.commands.wake import Wakeups
from services.ui.gate import Gate
from services.ui.guard import Guard
from services.ui.link import Link
from services.ui.live import Live, LogSources, Sources
from services.ui.messaging import Messaging
from services.ui.notifications.courier import Courier
from services.ui.notifications.watch import Watch
from services.ui.pages import entry
from services.ui.place import LOOPBACK
from services.ui.portal import Portal
from services.ui.queries import Planning, Queries
from services.ui.queries.alerts import KeptAlerts
from services.ui.queries.executors import Executors
from services.ui.queries.history import History
from services.ui.queries.insights import JobInsights
from services.ui.queries.log_lines import LogParts
from services.ui.queries.mutes import HeldMutes
from services.ui.queries.since import SinceSuccess
from services.ui.queries.views import KeptViews
from services.ui.recorder.consumer import Recorder
from services.ui.recorder.script_texts import ScriptTexts
from services.ui.recorder.writer import Writer
from services.ui.retention import Retention
from services.ui.scripts import Scripts
from services.ui.settings import UiSettings
from services.ui.stream import stream_router
from services.ui.words import router as words_router
from shared.db.engine import LOCKED_OR_DOWN, Database, open_database
from shared.db.schema import refuse_unusable, wait_until_reached
from shared.runtime.clock import Clock, SystemClock
from shared.runtime.lifecycle import run_loops

log = structlog.get_logger()

TITLE = "Job Trigger Portal"
VERSION = "0.1.0"
_FAVICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<rect width="32" height="32" rx="8" fill="#2451c8"/>'
    '<path d="M12 9v14l11-7z" fill="#fff"/></svg>'
)
_GRACE_S = 2
_MAX_SOCKET_MESSAGE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The portal and the loops that feed it."""

    portal: Portal
    messaging: Messaging
    retention: Retention
    watch: Watch
    courier: Courier


def compose(settings: UiSettings, database: Database, clock: Clock) -> Parts:
    """Put the ui together; nothing runs yet."""
    link = Link(clock)
    scripts = Scripts(settings.scripts_dir, settings.interpreters)
    planning = Planning(reading=database.reading, clock=clock)
    queries = Queries(database=database, script_files=scripts, clock=clock, link=link, planning=planning)
    logs = LogSources(newest_attempt=queries.newest_attempt, chunks=queries.chunks)
    live = Live(clock, Sources(jobs=queries.jobs_by_ids, health=queries.health, logs=logs))
    wakeups = Wakeups(clock)
    commands = _commands(settings, database, clock, scripts, wakeups, live)
    access = Access(database, clock, local_key(settings.home))
    sign_in = SignIn(database.ledger, clock, access.presence)
    portal = Portal(
        access=access,
        sign_in=sign_in,
        users=Users(database, clock, sign_in),
        tokens=Tokens(database, clock, access.presence),
        queries=queries,
        history=History(database=database),
        log_parts=LogParts(database=database),
        insights=JobInsights(database=database, clock=clock),
        commands=commands,
        bulk=Bulk(commands),
        controls=Controls(
            sessions=database.ledger, clock=clock, wakeups=wakeups, on_held=live.health_changed
        ),
        secrets=Secrets(sessions=database.ledger, clock=clock, vault=settings.vault),
        since=SinceSuccess(database, scripts),
        mutes=Mutes(sessions=database.ledger, clock=clock, on_job_changed=live.job_changed),
        held_mutes=HeldMutes(database=database, clock=clock),
        alerts=Alerts(sessions=database.ledger, clock=clock, vault=settings.vault),
        kept_alerts=KeptAlerts(database=database),
        uploads=Uploads(database.ledger, scripts, clock, most_bytes=settings.upload_bytes),
        views=Views(sessions=database.ledger, clock=clock),
        kept_views=KeptViews(database=database),
        executors=Executors(database=database, clock=clock),
        live=live,
        settings=settings,
        clock=clock,
        version=VERSION,
    )
    return Parts(
        portal=portal,
        messaging=_messaging(portal, database, scripts, link, wakeups),
        retention=Retention(database, clock, keep_bytes=settings.keep_bytes),
        watch=Watch(database, clock, zone=settings.default_zone),
        courier=Courier(database, clock, settings.vault, public_url=settings.public_url),
    )


def _commands(
    settings: UiSettings, database: Database, clock: Clock, scripts: Scripts, wakeups: Wakeups, live: Live
) -> Commands:
    return Commands(
        sessions=database.ledger,
        scripts=scripts,
        clock=clock,
        wakeups=wakeups,
        vault=settings.vault,
        on_job_changed=live.job_changed,
    )


def _messaging(
    portal: Portal, database: Database, scripts: Scripts, link: Link, wakeups: Wakeups
) -> Messaging:
    return Messaging(
        amqp_url=portal.settings.amqp_url.get_secret_value(),
        clock=portal.clock,
        link=link,
        live=portal.live,
        script_texts=ScriptTexts(database, scripts, portal.clock),
        recorder=Recorder(Writer(database.logs), portal.clock, portal.live.stored),
        wakeups=wakeups,
    )


def machine_side(portal: Portal) -> FastAPI:
    """Return the app with the REST API and the stream, without pages."""
    # No interactive docs: they would load their scripts from a foreign host.
    app = FastAPI(
        title=TITLE, version=portal.version, docs_url=None, redoc_url=None, openapi_url="/api/openapi.json"
    )
    api.register(app, portal)
    openapi.describe(app)
    app.include_router(stream_router(portal))
    app.include_router(entry.router(portal))

    @app.api_route(
        "/api/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False
    )
    async def unknown(path: str) -> object:
        return problem(404, f"There is nothing at /api/{path[:100]}.")

    return app


def guarded(app: ASGIApp, portal: Portal) -> ASGIApp:
    """Return the app behind guard and gate; compression is outside, for the guard must read pages."""
    place = portal.settings.place
    inside = Guard(Gate(Assets(app), portal.access, place), place)
    return GZipMiddleware(inside, minimum_size=1_000, compresslevel=5)


def make_site(portal: Portal) -> ASGIApp:
    """Return everything that is served. Once per process: NiceGUI's own app is a global."""
    app = machine_side(portal)
    app.include_router(joined.router())
    app.include_router(words_router())
    pages.register(app, portal)
    # The mount at / swallows every route that comes later.
    ui.run_with(
        app,
        title=TITLE,
        favicon=_FAVICON,
        dark=None,
        language=None,  # the guard says it: pages speak what their reader chose
        reconnect_timeout=10,
        tailwind=False,
        binding_refresh_interval=None,
        gzip_middleware_factory=None,
        show_welcome_message=False,
    )
    return guarded(app, portal)


async def serve(settings: UiSettings, stop: asyncio.Event) -> None:
    """Serve until `stop`; the death of a loop ends everything with its error."""
    async with open_database(settings, name="ui") as database:
        await refuse_unusable(database.reading)
        parts = compose(settings, database, SystemClock())
        has_owner = await _has_owner(settings, parts.portal, database)
        with _listening(settings, has_owner=has_owner) as listener:
            server = _Server(_config(make_site(parts.portal)))
            host, port = listener.getsockname()[:2]
            url = f"http://{settings.ui_published or host}:{port}"
            log.info("portal serves", url=url, public_url=settings.public_url)
            if not has_owner:
                await _invite_owner(parts.portal, url)
            await run_until_served(server, listener, stop, parts)


async def _has_owner(settings: UiSettings, portal: Portal, database: Database) -> bool:
    """Say whether somebody set it up; where others could reach it, a database that is away is waited for."""
    if settings.reached_at not in LOOPBACK:
        await wait_until_reached(database.reading, portal.clock)
    try:
        return await portal.access.has_owner()
    except LOCKED_OR_DOWN:
        return False


async def _invite_owner(portal: Portal, url: str) -> None:
    try:
        code = await portal.sign_in.link(None)
    except LOCKED_OR_DOWN:
        log.warning("nobody could be invited to set up the portal: start it again when its database is up")
        return
    base = portal.settings.public_url or url
    log.warning("the portal has no owner yet: open this link once", link=f"{base}/setup?code={code}")


async def run_until_served(
    server: uvicorn.Server, listener: socket.socket, stop: asyncio.Event, parts: Parts
) -> None:
    """Run server and loops; after `stop` the server closes its sockets first, then the loops end."""
    served = asyncio.Event()

    async def serve_until_stop() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve(sockets=[listener]))
            await stop.wait()
            server.should_exit = True
        served.set()

    live = parts.portal.live
    await run_loops(
        served,
        serve_until_stop(),
        parts.messaging.run(),
        live.run(),
        live.watch_health(),
        parts.portal.access.watch(),
        parts.retention.run(),
        parts.watch.run(),
        parts.courier.run(),
    )


class _Server(uvicorn.Server):
    """Uvicorn without its signal handlers: signals belong to `shared.runtime.lifecycle`."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="on",
        server_header=False,
        proxy_headers=False,
        ws_max_size=_MAX_SOCKET_MESSAGE,
        # Each socket's compressor holds 300 KB and doubles the cost of a change: streams say little.
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=_GRACE_S,
    )


@contextmanager
def _listening(settings: UiSettings, *, has_owner: bool = False) -> Iterator[socket.socket]:
    host = settings.checked_host(has_owner=has_owner)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, settings.ui_port), family=family, backlog=1_024)
    except OSError as error:
        raise SystemExit(
            f"cannot listen on {host}:{settings.ui_port}: {error.strerror}. "
            "Stop what uses it, or set PORTAL_UI_PORT to another port."
        ) from error
    with listener:
        yield listener

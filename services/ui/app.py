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
from services.ui.api.problems import problem
from services.ui.assets import Assets
from services.ui.commands import Bulk, Commands, Controls, Secrets
from services.ui.commands.mutes import Mutes
from services.ui.commands.uploads import Uploads
from services.ui.commands.views import Views
from services.ui.commands.wake import Wakeups
from services.ui.guard import Guard
from services.ui.link import Link
from services.ui.live import Live, LogSources, Sources
from services.ui.messaging import Messaging
from services.ui.portal import Portal
from services.ui.queries import Planning, Queries
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
from shared.db.engine import Database, open_database
from shared.db.schema import refuse_unusable
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


def compose(settings: UiSettings, database: Database, clock: Clock) -> Parts:
    """Put the ui together; nothing runs yet."""
    link = Link(clock)
    scripts = Scripts(settings.scripts_dir, settings.interpreters)
    planning = Planning(reading=database.reading, clock=clock)
    queries = Queries(database=database, script_files=scripts, clock=clock, link=link, planning=planning)
    logs = LogSources(newest_attempt=queries.newest_attempt, chunks=queries.chunks)
    live = Live(clock, Sources(jobs=queries.jobs_by_ids, health=queries.health, logs=logs))
    wakeups = Wakeups(clock)
    commands = Commands(
        sessions=database.ledger,
        scripts=scripts,
        clock=clock,
        wakeups=wakeups,
        vault=settings.vault,
        on_job_changed=live.job_changed,
    )
    controls = Controls(sessions=database.ledger, clock=clock, wakeups=wakeups, on_held=live.health_changed)
    return Parts(
        portal=Portal(
            queries=queries,
            history=History(database=database),
            log_parts=LogParts(database=database),
            insights=JobInsights(database=database, clock=clock),
            commands=commands,
            bulk=Bulk(commands),
            controls=controls,
            secrets=Secrets(sessions=database.ledger, clock=clock, vault=settings.vault),
            since=SinceSuccess(database, scripts),
            mutes=Mutes(sessions=database.ledger, clock=clock, on_job_changed=live.job_changed),
            held_mutes=HeldMutes(database=database, clock=clock),
            uploads=Uploads(database.ledger, scripts, clock, most_bytes=settings.upload_bytes),
            views=Views(sessions=database.ledger, clock=clock),
            kept_views=KeptViews(database=database),
            executors=Executors(database=database, clock=clock),
            live=live,
            settings=settings,
            clock=clock,
            version=VERSION,
        ),
        messaging=Messaging(
            amqp_url=settings.amqp_url.get_secret_value(),
            clock=clock,
            link=link,
            live=live,
            script_texts=ScriptTexts(database, scripts, clock),
            recorder=Recorder(Writer(database.logs), clock, live.stored),
            wakeups=wakeups,
        ),
        retention=Retention(database, clock, keep_bytes=settings.keep_bytes),
    )


def machine_side(portal: Portal) -> FastAPI:
    """Return the app with the REST API and the stream, without pages."""
    # No interactive docs: they would load their scripts from a foreign host.
    app = FastAPI(
        title=TITLE, version=portal.version, docs_url=None, redoc_url=None, openapi_url="/api/openapi.json"
    )
    api.register(app, portal)
    app.include_router(stream_router(portal))

    @app.api_route(
        "/api/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False
    )
    async def unknown(path: str) -> object:
        return problem(404, f"There is nothing at /api/{path[:100]}.")

    return app


def guarded(app: ASGIApp) -> ASGIApp:
    """Return the app behind the guard; compression is outside, for the guard must read pages."""
    return GZipMiddleware(Guard(Assets(app)), minimum_size=1_000, compresslevel=5)


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
    return guarded(app)


async def serve(settings: UiSettings, stop: asyncio.Event) -> None:
    """Serve until `stop`; the death of a loop ends everything with its error."""
    with _listening(settings) as listener:
        async with open_database(settings, name="ui") as database:
            await refuse_unusable(database.reading)
            parts = compose(settings, database, SystemClock())
            server = _Server(_config(make_site(parts.portal)))
            host, port = listener.getsockname()[:2]
            url = f"http://{settings.ui_published or host}:{port}"
            log.info("portal serves on loopback, there is no sign-in yet", url=url)
            await run_until_served(server, listener, stop, parts)


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
        parts.retention.run(),
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
def _listening(settings: UiSettings) -> Iterator[socket.socket]:
    host = settings.checked_host()
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

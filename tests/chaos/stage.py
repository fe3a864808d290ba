"""The real system for the harness: every process behind a wire of its own, restarted by us."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from services.cli import broker_definitions, broker_node, ports, probe, roster
from services.cli.broker_config import USERS, NodeConfig, NodePorts
from services.cli.broker_definitions import CONSOLE_USER
from services.cli.environment import Settings
from services.cli.home import Home
from services.cli.management import Management
from services.cli.process import Program
from shared.db.engine import Database, open_database
from shared.db.migrate import upgrade
from shared.runtime.settings import DatabaseSettings
from tests.chaos.disks import Disk, small_disks
from tests.chaos.ledger_clock import LedgerClock, steppable_clock
from tests.chaos.proxy import Wire, wire_to
from tests.chaos.servant import Servant
from tests.support.identity import LocalAuth
from tests.support.postgres import PrivateServer, private_server

GRACE_S = 10
"""The schedulers' misfire grace: short, so that outages make missed ranges as well."""
READY_BOUND_S = 150.0
_SECOND_CLOCK_S = 47.5
"""How far the wall clock of the second scheduler is off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """All that a fault can touch and that a judge can ask."""

    folder: Path
    home: Home
    node: NodeConfig
    broker: Servant
    services: dict[str, Servant]
    to_broker: dict[str, Wire]
    to_database: dict[str, Wire]
    postgres: PrivateServer | None
    clock: LedgerClock | None
    """What the schedulers go by; on SQLite, it is their own."""
    disks: Mapping[str, Disk]
    """Of the executors that have one which can be full."""
    database: Database
    http: httpx.AsyncClient

    @property
    def servants(self) -> tuple[Servant, ...]:
        return (self.broker, *self.services.values())

    @property
    def management(self) -> Management:
        return Management(
            url=self.node.management_url, user=CONSOLE_USER, password=self.node.passwords[CONSOLE_USER]
        )

    async def ready(self) -> None:
        """Wait until every process says that it is ready.

        Raises:
            TimeoutError: not within 150 s; names those that are not.
        """
        try:
            async with asyncio.timeout(READY_BOUND_S):
                while await self.unready():  # noqa: ASYNC110 - processes announce nothing to us
                    await asyncio.sleep(0.3)
        except TimeoutError as error:
            raise TimeoutError(f"not ready after {READY_BOUND_S:g} s: {await self.unready()}") from error

    async def unready(self) -> list[str]:
        """Return the names of those that do not say that they are ready."""
        return [one.name for one in self.servants if not await probe.is_ready(one.program.probe)]


def service_names(database: str, executors: int) -> tuple[str, ...]:
    """Return the services of a stage; two schedulers need PostgreSQL."""
    schedulers = ("scheduler",) if database == "sqlite" else ("scheduler", "scheduler-2")
    return (*schedulers, *roster.executor_names(executors), "ui")


@asynccontextmanager
async def set_stage(
    folder: Path, scripts: Path, *, database: str, names: tuple[str, ...]
) -> AsyncIterator[Stage]:
    """Start everything and give it while inside; nothing is left of it afterwards."""
    async with AsyncExitStack() as stack:
        server = stack.enter_context(_server(database))
        home = Home(folder / "home")
        home.make()
        node = _node(home)
        url = None if server is None else server.postgres.fresh_database()
        store = DatabaseSettings(home=home.folder, database_url=url)
        await upgrade(store)
        clock = None if url is None or server is None else steppable_clock(server.postgres, url)
        to_broker = {name: await stack.enter_async_context(wire_to(node.ports.amqp)) for name in names}
        to_database = {
            name: await stack.enter_async_context(wire_to(server.port))
            for name in names
            if server is not None and roster.kind(name) != "executor"
        }
        executors = [home.executor(name) for name in names if roster.kind(name) == "executor"]
        disks = stack.enter_context(small_disks(executors))
        said = folder / "said"
        epmd, broker = broker_node.programs(node)
        programs = _programs(
            home, node, scripts, to_broker, {n: _url(url, w) for n, w in to_database.items()}
        )
        stage = Stage(
            folder=folder,
            home=home,
            node=node,
            broker=Servant(broker, said),
            services={program.name: Servant(program, said) for program in programs},
            to_broker=to_broker,
            to_database=to_database,
            postgres=server,
            clock=clock,
            disks=disks,
            database=await stack.enter_async_context(open_database(store, name="chaos")),
            http=await stack.enter_async_context(_http(programs)),
        )
        async with asyncio.TaskGroup() as group:
            lives = [group.create_task(one.run()) for one in (Servant(epmd, said), *stage.servants)]
            try:
                await stage.ready()
                yield stage
            finally:
                for life in lives:
                    life.cancel()


def _server(database: str) -> AbstractContextManager[PrivateServer | None]:
    return private_server() if database == "postgresql" else nullcontext()


def _node(home: Home) -> NodeConfig:
    return NodeConfig(
        folder=home.broker,
        ports=NodePorts(**ports.reserve(NodePorts.names(), home.ports)),
        passwords={user: secrets.token_urlsafe(18) for user in USERS},
        content=broker_definitions.of_vhost(),
    )


def _url(url: str | None, wire: Wire) -> str:
    assert url is not None
    parts = urlsplit(url)
    return parts._replace(netloc=f"{parts.username}@127.0.0.1:{wire.port}").geturl()


def _programs(
    home: Home, node: NodeConfig, scripts: Path, wires: dict[str, Wire], databases: dict[str, str]
) -> list[Program]:
    """Return the services as `portal up` starts them, but for their addresses."""
    health = ports.reserve([*wires, "portal"], home.ports)
    found = []
    for name, wire in wires.items():
        urls = {
            user: f"amqp://{user}:{node.passwords[user]}@127.0.0.1:{wire.port}/" for user in node.passwords
        }
        settings = Settings(home=home, amqp_urls=urls, ui_port=health["portal"], sandbox="process")
        own = {
            "PORTAL_SCRIPTS_DIR": str(scripts),
            "PORTAL_MISFIRE_GRACE_S": str(GRACE_S),
            "PORTAL_EXECUTOR_SLOTS": "6",
        }
        if name in databases:
            own["PORTAL_DATABASE_URL"] = databases[name]
        if name == "scheduler-2":
            own["PORTAL_CLOCK_OFFSET_S"] = str(_SECOND_CLOCK_S)
        found.append(_program(name, settings, health, own))
    return found


def _program(name: str, settings: Settings, health: dict[str, int], own: dict[str, str]) -> Program:
    kind = roster.kind(name)
    wanted = {"scheduler": health[name]} | ({name: health[name]} if kind == "executor" else {})
    (program,) = (
        one for one in roster.services(settings, wanted) if one.name == (name if kind == "executor" else kind)
    )
    return replace(program, name=name, environment={**program.environment, **own})


@asynccontextmanager
async def _http(programs: list[Program]) -> AsyncIterator[httpx.AsyncClient]:
    (ui,) = (program for program in programs if program.name == "ui")
    base = ui.probe.removesuffix("/readyz")
    known = LocalAuth(Path(ui.environment["PORTAL_HOME"]))
    async with httpx.AsyncClient(base_url=f"{base}/api/v1", timeout=10, auth=known) as http:
        yield http

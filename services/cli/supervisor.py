"""`portal up`: the broker, the database's migration, the three services; gated, watched, drained in order.

What does not depend on each other starts together: installing or booting the broker takes longest, the
migration runs beside it, and the services import and connect (with retry) while the node still boots.
"""

import asyncio
import os
import signal
from dataclasses import dataclass, field
from datetime import UTC, datetime

from services.cli import broker_node, broker_source, fences, leftovers, ports, probe, record, roster, sample
from services.cli.broker_definitions import CONSOLE_USER
from services.cli.broker_source import BrokerSource
from services.cli.child import Child
from services.cli.console import Console
from services.cli.environment import Settings
from services.cli.errors import CannotStart
from services.cli.home import Home
from services.cli.process import Identity, Program, identify, spawn
from services.cli.sample import local_bearer
from shared.domain.errors import PortalError

_MIGRATE_BOUND_S = 120.0
_HURRIED = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line of `portal up` asks for."""

    home: Home
    port: int
    executors: int
    sample: bool
    sandbox: str

    @property
    def portal_url(self) -> str:
        """Where the portal is to be seen."""
        return f"http://127.0.0.1:{self.port}"


@dataclass(slots=True, kw_only=True)
class Supervisor:
    """The children of one portal and the order in which they come and go. Needs its home to be held."""

    options: Options
    console: Console
    _children: list[Child] = field(default_factory=list)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _identity: Identity | None = None
    _since: datetime = field(default_factory=lambda: datetime.now(UTC))
    _console_url: str | None = None
    _failures: list[str] = field(default_factory=list)
    _killed: list[str] = field(default_factory=list)

    async def run(self) -> int:
        """Start everything, wait for a signal, drain. Return 0; 1: the start failed; 130: it was hurried."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup stays nohup
                loop.add_signal_handler(number, self._on_signal)
        async with asyncio.TaskGroup() as group:
            starting = group.create_task(self._start_or_tell(group))
            await self._stop.wait()
            starting.cancel()
            await self._drain()
        self.options.home.record.unlink(missing_ok=True)
        if self._killed:
            self.console.say(f"Stopped at once. Killed before they had drained: {', '.join(self._killed)}.")
            self.console.say("The scripts they ran are killed with them; the next start settles those runs.")
            return _HURRIED
        for failure in self._failures:  # last, so that what stopped does not scroll it away
            self.console.say(f"The portal cannot start: {failure}")
        return 1 if self._failures else 0

    async def _start_or_tell(self, group: asyncio.TaskGroup) -> None:
        try:
            await self._start(group)
        except* (PortalError, OSError) as failures:
            self._failures += map(str, failures.exceptions)
            self._stop.set()

    async def _start(self, group: asyncio.TaskGroup) -> None:
        options, console = self.options, self.console
        console.step("portal", f"home {options.home.folder}")
        self._identity = identify(os.getpid())
        await leftovers.end(options.home, console)
        if not ports.is_free(options.port):
            raise CannotStart(f"port {options.port} is taken by another program: choose one with --port")
        level = await self._sandbox()
        source = broker_source.choose(options.home, console)
        settings = Settings(
            home=options.home, amqp_urls=source.amqp_urls, ui_port=options.port, sandbox=level
        )
        names = ("scheduler", *roster.executor_names(options.executors))
        services = roster.services(settings, ports.reserve(names, options.home.ports))
        async with asyncio.TaskGroup() as steps:
            steps.create_task(self._start_broker(source, group))
            for program in services:
                if roster.kind(program.name) == "executor":  # they know no database: nothing to wait for
                    self._launch(program, group)
            await self._migrate(settings)
            for program in services:
                if roster.kind(program.name) != "executor":
                    self._launch(program, group)
        async with asyncio.TaskGroup() as gates:
            for child in self._children:
                gates.create_task(child.ready())
        if options.sample:
            await sample.seed(options.home, options.portal_url, console)
        self._welcome(source, level, await self._setup_link())

    async def _setup_link(self) -> str | None:
        """Return where somebody makes themselves the owner; None: there is one."""
        address = f"{self.options.portal_url}/api/v1/users/setup-link"
        try:
            answer = await probe.request("POST", address, authorization=local_bearer(self.options.home))
        except OSError:
            return None  # the ui went at this moment, and says it itself when it comes back
        return answer.body.get("link") if isinstance(answer.body, dict) else None

    async def _sandbox(self) -> str:
        level, problem = await fences.tried(self.options.sandbox)
        if problem:
            raise CannotStart(f"{problem} That is: portal up --sandbox process")
        return level

    async def _start_broker(self, source: BrokerSource, group: asyncio.TaskGroup) -> None:
        """Return when the node is booting, not when it serves: services wait for it by themselves."""
        if source.node is None:
            return
        await broker_source.ensure_installed(self.console)
        epmd, node = broker_node.programs(source.node)
        self._console_url = source.node.management_url
        await self._launch(epmd, group).ready()
        self._launch(node, group)

    async def _migrate(self, settings: Settings) -> None:
        output = self.options.home.record.with_name("migrate.out")
        with self.console.timed("migrate", "database is up to date"):
            process = await spawn(roster.migration(settings, output))
            try:
                async with asyncio.timeout(_MIGRATE_BOUND_S):
                    code = await process.child.wait()
            except TimeoutError as error:
                raise CannotStart(
                    f"migrate has not ended after {_MIGRATE_BOUND_S:.0f} s: see {output}"
                ) from error
            finally:
                process.kill()
            if code != 0:
                raise CannotStart(f"migrate ended with {code}{process.last_words()}")

    def _launch(self, program: Program, group: asyncio.TaskGroup) -> Child:
        child = Child(program, self.console, self._write_record)
        self._children.append(child)
        group.create_task(child.run())
        return child

    def _welcome(self, source: BrokerSource, level: str, setup_link: str | None) -> None:
        options, say = self.options, self.console.say
        say()
        say(f"  Portal     {options.portal_url}")
        if setup_link is not None:
            say(f"  Set up     {setup_link}   open it once: it makes you the owner")
        if source.node is not None:
            secret = options.home.broker_password(CONSOLE_USER)
            say(f"  RabbitMQ   {source.node.management_url}   user {CONSOLE_USER}, password in {secret}")
        say(f"  Sandbox    {level}: {fences.WORDS[level]}")
        say("  Stop       Ctrl-C, or `portal down`")
        say()
        self.console.step("portal", "everything is ready")

    def _on_signal(self) -> None:
        if not self._stop.is_set():
            self._stop.set()
            return
        # Killed children end the drain's waits at once: nothing needs to be cancelled.
        self._killed += [child.name for child in self._children if child.abandon()]

    async def _drain(self) -> None:
        if self._children:
            how = "executors wait for their running scripts, Ctrl-C again stops at once"
            self.console.step("portal", f"stopping; {how}")
        for kind in roster.DRAIN_ORDER:
            async with asyncio.TaskGroup() as wave:
                for child in self._children:
                    if roster.kind(child.name) == kind:
                        wave.create_task(self._stop_child(child))

    async def _stop_child(self, child: Child) -> None:
        with self.console.timed(child.name, "stopped"):
            await child.stop()

    def _write_record(self) -> None:
        identity = self._identity
        if identity is None:
            return
        records = (child.record for child in self._children)
        current = record.Record(
            pid=identity.pid,
            started=identity.started,
            since=self._since,
            portal_url=self.options.portal_url,
            console_url=self._console_url,
            children=tuple(each for each in records if each is not None),
        )
        record.write(current, self.options.home.record)

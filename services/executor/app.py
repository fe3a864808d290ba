"""The composition root: builds the parts of an executor, starts its loops, and drains it at the end."""

import asyncio
import contextlib
import os
import resource
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import structlog

from services.executor.attempt import Means
from services.executor.claims import Claims
from services.executor.control import Control
from services.executor.heartbeat import Heartbeat
from services.executor.holdings import Holdings
from services.executor.identity import Identity
from services.executor.intake import Due, Intake
from services.executor.journal import Journal, locked_journal
from services.executor.log_sender import LogSender
from services.executor.problems import problems
from services.executor.recovery import Owed, bury_keepers, recover
from services.executor.reporter import Reporter
from services.executor.sandbox.interpreter import find_python
from services.executor.sandbox.level import Sandbox
from services.executor.sandbox.process import compiled_keeper
from services.executor.settings import ExecutorSettings
from services.executor.slots import Slots
from services.executor.spool import Spools
from shared.broker import Broker, Consumer, Publisher, Requests, connect, until_declared
from shared.domain.ids import BootId, ExecutorName, new_id
from shared.messages.envelope import AttemptRef
from shared.messages.topology import control_queue, due_queue
from shared.runtime.clock import Clock, SystemClock
from shared.runtime.health import endpoint
from shared.runtime.lifecycle import run_loops

log = structlog.get_logger()

_CONTROL_PREFETCH = 100
_MAX_DUE_PREFETCH = 16
_CLAIM_FAREWELL_S = 16.0
_DELIVERED_S = 30.0
"""How long a drained executor tries to hand its reports and output to the broker."""
_ANSWERED_S = 5.0
"""How long it then waits for settled and stored: who would say so may have been stopped before it."""


@dataclass(slots=True)
class _Base:
    """What needs no broker."""

    settings: ExecutorSettings
    identity: Identity
    clock: Clock
    journal: Journal
    spools: Spools
    sandbox: Sandbox
    owed: Owed
    draining: bool = False
    problems: tuple[str, ...] = ()

    def look(self) -> tuple[bool, tuple[str, ...]]:
        """Look at the disk; called with every heartbeat."""
        found = problems(
            scripts_dir=self.settings.scripts_dir, home=self.settings.state_dir, spools=self.spools
        )
        if found != self.problems:
            log.warning("problems changed", problems=found)
        self.problems = found
        return self.draining, found

    def is_open(self) -> bool:
        """Say whether runs are taken."""
        return not self.draining and not self.problems


@dataclass(slots=True)
class _Parts:
    """The loops, once the broker is there."""

    base: _Base
    broker: Broker
    claims: Claims
    reporter: Reporter
    logs: LogSender
    holdings: Holdings
    intake: Intake
    heartbeat: Heartbeat
    control: Control
    drain: Callable[[], None]
    """Take no more runs."""


@dataclass(slots=True)
class _Executor:
    """The process: the base from its start, the parts from the moment the broker answers."""

    base: _Base
    parts: _Parts | None = None
    drained: asyncio.Event = field(default_factory=asyncio.Event)

    def facts(self) -> Mapping[str, object]:
        """Return what the health endpoint shows; ready means that all of it is true."""
        parts = self.parts
        return {
            "broker connected": parts is not None and parts.broker.connected,
            "consuming or full": parts is not None and parts.intake.is_consuming,
            "renewal answered": parts is not None and parts.heartbeat.is_answered,
            "no problems": not self.base.problems,
        }


async def run(settings: ExecutorSettings, stop: asyncio.Event, clock: Clock | None = None) -> None:
    """Run the executor until `stop` is set and what it holds has ended, is settled and stored."""
    executor = _Executor(_base(settings, clock or SystemClock()))
    identity = executor.base.identity
    log.info("executor starts", boot=str(identity.boot), slots=identity.slots)
    async with endpoint(settings.health_port, executor.facts):
        executor.base.sandbox.keep_ready()
        await run_loops(executor.drained, _serve(executor), _drain(executor, stop))
    executor.base.sandbox.close()
    log.info("executor ends")


def _base(settings: ExecutorSettings, clock: Clock) -> _Base:
    home = settings.state_dir
    # Four descriptors a run: 256 slots do not fit into the usual soft limit. Scripts get theirs anew.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    journal = locked_journal(home, name=settings.executor_name)
    keeper = home / "keeper.pyc"
    bury_keepers(keeper)
    identity = Identity(
        name=ExecutorName(settings.executor_name),
        boot=BootId(new_id()),
        host=socket.gethostname(),
        pid=os.getpid(),
        started_at=clock.now(),
        slots=settings.executor_slots,
        pools=settings.executor_pools,
        sandbox=settings.sandbox,
    )
    spools = Spools(home / "spool")
    work_root = home / "work"
    sandbox = Sandbox(
        scripts_dir=settings.scripts_dir,
        python=find_python(settings.script_python),
        work_root=work_root,
        keeper=compiled_keeper(keeper),
    )
    owed = recover(journal, spools, identity=identity, work_root=work_root, clock=clock)
    return _Base(settings, identity, clock, journal, spools, sandbox, owed)


async def _serve(executor: _Executor) -> None:
    base = executor.base
    url = base.settings.amqp_url.get_secret_value()
    async with connect(url, name=base.identity.name) as broker, _parts(base, broker) as parts:
        executor.parts = parts
        for report in base.owed.reports:
            parts.reporter.take(report)
            parts.reporter.send(report)
        async with asyncio.TaskGroup() as loops:
            loops.create_task(parts.holdings.run())
            loops.create_task(parts.reporter.run())
            loops.create_task(parts.logs.run())
            loops.create_task(parts.control.run())
            loops.create_task(parts.heartbeat.run())
            loops.create_task(parts.intake.run())
            loops.create_task(_pass_on_changes(parts))
            loops.create_task(_release(base.owed, parts))


@asynccontextmanager
async def _parts(base: _Base, broker: Broker) -> AsyncIterator[_Parts]:
    identity = base.identity
    queues = {urgent: [due_queue(pool, urgent=urgent) for pool in identity.pools] for urgent in (True, False)}
    await until_declared(broker)
    async with AsyncExitStack() as stack:
        publisher = await stack.enter_async_context(Publisher.on(broker))
        requests = await stack.enter_async_context(Requests.on(broker))
        heard = await stack.enter_async_context(
            Consumer.on(broker, control_queue(identity.name, identity.boot), prefetch=_CONTROL_PREFETCH)
        )
        prefetch = min(identity.slots, _MAX_DUE_PREFETCH)
        dues = []
        for urgent, some in queues.items():
            for queue in some:
                consumer = Consumer.on(broker, queue, prefetch=prefetch, start=False)
                dues.append(Due(consumer=await stack.enter_async_context(consumer), urgent=urgent))
        yield _wired(base, broker, publisher, requests, heard, tuple(dues))


def _wired(
    base: _Base,
    broker: Broker,
    publisher: Publisher,
    requests: Requests,
    heard: Consumer,
    dues: tuple[Due, ...],
) -> _Parts:
    identity, clock = base.identity, base.clock
    slots = Slots(identity.slots)
    claims = Claims(requests, identity=identity, key=base.settings.grant_key(), clock=clock)
    reporter = Reporter(base.journal, publisher, clock)
    logs = LogSender(base.spools, publisher, clock)
    means = Means(
        identity=identity,
        clock=clock,
        journal=base.journal,
        spools=base.spools,
        reporter=reporter,
        claims=claims,
        sandbox=base.sandbox,
    )
    holdings = Holdings(means, slots)
    intake = Intake(dues, claims=claims, holdings=holdings, slots=slots, clock=clock, is_open=base.is_open)

    def condition() -> tuple[bool, tuple[str, ...]]:
        before = base.problems
        found = base.look()
        if base.problems != before:
            intake.look()
        return found

    heartbeat = Heartbeat(
        requests,
        identity=identity,
        holdings=holdings,
        reporter=reporter,
        clock=clock,
        condition=condition,
    )

    def drain() -> None:
        if not base.draining:
            log.info("draining", held=len(holdings.refs))
        base.draining = True
        intake.look()
        heartbeat.hurry()

    control = Control(heard, name=identity.name, holdings=holdings, logs=logs, drain=drain)
    return _Parts(base, broker, claims, reporter, logs, holdings, intake, heartbeat, control, drain)


async def _release(owed: Owed, parts: _Parts) -> None:
    for grant in owed.releases:
        ref = AttemptRef(grant.attempt_id, grant.token)
        await parts.claims.release(ref, boot=grant.boot, reason="the executor restarted before the start")
        await parts.base.journal.remove(grant.attempt_id)


async def _pass_on_changes(parts: _Parts) -> None:
    """Tell intake and heartbeat that an attempt has come or gone."""
    while True:
        await parts.holdings.changed.wait()
        parts.holdings.changed.clear()
        parts.intake.look()
        parts.heartbeat.hurry()


async def _drain(executor: _Executor, stop: asyncio.Event) -> None:
    await stop.wait()
    executor.base.draining = True
    if executor.parts is not None:
        executor.parts.drain()
        await _finish(executor.parts)
    executor.drained.set()


async def _finish(parts: _Parts) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_CLAIM_FAREWELL_S):
            await parts.intake.is_shut.wait()
    await parts.holdings.is_idle.wait()
    reporter, spools = parts.reporter, parts.base.spools
    try:
        await _until(lambda: reporter.is_told and spools.are_delivered, parts.base.clock, _DELIVERED_S)
        await _until(lambda: reporter.is_idle and spools.is_empty, parts.base.clock, _ANSWERED_S)
    except TimeoutError:
        log.warning("left before all was settled and stored: the next start tells it")


async def _until(holds: Callable[[], bool], clock: Clock, bound_s: float) -> None:
    async with asyncio.timeout(bound_s):
        while not holds():
            await clock.sleep(0.05)

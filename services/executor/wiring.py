"""Builds the parts of an executor on a broker's connection, runs their loops and brings them to an end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import product

import structlog

from services.executor.attempt import Means
from services.executor.claims import Claims
from services.executor.control import Control
from services.executor.environments import Environments, rules_of
from services.executor.heartbeat import Condition, Heartbeat
from services.executor.holdings import Holdings
from services.executor.identity import Identity
from services.executor.intake import Due, Intake
from services.executor.journal import Journal
from services.executor.log_sender import LogSender
from services.executor.place import Place
from services.executor.problems import problems
from services.executor.recovery import Owed, recover
from services.executor.reporter import Reporter
from services.executor.sandbox.level import Sandbox
from services.executor.settings import ExecutorSettings
from services.executor.slots import Slots
from services.executor.spool import Spools
from services.executor.states import States
from shared.broker import Broker, Consumer, Publisher, Requests, until_declared
from shared.domain.sandbox import offered
from shared.messages.envelope import AttemptRef
from shared.messages.topology import control_queue, due_queue
from shared.runtime.clock import Clock
from shared.runtime.lifecycle import endless

log = structlog.get_logger()

_CONTROL_PREFETCH = 100
_MAX_DUE_PREFETCH = 16
_CLAIM_FAREWELL_S = 16.0
_DELIVERED_S = 30.0
"""How long a drained executor tries to hand its reports and output to the broker."""
_ANSWERED_S = 5.0
"""How long it then waits for settled and stored: who would say so may have been stopped before it."""


@dataclass(slots=True)
class Base:
    """What needs no broker."""

    settings: ExecutorSettings
    identity: Identity
    clock: Clock
    place: Place
    journal: Journal
    spools: Spools
    sandbox: Sandbox
    environments: Environments
    states: States
    owed: Owed
    draining: bool = False
    """It stops: it takes no more runs, and leaves when it has ended what it has."""
    drained: bool = False
    """Somebody wants it to take no more runs until further notice."""
    problems: tuple[str, ...] = ()

    def look(self) -> tuple[bool, tuple[str, ...]]:
        """Look at the sandbox and the disk; called with every heartbeat."""
        found = problems(scripts_dir=self.settings.scripts_dir, home=self.place.folder, spools=self.spools)
        if self.sandbox.problem:
            found = (self.sandbox.problem, *found)
        if found != self.problems:
            log.warning("problems changed", problems=found)
        self.problems = found
        return self.draining or self.drained, found

    def is_open(self) -> bool:
        """Say whether runs are taken."""
        return not self.draining and not self.drained and not self.problems


@dataclass(slots=True)
class Parts:
    """The loops, once the broker is there."""

    base: Base
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


def opened(
    settings: ExecutorSettings, identity: Identity, clock: Clock, place: Place, sandbox: Sandbox
) -> Base:
    """Read what earlier boots left in the place; blocks."""
    journal, spools = Journal(place.journal), Spools(place.spool)
    owed = recover(journal, spools, identity=identity, work_root=place.work, clock=clock)
    environments = Environments(rules_of(settings, sandbox.environments), sandbox, clock)
    states = States(sandbox, clock)
    return Base(settings, identity, clock, place, journal, spools, sandbox, environments, states, owed)


@asynccontextmanager
async def parts_on(broker: Broker, base: Base) -> AsyncIterator[Parts]:
    """Open channels and queues for an executor and build its parts on them; nothing runs yet."""
    identity = base.identity
    await until_declared(broker)
    async with AsyncExitStack() as stack:
        publisher = await stack.enter_async_context(Publisher.on(broker))
        requests = await stack.enter_async_context(Requests.on(broker))
        heard = await stack.enter_async_context(
            Consumer.on(broker, control_queue(identity.name, identity.boot), prefetch=_CONTROL_PREFETCH)
        )
        prefetch = min(identity.slots, _MAX_DUE_PREFETCH)
        dues = []
        for pool, minimum, urgent in product(identity.pools, offered(identity.sandbox), (True, False)):
            queue = due_queue(pool, urgent=urgent, minimum=minimum)
            consumer = Consumer.on(broker, queue, prefetch=prefetch, start=False)
            dues.append(Due(consumer=await stack.enter_async_context(consumer), urgent=urgent))
        yield _wired(base, broker, publisher, requests, heard, tuple(dues))


def _wired(
    base: Base,
    broker: Broker,
    publisher: Publisher,
    requests: Requests,
    heard: Consumer,
    dues: tuple[Due, ...],
) -> Parts:
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
        environments=base.environments,
        vault=base.settings.vault,
    )
    holdings = Holdings(means, slots)
    intake = Intake(dues, claims=claims, holdings=holdings, slots=slots, clock=clock, is_open=base.is_open)

    heartbeat = Heartbeat(
        requests,
        identity=identity,
        holdings=holdings,
        reporter=reporter,
        clock=clock,
        condition=_condition(base, holdings, intake),
    )

    def drain() -> None:
        if not base.draining:
            log.info("draining", held=len(holdings.refs))
        base.draining = True
        intake.look()
        heartbeat.hurry()

    control = Control(heard, name=identity.name, holdings=holdings, logs=logs, renew=heartbeat.hurry)
    return Parts(base, broker, claims, reporter, logs, holdings, intake, heartbeat, control, drain)


def _condition(base: Base, holdings: Holdings, intake: Intake) -> Condition:
    def look() -> tuple[bool, tuple[str, ...]]:
        before = base.problems
        found = base.look()
        if base.problems != before:
            intake.look()
        return found

    def set_drained(wanted: bool) -> bool:
        if base.drained == wanted:
            return False
        log.info("drained" if wanted else "resumed", held=len(holdings.refs))
        base.drained = wanted
        intake.look()
        return True

    return Condition(
        look=look, is_stopping=lambda: base.draining, set_drained=set_drained, states=base.states
    )


async def run_parts(parts: Parts, *others: Coroutine[None, None, None]) -> None:
    """Run every loop, and these, until cancelled; what earlier boots owe is reported first."""
    for report in parts.base.owed.reports:
        parts.reporter.take(report)
        parts.reporter.send(report)
    forever = (
        parts.holdings.run(),
        parts.reporter.run(),
        parts.logs.run(),
        parts.control.run(),
        parts.heartbeat.run(),
        parts.intake.run(),
        _pass_on_changes(parts),
    )
    async with asyncio.TaskGroup() as group:
        for loop in forever:
            group.create_task(endless(loop))
        for other in others:
            group.create_task(other)


async def release(parts: Parts) -> None:
    """Give back what an earlier boot was granted and never started; asks until it is answered."""
    for grant in parts.base.owed.releases:
        ref = AttemptRef(grant.attempt_id, grant.token)
        reason, said = "the executor restarted before the start", parts.base.owed.said[grant.attempt_id]
        await parts.claims.release(ref, boot=grant.boot, reason=reason, log_seq=said)
        await parts.base.journal.remove(grant.attempt_id)


async def _pass_on_changes(parts: Parts) -> None:
    """Tell intake and heartbeat that an attempt has come or gone."""
    while True:
        await parts.holdings.changed.wait()
        parts.holdings.changed.clear()
        parts.intake.look()
        parts.heartbeat.hurry()


async def finish(parts: Parts) -> None:
    """Return when all that is held has ended, is told and was said goodbye to; start it with a drain."""
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
    await parts.heartbeat.leave()


async def _until(holds: Callable[[], bool], clock: Clock, bound_s: float) -> None:
    async with asyncio.timeout(bound_s):
        while not holds():
            await clock.sleep(0.05)

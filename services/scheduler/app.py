"""Wires the scheduler: opens what it needs in order, starts its loops, closes in reverse."""

import asyncio
import gc
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from math import inf

import structlog

from services.scheduler import claims, results
from services.scheduler.announcer import Announcer
from services.scheduler.chains import Chains
from services.scheduler.claims import Claims
from services.scheduler.dispatcher import Dispatcher
from services.scheduler.guard import only_scheduler, unless_stopped, usable
from services.scheduler.ledger import Ledger
from services.scheduler.limiting import Doorkeeper
from services.scheduler.parking import Parking
from services.scheduler.reaper import Reaper
from services.scheduler.relay import Relay
from services.scheduler.results import Results
from services.scheduler.retention import Retention
from services.scheduler.settings import SchedulerSettings
from services.scheduler.timing import first_look, keep_time
from services.scheduler.wakeup import News
from shared.broker import Broker, Consumer, Publisher, Requests, connect
from shared.db.engine import open_database
from shared.messages.topology import CLAIMS, SCHEDULER_EVENTS
from shared.runtime.clock import Clock, DistantClock, SystemClock
from shared.runtime.health import endpoint
from shared.runtime.lifecycle import run_loops

log = structlog.get_logger()

_PLANNER_ASLEEP_S = 90.0
_DATABASE_SILENT_S = 30.0
_RELAY_STUCK_S = 30.0
_LAST_MARK_S = 5.0
_PATIENCE_S = 60.0
"""So long without its database it keeps what RabbitMQ gave to it: others may well reach theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The facts that make the scheduler ready."""

    broker: Broker
    ledger: Ledger
    dispatcher: Dispatcher
    relay: Relay
    clock: Clock

    def facts(self) -> Mapping[str, object]:
        """Return each fact; ready means that all are true."""
        now = self.clock.monotonic()
        stuck_since = self.relay.stuck_since
        return {
            "broker connected": self.broker.connected,
            "database answers": now - self.ledger.answered.at < _DATABASE_SILENT_S,
            "planner awake": now - self.dispatcher.looped_at < _PLANNER_ASLEEP_S,
            "relay publishes": stuck_since is None or now - stuck_since < _RELAY_STUCK_S,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wires:
    """What the scheduler has of the broker."""

    broker: Broker
    publisher: Publisher
    answering: Publisher
    requests: Requests
    asked: Consumer
    events: Consumer


async def serve(settings: SchedulerSettings, stop: asyncio.Event) -> None:
    """Run the scheduler until `stop` is set.

    Raises:
        SystemExit: when it must not start: no key, no schema, another scheduler on SQLite.
    """
    key = settings.grant_key()
    local = SystemClock(offset_s=settings.clock_offset_s)
    shared = None if settings.ledger_url.startswith("sqlite") else DistantClock(local)
    clock = shared or local
    async with AsyncExitStack() as stack:
        stack.enter_context(only_scheduler(settings))
        opened = open_database(settings, name="scheduler", schedules=True)
        database = await stack.enter_async_context(opened)
        async with endpoint(settings.health_port, lambda: {"database answers": False}):
            if not await usable(settings, database.reading, clock, stop):
                return
            if shared is not None and not await unless_stopped(stop, first_look(shared, database.reading)):
                return
        wires = await unless_stopped(stop, _wired(stack, settings))
        if wires is None:
            return
        announcer = Announcer(wires.publisher, database.reading, clock)
        # A file is nobody else's: there it waits for as long as it takes.
        ledger = Ledger(database.ledger, clock, announcer, patience_s=_PATIENCE_S if shared else inf)
        relay, parking = _couriers(ledger, wires, settings)
        news = News(relay.look, parking.look, ledger.room.call)
        dispatcher = Dispatcher(ledger, news, settings, knows_time=lambda: shared is None or shared.steady)
        health = Health(broker=wires.broker, ledger=ledger, dispatcher=dispatcher, relay=relay, clock=clock)
        await stack.enter_async_context(endpoint(settings.health_port, health.facts))
        # What is loaded by now stays: looked through again and again it would cost pauses of tens of ms.
        gc.collect()
        gc.freeze()
        log.info("scheduler started", home=str(settings.home))
        await _run_until(
            stop,
            ledger,
            dispatcher.run(),
            dispatcher.run_held(),
            *(relay.run(), relay.run_marks(), relay.run_sweeps(), parking.run()),
            Chains(ledger, settings.misfire).run(),
            Doorkeeper(ledger).run(),
            Claims(ledger, wires.answering, key=key).run(wires.asked),
            Results(ledger, news).run(wires.events),
            Retention(ledger, settings.keep).run(),
            Reaper(ledger, wires.requests, lost_after_s=settings.lost_after_s).run(),
            announcer.run(),
            *([] if shared is None else [keep_time(shared, database.reading)]),
        )
        await _mark_last(relay)
    log.info("scheduler stopped")


async def _wired(stack: AsyncExitStack, settings: SchedulerSettings) -> _Wires:
    """Wait for the broker as long as it takes; the stack closes what there is of it."""
    enter = stack.enter_async_context
    broker = await enter(connect(settings.amqp_url.get_secret_value(), name="scheduler"))
    return _Wires(
        broker=broker,
        publisher=await enter(Publisher.on(broker, declares=True)),
        answering=await enter(Publisher.on(broker)),
        requests=await enter(Requests.on(broker)),
        asked=await enter(Consumer.on(broker, CLAIMS, prefetch=claims.PREFETCH)),
        events=await enter(Consumer.on(broker, SCHEDULER_EVENTS, prefetch=results.PREFETCH)),
    )


def _couriers(ledger: Ledger, wires: _Wires, settings: SchedulerSettings) -> tuple[Relay, Parking]:
    """Return what carries runs to their queues, and what could not be handled back from where it lies."""
    relay = Relay(ledger, wires.publisher, grace=settings.misfire.grace)
    return relay, Parking(ledger, wires.broker, wires.publisher)


async def _mark_last(relay: Relay) -> None:
    """Store what was confirmed a moment ago: the next start would publish it once more."""
    if relay.has_marks:
        with suppress(TimeoutError):  # without a database it is said twice, which changes nothing
            async with asyncio.timeout(_LAST_MARK_S):
                await relay.mark()


async def _run_until(stop: asyncio.Event, ledger: Ledger, *loops: Coroutine[None, None, None]) -> None:
    """Run the loops until `stop`, and end them between two transactions, never inside one.

    A transaction that is cancelled leaves its lock behind until its connection is collected.
    """
    rest = asyncio.Event()

    async def come_to_rest() -> None:
        await stop.wait()
        async with ledger.at_rest():
            rest.set()
            await asyncio.Event().wait()

    await run_loops(rest, come_to_rest(), *loops)

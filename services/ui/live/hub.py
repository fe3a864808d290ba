"""What changed since the last flush, and who wants to know."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import assert_never

import msgspec
import structlog

from services.ui.live.deltas import executor_delta, run_delta
from services.ui.live.subscriber import Subscriber, Tail
from services.ui.live.tails import LogSources, Tails
from services.ui.models import Health, JobItem
from shared.domain.ids import AttemptId, JobId, RunId
from shared.messages.events import ExecutorChanged, JobChanged, RunChanged
from shared.runtime.clock import Clock

log = structlog.get_logger()

FLUSH_S = 0.1
FLOODED_S = 1.0
"""Between two flushes of more changes than anybody is shown one by one: each makes every page load anew."""
AWAY_S = 1.0
"""From a flush that failed to the next: every page is told to load anew."""
HEALTH_S = 2.0
_NAMES = 10_000
_MAX_PENDING = 20_000
_MOST_SHOWN = 200
_ENCODER = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What the hub reads when something changed."""

    jobs: Callable[[list[JobId]], Awaitable[Sequence[JobItem]]]
    health: Callable[[], Awaitable[Health]]
    logs: LogSources


class Live:
    """The hub of one process."""

    def __init__(self, clock: Clock, sources: Sources) -> None:
        self._clock = clock
        self._sources = sources
        self._tails = Tails(clock, sources.logs)
        self._subscribers: set[Subscriber] = set()
        self._dirty = asyncio.Event()
        self._health_wanted = asyncio.Event()
        self._runs: dict[RunId, RunChanged] = {}
        self._executors: dict[str, ExecutorChanged] = {}
        self._jobs: set[JobId] = set()
        self._names: OrderedDict[JobId, str] = OrderedDict()
        self._forgot = False
        self._sent = 0

    @contextmanager
    def subscriber(self) -> Iterator[Subscriber]:
        """Open a place for one socket; it watches nothing yet."""
        subscriber = Subscriber()
        self._subscribers.add(subscriber)
        try:
            yield subscriber
        finally:
            self._subscribers.discard(subscriber)

    def subscribe(self, subscriber: Subscriber, topic: str, tail: Tail | None = None) -> None:
        """Feed this topic to the socket from now on; a log's topic comes with its cursor."""
        subscriber.topics.add(topic)
        if tail is not None:
            subscriber.tails[tail.run_id] = tail
            self._dirty.set()
        if topic == "health":
            subscriber.knows_health = False
            self._health_wanted.set()

    def note(self, message: RunChanged | ExecutorChanged | JobChanged) -> None:
        """Take one event; only the newest per id is kept until the next flush, of so many runs at most."""
        if not self._subscribers:
            return
        match message:
            case RunChanged() if len(self._runs) >= _MAX_PENDING:
                self._forgot = True
            case RunChanged():
                self._runs[message.run_id] = message
            case ExecutorChanged():
                self._executors[message.executor] = message
            case JobChanged():
                self._jobs.add(message.job_id)
            case _:
                assert_never(message)
        self._dirty.set()

    def job_changed(self, job_id: JobId) -> None:
        """Take a change that this process made itself: it needs no broker to be shown."""
        if self._subscribers:
            self._jobs.add(job_id)
            self._dirty.set()

    def health_changed(self) -> None:
        """Look at the health at once: this process changed something that it tells of."""
        self._health_wanted.set()

    def stored(self, attempts: Iterable[AttemptId]) -> None:
        """Take the word that output of these attempts is in the store."""
        if self._subscribers:
            self._tails.stored(attempts)
            self._dirty.set()

    def resync(self) -> None:
        """Tell every socket to load again: events may have been lost. Logs go on from their cursors."""
        for subscriber in self._subscribers:
            for topic in subscriber.topics:
                if not topic.startswith("log:"):
                    subscriber.resync(topic)
        self.read_logs_again()

    def read_logs_again(self) -> None:
        """Look at every followed log: something may have been stored unheard."""
        for subscriber in self._subscribers:
            for tail in subscriber.tails.values():
                tail.pending = True
        self._dirty.set()

    @property
    def watches_logs(self) -> bool:
        """Say whether any socket follows a log."""
        return any(subscriber.tails for subscriber in self._subscribers)

    async def run(self) -> None:
        """Flush at once, then at most every 100 ms; for ever, and idle while nothing happens."""
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            pause_s = FLOODED_S if len(self._runs) > _MOST_SHOWN else FLUSH_S
            try:
                await self._flush()
            except Exception:  # a loop's boundary: a database that is away must not end the stream
                log.exception("live changes could not be read")
                self.resync()
                pause_s = AWAY_S
            await self._clock.sleep(pause_s)

    async def watch_health(self) -> None:
        """Ask for the health every 2 s while somebody watches it, and tell it when it changed."""
        last: Health | None = None
        while True:
            watching = [each for each in self._subscribers if "health" in each.topics]
            if watching:
                health = await self._sources.health()
                told = watching if health != last else [each for each in watching if not each.knows_health]
                self._send("health", [health], told)
                for each in watching:
                    each.knows_health = True
                last = health
            try:
                async with asyncio.timeout(HEALTH_S if watching else None):
                    await self._health_wanted.wait()
                self._health_wanted.clear()
            except TimeoutError:
                continue

    async def _flush(self) -> None:
        if self._forgot:
            self._forgot = False
            self.resync()
        runs, self._runs = self._runs, {}
        executors, self._executors = self._executors, {}
        jobs, self._jobs = self._jobs, set()
        await self._flush_jobs(jobs, runs.values())
        deltas = {run_id: run_delta(run, self._names.get(run.job_id, "")) for run_id, run in runs.items()}
        if len(deltas) > _MOST_SHOWN:
            self._to_load("runs")
        else:
            self._send("runs", list(deltas.values()), self._subscribers)
        for run_id, delta in deltas.items():
            self._send(f"run:{run_id}", [delta], self._subscribers)
        self._send("executors", [executor_delta(each) for each in executors.values()], self._subscribers)
        if await self._tails.flush(list(self._subscribers), changed=runs, send=self._send):
            self._dirty.set()

    async def _flush_jobs(self, changed: set[JobId], runs: Iterable[RunChanged]) -> None:
        unknown = {run.job_id for run in runs} - self._names.keys()
        if len(changed) > _MOST_SHOWN:  # one wish for many jobs
            self._to_load("jobs")
            changed = set()
        if not changed | unknown:
            return
        items = await self._sources.jobs(sorted(changed | unknown))
        for item in items:
            self._names[JobId(item.id)] = item.name
        while len(self._names) > _NAMES:
            self._names.popitem(last=False)
        self._send("jobs", [item for item in items if item.id in changed], self._subscribers)

    def _to_load(self, topic: str) -> None:
        """Say that so much changed at once that to load a page is less than to be sent it all."""
        for each in self._subscribers:
            if topic in each.topics:
                each.resync(topic)

    def _send(self, topic: str, items: Sequence[object], to: Iterable[Subscriber]) -> None:
        wanting = [each for each in to if topic in each.topics]
        if not items or not wanting:
            return
        self._sent += 1
        payload = _ENCODER.encode({"seq": self._sent, "topic": topic, "items": items}).decode()
        for subscriber in wanting:
            subscriber.offer(topic, payload)

"""Publishes due attempts at their instants. The attempt row is the outbox: what is lost is said again."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.announcer import SOURCE
from services.scheduler.endings import Ending, end_unstarted
from services.scheduler.ledger import Effects, Ledger
from services.scheduler.shortfall import Count, Shortfalls
from services.scheduler.wakeup import WakeUp
from shared.broker import Outgoing, Publisher
from shared.db.attempts import AttemptView, attempts_of_runs, mark_published
from shared.db.cursors import refresh_next_due
from shared.db.executors import ExecutorView, executors
from shared.db.holds import open_holds, over_since
from shared.db.locks import lock_free_jobs, lock_jobs
from shared.db.misfire import superseded
from shared.db.waiting import Waiting, unclaimed, unpublished
from shared.domain.errors import BrokerUnavailable, PortalError, Unroutable
from shared.domain.holds import Hold, Holds
from shared.domain.ids import AttemptId, JobId
from shared.domain.job import is_pool_name
from shared.domain.run import Cause, Reason, RunState
from shared.messages.commands import JobDue
from shared.messages.topology import Exchange, Queue, due_key, due_queue, due_queues

log = structlog.get_logger()

SWEEP_S = 3.0
_BATCH = 500
_AGAIN_AFTER = timedelta(seconds=0.5)
_MARK_AFTER_S = 0.5
"""Marks wait for one another: most attempts are claimed by then, and a commit stood in their way."""
_MARK_BATCH = 250
"""So few at once that no claim waits long for the jobs that are locked meanwhile."""
_OVERLOOKED_AFTER = timedelta(seconds=2)
"""What another scheduler published is marked by then; with `SWEEP_S` a dead one's is said again in 5 s."""
_IDLE_S = 60.0
_MOST_SWEPT = 5_000
_MOST_QUEUES = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What a sweep found: nothing of what is held back."""

    holds: Holds
    overlooked: Sequence[Waiting] = ()
    """Due, and not confirmed."""
    lying: Sequence[Waiting] = ()
    """Published for long, and not claimed."""
    seats: Mapping[str, int] = field(default_factory=dict)
    """How many slots of executors each queue has, by its name."""


class Relay:
    """Three loops: publish what is due, mark what was confirmed, look for what was overlooked."""

    def __init__(self, ledger: Ledger, publisher: Publisher, *, grace: timedelta) -> None:
        self._ledger = ledger
        self._clock = ledger.clock
        self._publisher = publisher
        self._grace = grace
        self._confirmed: dict[AttemptId, tuple[Waiting, datetime]] = {}
        self._failed: set[AttemptId] = set()
        self._shortfalls = Shortfalls()
        self._holds = Holds()
        self._confirms = WakeUp()
        self._looks = WakeUp()
        self.stuck_since: float | None = None
        """Since when the broker takes nothing, by the monotonic clock; None while it does."""

    @property
    def has_marks(self) -> bool:
        """Say whether confirms wait to be stored."""
        return bool(self._confirmed)

    def look(self) -> None:
        """Sweep soon: what people hold back may have changed."""
        self._looks.call()

    async def run(self) -> None:
        """Publish attempts at their due instants until cancelled."""
        agenda = self._ledger.attempts
        while True:
            due = agenda.take_due(self._clock.now(), limit=_BATCH)
            if due:
                await self.publish(due)
            else:
                await agenda.wait(self._clock)

    async def run_marks(self) -> None:
        """Store confirms until cancelled, those that come within half a second together."""
        while True:
            await self._confirms.wait(self._clock, _IDLE_S)
            await self._clock.sleep(_MARK_AFTER_S)
            if self._confirmed:
                await self.mark()

    async def run_sweeps(self) -> None:
        """Look every `SWEEP_S` for what is due and not confirmed, or confirmed and not claimed."""
        ahead = timedelta(seconds=SWEEP_S)
        due_by = self._clock.now() + ahead
        while True:
            await self.sweep(due_by=due_by)
            await self.declare_queues()
            await self._looks.wait(self._clock, SWEEP_S)
            # What is due this instant is in the agenda, or on its way: only the rest was overlooked.
            due_by = self._clock.now() - _OVERLOOKED_AFTER

    async def publish(self, due: Sequence[Waiting]) -> None:
        """Publish these attempts; what is not confirmed comes back to the agenda.

        What is held back is left as it is: once it is not any more, a sweep finds it.
        """
        if self.stuck_since is not None and not await self._publisher.is_taken():
            # What a blocked broker is sent it takes later: one feeler a time, not all that waits each time.
            self._failed.update(one.id for one in due)
            self._ledger.attempts.put(self._clock.now() + _AGAIN_AFTER, due)
            return
        wanted = await self._judged(self._free(due))
        batch = [self._outgoing(one) for one in wanted]
        outcomes = await self._publisher.publish_all(batch)
        now = self._clock.now()
        failed: list[tuple[Waiting, PortalError]] = []
        self._failed.difference_update(one.id for one in due)
        for one, outcome in zip(wanted, outcomes, strict=True):
            if outcome is None:
                self._confirmed[one.id] = (one, now)
            else:
                failed.append((one, outcome))
        if len(failed) < len(wanted):
            self._confirms.call()
        await self._try_again(failed, now=now)

    async def mark(self) -> None:
        """Store what the broker confirmed since the last time. What another scheduler is at waits a while."""
        confirmed = list(self._confirmed.items())
        for start in range(0, len(confirmed), _MARK_BATCH):
            await self._mark(dict(confirmed[start : start + _MARK_BATCH]))
        if self._confirmed:
            self._confirms.call()

    async def _mark(self, confirmed: dict[AttemptId, tuple[Waiting, datetime]]) -> None:
        async def work(session: AsyncSession, _: Effects) -> set[JobId]:
            jobs = await lock_free_jobs(session, {one.job_id for one, _ in confirmed.values()})
            marks = [(one.id, one.token, at) for one, at in confirmed.values() if one.job_id in jobs]
            await mark_published(session, marks)
            await refresh_next_due(session, jobs, now=self._clock.now())
            return jobs

        marked = await self._ledger.write(work)
        for attempt_id, mark in confirmed.items():
            if self._confirmed.get(attempt_id) is mark and mark[0].job_id in marked:
                del self._confirmed[attempt_id]

    async def sweep(self, *, due_by: datetime) -> None:
        """Note again what is due by then and not confirmed, and what was confirmed and is lost."""
        now = self._clock.now()
        seen = await self._ledger.write(lambda session, _: _look(session, due_by=due_by, now=now))
        self._holds = seen.holds
        # Confirmed and not marked yet, or tried again already: no reason to say it twice.
        known = self._confirmed.keys() | self._failed
        overlooked = [one for one in seen.overlooked if one.id not in known]
        for one in overlooked:
            self._ledger.attempts.put(one.due_at, (one,))
        lost = [one for one in await self._lost(seen.lying, seen.seats, now=now) if one.id not in known]
        for one in lost:
            self._ledger.attempts.put(now, (one,))
        if lost or (overlooked and due_by < now):
            log.warning("publishing again", unmarked=len(overlooked), unclaimed=len(lost))

    async def declare_queues(self) -> None:
        """Declare the queues that executors serve, and again what was deleted by hand."""
        known = await self._ledger.write(lambda session, _: executors(session))
        served = {
            queue.name: queue for executor in known if executor.online for queue in _served_by(executor)
        }
        # Who could speak as an executor must not have queues without end made.
        queues = [served[name] for name in sorted(served)[:_MOST_QUEUES]]
        try:
            await self._publisher.keep_declared(*queues)
        except BrokerUnavailable as error:
            log.warning("queues not declared yet", error=str(error))

    def _free(self, due: Sequence[Waiting]) -> Sequence[Waiting]:
        """Return what nobody holds back, as far as the last sweep knows; each claim looks for itself."""
        now = self._clock.now()
        return [one for one in due if self._holds.of_pool(one.pool, now) is None]

    def _outgoing(self, one: Waiting) -> Outgoing:
        message = JobDue(
            source=SOURCE,
            time=self._clock.now(),
            job_id=one.job_id,
            run_id=one.run_id,
            attempt_id=one.id,
            token=one.token,
        )
        return Outgoing(
            exchange=Exchange.DUE,
            key=due_key(one.pool, urgent=one.urgent, minimum=one.min_sandbox),
            message=message,
            correlation_id=str(one.run_id),
        )

    async def _try_again(self, failed: Sequence[tuple[Waiting, PortalError]], *, now: datetime) -> None:
        if not failed:
            self.stuck_since = None
            return
        if self.stuck_since is None:
            self.stuck_since = self._clock.monotonic()
            log.warning("attempts not published yet", count=len(failed), error=str(failed[0][1]))
        missing = (_queue_of(one) for one, error in failed if isinstance(error, Unroutable))
        for queue in {queue.name: queue for queue in missing}.values():
            await self._declare(queue)
        self._failed.update(one.id for one, _ in failed)
        self._ledger.attempts.put(now + _AGAIN_AFTER, [one for one, _ in failed])

    async def _judged(self, due: Sequence[Waiting]) -> Sequence[Waiting]:
        """Judge misfire once more for what is published late for the first time, by the rule of its job."""
        limit = self._clock.now() - self._grace
        late = {
            one.run_id: one.job_id
            for one in due
            if one.due_at < limit
            and one.publish_count == 0
            and one.number == 1
            and one.cause is Cause.SCHEDULE
        }
        if not late:
            return due

        async def work(session: AsyncSession, effects: Effects) -> set[AttemptId]:
            await lock_jobs(session, set(late.values()))
            now = self._clock.now()
            old = await attempts_of_runs(
                session, await superseded(session, late.keys(), grace=self._grace, now=now)
            )
            holds = await over_since(session, min(one.due_at for one in due)) if old else ()
            for attempt in old.values():
                await end_unstarted(session, effects, attempt, _missed(attempt, holds, now=now))
            return set(old)

        missed = await self._ledger.write(work)
        return [one for one in due if one.id not in missed]

    async def _lost(
        self, lying: Sequence[Waiting], seats: Mapping[str, int], *, now: datetime
    ) -> list[Waiting]:
        """Return those that lie published for long and are in no queue: by its depth nobody has them.

        Counted is where they are to lie by now: what its job has moved to another level is said there.
        """
        queues: dict[str, tuple[Queue, list[Waiting]]] = {}
        for one in lying:
            queue = _queue_of(one)
            queues.setdefault(queue.name, (queue, []))[1].append(one)
        lost: list[Waiting] = []
        for name, (queue, waiting) in queues.items():
            ready = await self._depth(queue)
            if ready is None:
                continue
            count = Count(waiting=len(waiting), ready=ready, in_hand=seats.get(name, 0))
            if ready == 0:
                lost += (one for one in waiting if _is_overdue(one, now=now))
            elif self._shortfalls.note(name, count, now=self._clock.monotonic()):
                lost += waiting
        return lost

    async def _declare(self, queue: Queue) -> bool:
        try:
            await self._publisher.declare(queue)
        except BrokerUnavailable as error:
            log.warning("queue not declared yet", queue=queue.name, error=str(error))
            return False
        return True

    async def _depth(self, queue: Queue) -> int | None:
        """Return how many messages are ready, of a queue that somebody may have deleted; None: unknown."""
        if not await self._declare(queue):
            return None
        try:
            return await self._publisher.depth(queue)
        except BrokerUnavailable as error:
            log.warning("depth of a queue not known", queue=queue.name, error=str(error))
            return None


def _missed(attempt: AttemptView, holds: Sequence[Hold], *, now: datetime) -> Ending:
    was_held = any(one.kept(attempt.pool, attempt.run_due_at) for one in holds)
    detail = "it was held back when it was due" if was_held else "it could not be published in time"
    return Ending(state=RunState.MISSED, reason=Reason.DOWNTIME, detail=detail, finished_at=now)


async def _look(session: AsyncSession, *, due_by: datetime, now: datetime) -> _Seen:
    holds = await open_holds(session)
    if holds.freeze(now) is not None:
        return _Seen(holds=holds)
    # What is held back must not take the place of what may go.
    paused = holds.paused_pools(now).keys()
    overlooked = await unpublished(session, due_by=due_by, limit=_MOST_SWEPT, but_of=paused)
    published_before = now - wait_before_republish(1)
    lying = await unclaimed(session, published_before=published_before, limit=_MOST_SWEPT, but_of=paused)
    seats: Counter[str] = Counter()
    if lying:
        for executor in await executors(session):
            if executor.online:
                seats.update({queue.name: executor.slots for queue in _served_by(executor)})
    return _Seen(holds=holds, overlooked=overlooked, lying=lying, seats=seats)


def _queue_of(one: Waiting) -> Queue:
    return due_queue(one.pool, urgent=one.urgent, minimum=one.min_sandbox)


def _served_by(executor: ExecutorView) -> list[Queue]:
    pools = filter(is_pool_name, executor.pools)
    return [queue for pool in pools for queue in due_queues(pool, executor.sandbox)]


def _is_overdue(one: Waiting, *, now: datetime) -> bool:
    since = one.published_at
    return since is not None and now - since > wait_before_republish(one.publish_count)


def wait_before_republish(publish_count: int) -> timedelta:
    """Return how long a published attempt may stay unclaimed: 10 s, doubled each time, at most 5 min."""
    doublings = min(max(publish_count - 1, 0), 5)
    return min(timedelta(seconds=10) * (1 << doublings), timedelta(minutes=5))

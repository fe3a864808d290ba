"""Plans what is due soon, and decides what is held when it is due. It sleeps until then."""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.asked import handle_requests
from services.scheduler.calendars import calendars_of
from services.scheduler.deadlines import end_overdue
from services.scheduler.definitions import BATCH as JOB_BATCH
from services.scheduler.definitions import follow_jobs
from services.scheduler.emission import write_plans
from services.scheduler.ledger import Effects, Ledger
from services.scheduler.overlap import decide_held
from services.scheduler.planning import Case, line_of, plan_cases
from services.scheduler.rules import Rules, Span
from services.scheduler.settings import SchedulerSettings
from services.scheduler.wakeup import News, nap
from services.scheduler.zone_rules import ZoneRules
from shared.db.cursors import next_due_at
from shared.db.locks import lock_jobs
from shared.db.planning import DueCursor, beyond_promises, due_cursors
from shared.db.runs import Place, held_dues, unfinished_runs
from shared.db.statements import pieces
from shared.domain.ids import JobId
from shared.domain.policy import Overlap

log = structlog.get_logger()

SWEEP_S = 5.0
"""So long a request or a held run may wait whose message or instant was overlooked;"""
JOB_SWEEP_S = 15.0
"""so long a job's new version;"""
_READ_ALL_S = 600.0
"""so long one whose change was stored under an instant of long ago: looking for it reads every job."""
_CHANGED_WITHIN = timedelta(minutes=2)
"""What differs between the clocks of two machines, and passes before a change is committed."""
_BATCH = 500
_SWEEP = timedelta(seconds=SWEEP_S)
_JUMP_S = 1.0

_LOCKED_PAUSE = timedelta(seconds=0.1)
_REFILL_AT = 0.75
"""Of the window that is left when it is filled again."""


class Dispatcher:
    """Two loops: one plans ahead of time, the other decides what is contested in time."""

    def __init__(
        self,
        ledger: Ledger,
        news: News,
        settings: SchedulerSettings,
        *,
        knows_time: Callable[[], bool] = lambda: True,
    ) -> None:
        """Plan while `knows_time` says that the clock is not in doubt."""
        self._ledger = ledger
        self._clock = ledger.clock
        self._news = news
        self._window = settings.plan_window
        self._misfire = settings.misfire
        self._zone_rules = ZoneRules(ledger, settings.misfire)
        self._knows_time = knows_time
        self._offset = self._wall_offset()
        self._swept_at = self._jobs_swept_at = self._read_all_at = float("-inf")
        self.looped_at = self._clock.monotonic()
        """When the planning loop came round last, by the monotonic clock."""

    async def run(self) -> None:
        """Plan until cancelled: at the instants that come near, and when there is news."""
        while True:
            self._note_jump()
            await self._follow()
            await self._handle_requests()
            next_at = await self.plan_due() if self._knows_time() else self._clock.now()
            self.looped_at = self._clock.monotonic()
            if await self._zone_rules.step():
                continue
            # A job of every second costs one commit a second, and that one half a second away from the
            # due instants, which are whole seconds: a claim must not wait for the plan's commit.
            ahead = None if next_at is None else next_at - self._window * _REFILL_AT
            if ahead is not None:
                # What another scheduler holds at the moment is looked at again, but not all the time.
                ahead = max(ahead, self._clock.now() + _LOCKED_PAUSE)
            await self._news.wake.wait(self._clock, nap(ahead, self._clock.now(), at_most_s=SWEEP_S))

    async def run_held(self) -> None:
        """Decide held runs at their due instants until cancelled; swept every `SWEEP_S`."""
        agenda = self._ledger.held
        swept_at = float("-inf")
        while True:
            now = self._clock.now()
            jobs = set(agenda.take_due(now, limit=_BATCH))
            if self._clock.monotonic() - swept_at >= SWEEP_S:
                swept_at = self._clock.monotonic()
                jobs |= await self._sweep_held(now)
            if jobs:
                await self.decide(jobs)
            await agenda.wait(self._clock, at_most_s=SWEEP_S)

    async def _sweep_held(self, now: datetime) -> set[JobId]:
        """Note what comes due until the next sweep, end what waits for too long, return what is due."""
        due_by = now + _SWEEP
        held = await self._ledger.write(lambda session, _: held_dues(session, due_by=due_by))
        for due_at, job_id in held:
            if due_at > now:
                self._ledger.held.put(due_at, (job_id,))
        await self.end_overdue()
        return {job_id for due_at, job_id in held if due_at <= now}

    async def end_overdue(self) -> None:
        """End what was not started by its deadline."""
        after: Place | None = None
        while True:
            at = after

            async def work(session: AsyncSession, effects: Effects, at: Place | None = at) -> Place | None:
                return await end_overdue(session, effects, now=self._clock.now(), after=at)

            after = await self._ledger.write(work)
            if after is None:
                return

    async def plan_due(self) -> datetime | None:
        """Plan every instant within the window and return the next one after it."""
        while True:
            try:
                full, next_at = await self._ledger.write(self._plan)
            except IntegrityError:
                full, next_at = await self._ledger.write(self._plan_warily)
            if not full:
                return next_at

    async def decide(self, jobs: set[JobId]) -> None:
        """Decide what is held of these jobs."""

        async def work(session: AsyncSession, effects: Effects) -> None:
            await lock_jobs(session, jobs)
            await decide_held(session, effects, jobs, now=self._clock.now())

        await self._ledger.write(work)

    async def _follow(self) -> None:
        changed = self._news.take_jobs()
        monotonic = self._clock.monotonic()
        if monotonic - self._read_all_at >= _READ_ALL_S:
            self._read_all_at = self._jobs_swept_at = monotonic
            await self._take_over(None, since=None)
        elif monotonic - self._jobs_swept_at >= JOB_SWEEP_S:
            self._jobs_swept_at = monotonic
            await self._take_over(None, since=self._clock.now() - _CHANGED_WITHIN)
        for piece in pieces(changed):
            await self._take_over(piece, since=None)

    async def _take_over(self, changed: Collection[JobId] | None, *, since: datetime | None) -> None:
        async def work(session: AsyncSession, effects: Effects) -> int:
            now = self._clock.now()
            return await follow_jobs(session, effects, changed, misfire=self._misfire, now=now, since=since)

        while await self._ledger.write(work) == JOB_BATCH:
            pass

    async def _handle_requests(self) -> None:
        is_sweep = self._clock.monotonic() - self._swept_at >= SWEEP_S
        if not self._news.take_requests() and not is_sweep:
            return
        self._swept_at = self._clock.monotonic()

        async def work(session: AsyncSession, effects: Effects) -> bool:
            return await handle_requests(session, effects, misfire=self._misfire, now=self._clock.now())

        while await self._ledger.write(work):
            pass

    async def _plan(self, session: AsyncSession, effects: Effects) -> tuple[bool, datetime | None]:
        return await self._plan_batch(session, effects, wary=False)

    async def _plan_warily(self, session: AsyncSession, effects: Effects) -> tuple[bool, datetime | None]:
        return await self._plan_batch(session, effects, wary=True)

    async def _plan_batch(
        self, session: AsyncSession, effects: Effects, *, wary: bool
    ) -> tuple[bool, datetime | None]:
        now = self._clock.now()
        horizon = now + self._window
        cursors = await due_cursors(session, due_by=horizon, limit=_BATCH)
        if cursors and wary:
            cursors = await beyond_promises(session, cursors)
        if cursors:
            cases = await self._cases(session, cursors, Span(now=now, horizon=horizon))
            await write_plans(session, effects, await plan_cases(session, cases), now=now, wary=wary)
        return len(cursors) == _BATCH, await next_due_at(session)

    async def _cases(self, session: AsyncSession, cursors: Sequence[DueCursor], span: Span) -> list[Case]:
        """Return the jobs of these cursors, each with those of its schedules that are due."""
        jobs: dict[JobId, list[DueCursor]] = defaultdict(list)
        for cursor in cursors:
            jobs[cursor.job_id].append(cursor)
        shelf = await calendars_of(session, {job_id: due[0].policy for job_id, due in jobs.items()})
        unlimited = {job_id for job_id, due in jobs.items() if _runs_any_number(due[0])}
        unfinished = await unfinished_runs(session, jobs.keys() - unlimited, now=span.now)
        return [
            Case(
                rules=Rules(
                    job_id=job_id,
                    policy=due[0].policy,
                    overlap=due[0].overlap,
                    misfire=self._misfire,
                    calendars=shelf.get(job_id),
                    unfinished=len(unfinished.get(job_id, ())),
                    promised=due[0].promised,
                ),
                lines=tuple(
                    line_of(one, decided_until=one.decided_until, shown_at=one.shown_at) for one in due
                ),
                span=span,
                pool=due[0].pool,
                min_sandbox=due[0].min_sandbox,
                has_siblings=due[0].has_siblings,
            )
            for job_id, due in jobs.items()
        ]

    def _note_jump(self) -> None:
        offset = self._wall_offset()
        jumped_s, self._offset = offset - self._offset, offset
        if abs(jumped_s) > _JUMP_S:
            log.warning("clock jump", by_s=round(jumped_s, 3))

    def _wall_offset(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()


def _runs_any_number(cursor: DueCursor) -> bool:
    return cursor.overlap is Overlap.ALLOW and cursor.policy.max_concurrent is None

"""Plans what is due soon, and decides what is held when it is due. It sleeps until then."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.asked import BATCH as REQUEST_BATCH
from services.scheduler.asked import handle_requests
from services.scheduler.definitions import BATCH as JOB_BATCH
from services.scheduler.definitions import follow_jobs
from services.scheduler.emission import Planned, write_plans
from services.scheduler.ledger import Effects, Ledger
from services.scheduler.overlap import decide_held
from services.scheduler.planner import Span, plan
from services.scheduler.settings import SchedulerSettings
from services.scheduler.wakeup import News, nap
from shared.db.cursors import DueCursor, due_cursors, next_due_at
from shared.db.locks import lock_jobs
from shared.db.runs import held_dues, unfinished_runs
from shared.domain.ids import JobId
from shared.domain.policy import Overlap

log = structlog.get_logger()

SWEEP_S = 5.0
"""So long a request or a held run may wait whose message or instant was overlooked;"""
JOB_SWEEP_S = 15.0
"""so long a job's new version: looking for it reads every job."""
_BATCH = 500
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
        self._knows_time = knows_time
        self._offset = self._wall_offset()
        self._swept_at = self._jobs_swept_at = float("-inf")
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
        for due_at, job_id in await self._ledger.write(lambda session, _: held_dues(session)):
            agenda.put(due_at, (job_id,))
        swept_at = self._clock.monotonic()
        while True:
            now = self._clock.now()
            jobs = set(agenda.take_due(now, limit=_BATCH))
            if self._clock.monotonic() - swept_at >= SWEEP_S:
                swept_at = self._clock.monotonic()
                held = await self._ledger.write(lambda session, _: held_dues(session))
                jobs |= {job_id for due_at, job_id in held if due_at <= now}
            if jobs:
                await self.decide(jobs)
            await agenda.wait(self._clock, at_most_s=SWEEP_S)

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
        changed: set[JobId] | None = self._news.take_jobs()
        if self._clock.monotonic() - self._jobs_swept_at >= JOB_SWEEP_S:
            self._jobs_swept_at = self._clock.monotonic()
            changed = None
        if changed is not None and not changed:
            return

        async def work(session: AsyncSession, effects: Effects) -> int:
            return await follow_jobs(session, effects, changed, misfire=self._misfire, now=self._clock.now())

        while await self._ledger.write(work) == JOB_BATCH:
            pass

    async def _handle_requests(self) -> None:
        is_sweep = self._clock.monotonic() - self._swept_at >= SWEEP_S
        if not self._news.take_requests() and not is_sweep:
            return
        self._swept_at = self._clock.monotonic()

        async def work(session: AsyncSession, effects: Effects) -> int:
            return await handle_requests(session, effects, misfire=self._misfire, now=self._clock.now())

        while await self._ledger.write(work) == REQUEST_BATCH:
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
        if cursors:
            guarded = {cursor.job_id for cursor in cursors if cursor.overlap is Overlap.SKIP}
            active = set(await unfinished_runs(session, guarded, now=now))
            planned = [self._planned(cursor, active, now=now, horizon=horizon) for cursor in cursors]
            await write_plans(session, effects, planned, now=now, wary=wary)
        return len(cursors) == _BATCH, await next_due_at(session)

    def _planned(self, cursor: DueCursor, active: set[JobId], *, now: datetime, horizon: datetime) -> Planned:
        span = Span(decided_until=cursor.decided_until, now=now, horizon=horizon)
        decided = plan(
            cursor.schedule,
            span,
            misfire=self._misfire,
            overlap=cursor.overlap,
            active=cursor.job_id in active,
        )
        if decided.emissions:
            active.add(cursor.job_id)
        return Planned(schedule_id=cursor.schedule_id, job_id=cursor.job_id, pool=cursor.pool, plan=decided)

    def _note_jump(self) -> None:
        offset = self._wall_offset()
        jumped_s, self._offset = offset - self._offset, offset
        if abs(jumped_s) > _JUMP_S:
            log.warning("clock jump", by_s=round(jumped_s, 3))

    def _wall_offset(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()

"""Starts jobs that run after others, when the ends that they wait for have arrived.

What arrived is a row, written with the end of the run that it tells of. To start a run of another job needs
the lock of that job, and takes a transaction of its own: whoever dies between the two leaves the row, which
every scheduler's sweep finds.
"""

from collections.abc import Collection, Iterable
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.arrivals import tell
from services.scheduler.definitions import follow_jobs
from services.scheduler.ledger import Effects, Ledger
from services.scheduler.overlap import decide_held
from services.scheduler.rules import Misfire
from shared.db.arrivals import Follower, followers, lost_for_good, take_arrivals
from shared.db.cursors import take_numbers
from shared.db.locks import lock_jobs, lock_new_jobs
from shared.db.runs import NewRun, insert_runs
from shared.domain.chain import Arrival, Starts, starts_of
from shared.domain.ids import ArrivalId, JobId, RunId, new_id
from shared.domain.run import Cause, Reason, RunState

log = structlog.get_logger()

SWEEP_S = 5.0
"""So long an arrival may wait whose scheduler died, and a lost run that cannot be going any more."""
_BATCH = 100


class Chains:
    """One loop: it looks at jobs as soon as something has arrived at them, and now and then at all."""

    def __init__(self, ledger: Ledger, misfire: Misfire) -> None:
        self._ledger = ledger
        self._clock = ledger.clock
        self._misfire = misfire

    async def run(self) -> None:
        """Start what is to be started until cancelled."""
        agenda = self._ledger.arrived
        swept_at = float("-inf")
        while True:
            jobs = set(agenda.take_due(self._clock.now(), limit=_BATCH))
            if self._clock.monotonic() - swept_at >= SWEEP_S:
                swept_at = self._clock.monotonic()
                jobs |= await self.sweep()
            if jobs:
                await self.start(jobs)
            await agenda.wait(self._clock, at_most_s=SWEEP_S)

    async def sweep(self) -> set[JobId]:
        """Tell the ends of what is lost for good, and return some of the jobs that have something to do."""
        now = self._clock.now()
        if lost := await self._ledger.write(lambda session, _: lost_for_good(session, now=now)):
            jobs = {one.job_id for one in lost}
            await self._ledger.write(lambda session, effects: tell_lost(session, effects, jobs, now=now))
        waiting = await self._ledger.write(lambda session, _: followers(session))
        return set([one.job_id for one in waiting if _starts(one) != Starts()][:_BATCH])

    async def start(self, jobs: Collection[JobId]) -> None:
        """Start what has arrived in full at these jobs."""

        async def work(session: AsyncSession, effects: Effects) -> None:
            now = self._clock.now()
            await lock_new_jobs(session, jobs)
            # A job may run after another the moment it is made: its ledger must be there.
            await follow_jobs(session, effects, jobs, misfire=self._misfire, now=now)
            await start_followers(session, effects, jobs, now=now)

        await self._ledger.write(work)


async def tell_lost(
    session: AsyncSession, effects: Effects, job_ids: Collection[JobId], *, now: datetime
) -> None:
    """Tell the ends of the runs of these jobs that are lost and cannot be going any more."""
    await lock_jobs(session, job_ids)
    for ended in await lost_for_good(session, now=now, job_ids=job_ids):
        await tell(session, effects, ended, now=now)


async def start_followers(
    session: AsyncSession, effects: Effects, job_ids: Collection[JobId], *, now: datetime
) -> None:
    """Make a run of each set of arrivals that is whole at these jobs; the caller has their locks.

    It is due when the last of them arrived, and obeys the overlap of its job. While its job is paused it is
    skipped, and nothing is made up for later; a deleted job starts nothing.
    """
    found = [(one, _starts(one)) for one in await followers(session, job_ids)]
    sets = {one.job_id: len(starts.sets) for one, starts in found if starts.sets and one.deleted_at is None}
    numbers = await take_numbers(session, sets)
    taken: dict[ArrivalId, RunId | None] = {}
    runs: list[NewRun] = []
    for one, starts in found:
        taken |= {arrival.id: None for arrival in starts.spare}
        for index, arrivals in enumerate(starts.sets):
            run = None if one.job_id not in sets else _run(one, arrivals, numbers[one.job_id] + index, now)
            taken |= {arrival.id: None if run is None else run.id for arrival in arrivals}
            if run is not None:
                runs.append(run)
                _say(effects, run, (one.upstream_runs[arrival.id] for arrival in arrivals))
    await insert_runs(session, runs)
    await take_arrivals(session, taken, at=now)
    await decide_held(session, effects, {run.job_id for run in runs}, now=now)


def _starts(one: Follower) -> Starts:
    return starts_of(one.join, one.edges, one.arrivals)


def _run(one: Follower, arrivals: Collection[Arrival], number: int, now: datetime) -> NewRun:
    at = max(arrival.at for arrival in arrivals)
    is_paused = one.paused_at is not None
    return NewRun(
        id=RunId(new_id()),
        job_id=one.job_id,
        number=number,
        cause=Cause.CHAIN,
        nominal_at=at,
        due_at=at,
        state=RunState.SKIPPED if is_paused else RunState.HELD,
        created_at=now,
        reason=Reason.PAUSED if is_paused else None,
        detail="the job was paused when those before it had ended" if is_paused else "",
        finished_at=now if is_paused else None,
    )


def _say(effects: Effects, run: NewRun, parents: Iterable[RunId]) -> None:
    effects.run_changed(run.id)
    if run.state is RunState.HELD:
        effects.held.append((run.due_at, run.job_id))
    for parent in parents:
        effects.run_changed(parent)
    log.info("run started by others", run_id=str(run.id), job_id=str(run.job_id), state=run.state)

"""Writes what was planned: runs and first attempts, in the transaction that moves the cursors."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.ledger import Effects
from services.scheduler.planner import Emission, MissedRange, Plan
from shared.db.attempts import NewAttempt, insert_attempts
from shared.db.cursors import move_cursors, show_next_due, take_numbers
from shared.db.runs import NewRun, insert_runs, promise_key, promised
from shared.domain.ids import AttemptId, JobId, RunId, ScheduleId, new_id
from shared.domain.run import Cause, Reason, RunState

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan and whose it is."""

    schedule_id: ScheduleId
    job_id: JobId
    pool: str
    plan: Plan


async def write_plans(
    session: AsyncSession, effects: Effects, planned: Sequence[Planned], *, now: datetime, wary: bool = False
) -> None:
    """Insert every run that the plans decide and move their cursors.

    `wary` first leaves out what is promised already: after an IntegrityError, which means that another
    scheduler, or a restored backup, has decided these instants.
    """
    if wary:
        planned = await _unpromised(session, planned)
    counts: Counter[JobId] = Counter()
    for one in planned:
        counts[one.job_id] += len(one.plan.emissions) + (one.plan.missed is not None)
    numbers = await take_numbers(session, +counts)
    runs: list[NewRun] = []
    for one in planned:
        for run in _runs_of(one, now=now):
            runs.append(replace(run, number=numbers[run.job_id]))
            numbers[run.job_id] += 1
    await insert_runs(session, runs)
    await _insert_attempts(session, effects, runs, {one.job_id: one.pool for one in planned})
    await move_cursors(
        session, [(one.schedule_id, one.plan.decided_until, one.plan.next_due_at) for one in planned]
    )
    await show_next_due(session, _next_due(planned, now=now))
    _say(effects, runs)


def _runs_of(one: Planned, *, now: datetime) -> Iterable[NewRun]:
    if one.plan.missed is not None:
        yield _missed_run(one, one.plan.missed, now=now)
    for emission in one.plan.emissions:
        yield _run(one, emission, now=now)


def _run(one: Planned, emission: Emission, *, now: datetime) -> NewRun:
    return NewRun(
        id=RunId(new_id()),
        job_id=one.job_id,
        number=0,
        cause=Cause.SCHEDULE,
        nominal_at=emission.nominal_at,
        due_at=emission.nominal_at,
        state=RunState.HELD if emission.contested else RunState.QUEUED,
        attempt=0 if emission.contested else 1,
        created_at=now,
        schedule_id=one.schedule_id,
        promise_key=promise_key(one.schedule_id, emission.nominal_at),
    )


def _missed_run(one: Planned, missed: MissedRange, *, now: datetime) -> NewRun:
    return NewRun(
        id=RunId(new_id()),
        job_id=one.job_id,
        number=0,
        cause=Cause.SCHEDULE,
        nominal_at=missed.first,
        due_at=missed.first,
        state=RunState.MISSED,
        created_at=now,
        finished_at=now,
        schedule_id=one.schedule_id,
        promise_key=promise_key(one.schedule_id, missed.first),
        reason=Reason.DOWNTIME,
        detail="no scheduler was there to start it",
        instants=missed.count,
        nominal_until=missed.last if missed.count > 1 else None,
    )


async def _insert_attempts(
    session: AsyncSession, effects: Effects, runs: Iterable[NewRun], pools: dict[JobId, str]
) -> None:
    attempts = [
        NewAttempt(
            id=AttemptId(new_id()),
            run_id=run.id,
            job_id=run.job_id,
            number=1,
            pool=pools[run.job_id],
            urgent=False,
            due_at=run.due_at,
        )
        for run in runs
        if run.state is RunState.QUEUED
    ]
    await insert_attempts(session, attempts)
    for attempt in attempts:
        effects.attempt_queued(attempt, Cause.SCHEDULE)


def _next_due(planned: Iterable[Planned], *, now: datetime) -> dict[JobId, datetime | None]:
    """Return per job the next instant that a person should see: planned ahead is still to come."""
    found: dict[JobId, datetime | None] = {}
    for one in planned:
        ahead = [emission.nominal_at for emission in one.plan.emissions if emission.nominal_at > now]
        candidates = [found.get(one.job_id), one.plan.next_due_at, *ahead]
        found[one.job_id] = min((at for at in candidates if at is not None), default=None)
    return found


async def _unpromised(session: AsyncSession, planned: Sequence[Planned]) -> list[Planned]:
    """Return the plans without the instants that stand in the ledger."""
    keys = {
        promise_key(one.schedule_id, at)
        for one in planned
        for at in (
            *(emission.nominal_at for emission in one.plan.emissions),
            *(() if one.plan.missed is None else (one.plan.missed.first,)),
        )
    }
    known = await promised(session, keys)
    log.warning("instants were promised already", count=len(known))
    return [replace(one, plan=_without(one.plan, one.schedule_id, known)) for one in planned]


def _without(plan: Plan, schedule_id: ScheduleId, known: set[str]) -> Plan:
    missed = plan.missed
    return replace(
        plan,
        missed=None if missed is None or promise_key(schedule_id, missed.first) in known else missed,
        emissions=tuple(
            emission
            for emission in plan.emissions
            if promise_key(schedule_id, emission.nominal_at) not in known
        ),
    )


def _say(effects: Effects, runs: Iterable[NewRun]) -> None:
    for run in runs:
        effects.run_changed(run.id)
        if run.state is RunState.HELD:
            effects.held.append((run.due_at, run.job_id))
        if run.state is RunState.MISSED:
            log.warning(
                "instants missed",
                job_id=str(run.job_id),
                count=run.instants,
                first=run.nominal_at.isoformat(),
            )

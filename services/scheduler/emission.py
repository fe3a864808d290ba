"""Writes what was planned: runs and first attempts, in the transaction that moves the cursors."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import assert_never

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.endings import missed_ending
from services.scheduler.ledger import Effects
from services.scheduler.planner import Emission, MissedRange, Plan, Skipped
from services.scheduler.planning import Planned
from shared.db.attempts import NewAttempt, insert_attempts
from shared.db.cursors import Move, move_cursors, refresh_next_due, take_numbers
from shared.db.runs import NewRun, insert_runs, promise_key, promised
from shared.domain.ids import AttemptId, JobId, RunId, new_id
from shared.domain.run import Cause, RunState

log = structlog.get_logger()


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
    to_run: Counter[JobId] = Counter()
    for one in planned:
        counts[one.job_id] += len(one.plan.instants) + (one.plan.missed is not None)
        to_run[one.job_id] += len(one.plan.emissions)
    numbers = await take_numbers(session, +counts, promised=to_run)
    runs: list[NewRun] = []
    for one in planned:
        for run in _runs_of(one, now=now):
            runs.append(replace(run, number=numbers[run.job_id]))
            numbers[run.job_id] += 1
    await insert_runs(session, runs)
    await _insert_attempts(session, effects, runs, {one.job_id: one for one in planned})
    await move_cursors(session, [_move(one.plan) for one in planned])
    await refresh_next_due(session, {one.job_id for one in planned}, now=now)
    _say(effects, runs)


def _move(plan: Plan) -> Move:
    return Move(
        schedule_id=plan.schedule_id,
        decided_until=plan.decided_until,
        next_due_at=plan.next_due_at,
        shown_at=plan.shown_at,
    )


def _runs_of(one: Planned, *, now: datetime) -> Iterable[NewRun]:
    if one.plan.missed is not None:
        yield _missed_run(one, one.plan.missed, now=now)
    for instant in one.plan.instants:
        match instant:
            case Emission():
                yield _run(one, instant, now=now)
            case Skipped():
                yield _skipped_run(one, instant, now=now)
            case _:
                assert_never(instant)


def _run(one: Planned, emission: Emission, *, now: datetime) -> NewRun:
    return NewRun(
        id=RunId(new_id()),
        job_id=one.job_id,
        number=0,
        cause=Cause.SCHEDULE,
        nominal_at=emission.nominal_at,
        due_at=emission.due_at,
        state=RunState.HELD if emission.contested else RunState.QUEUED,
        attempt=0 if emission.contested else 1,
        created_at=now,
        schedule_id=one.plan.schedule_id,
        promise_key=promise_key(one.plan.schedule_id, emission.nominal_at),
        detail=emission.detail,
    )


def _skipped_run(one: Planned, skipped: Skipped, *, now: datetime) -> NewRun:
    return NewRun(
        id=RunId(new_id()),
        job_id=one.job_id,
        number=0,
        cause=Cause.SCHEDULE,
        nominal_at=skipped.nominal_at,
        due_at=skipped.nominal_at,
        state=RunState.SKIPPED,
        created_at=now,
        finished_at=now,
        schedule_id=one.plan.schedule_id,
        promise_key=promise_key(one.plan.schedule_id, skipped.nominal_at),
        reason=skipped.reason,
        detail=skipped.detail,
    )


def _missed_run(one: Planned, missed: MissedRange, *, now: datetime) -> NewRun:
    ending = missed_ending(missed.withdrawn, now=now)
    return NewRun(
        id=RunId(new_id()),
        job_id=one.job_id,
        number=0,
        cause=Cause.SCHEDULE,
        nominal_at=missed.first,
        due_at=missed.first,
        state=ending.state,
        created_at=now,
        finished_at=now,
        schedule_id=one.plan.schedule_id,
        promise_key=promise_key(one.plan.schedule_id, missed.first),
        reason=ending.reason,
        detail=ending.detail,
        instants=missed.count,
        nominal_until=missed.last if missed.count > 1 else None,
    )


async def _insert_attempts(
    session: AsyncSession, effects: Effects, runs: Iterable[NewRun], planned: dict[JobId, Planned]
) -> None:
    attempts = [
        NewAttempt(
            id=AttemptId(new_id()),
            run_id=run.id,
            job_id=run.job_id,
            number=1,
            pool=planned[run.job_id].pool,
            urgent=False,
            due_at=run.due_at,
        )
        for run in runs
        if run.state is RunState.QUEUED
    ]
    await insert_attempts(session, attempts)
    for attempt in attempts:
        effects.attempt_queued(attempt, Cause.SCHEDULE, planned[attempt.job_id].min_sandbox)


async def _unpromised(session: AsyncSession, planned: Sequence[Planned]) -> list[Planned]:
    """Return the plans without the instants that stand in the ledger."""
    keys = {
        promise_key(one.plan.schedule_id, at)
        for one in planned
        for at in (
            *(instant.nominal_at for instant in one.plan.instants),
            *(() if one.plan.missed is None else (one.plan.missed.first,)),
        )
    }
    known = await promised(session, keys)
    log.warning("instants were promised already", count=len(known))
    return [replace(one, plan=_without(one.plan, known)) for one in planned]


def _without(plan: Plan, known: set[str]) -> Plan:
    missed, schedule_id = plan.missed, plan.schedule_id
    return replace(
        plan,
        missed=None if missed is None or promise_key(schedule_id, missed.first) in known else missed,
        instants=tuple(
            instant for instant in plan.instants if promise_key(schedule_id, instant.nominal_at) not in known
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

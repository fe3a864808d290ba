"""Decides runs that were held, when they are due and whenever a run of their job has ended."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.admission import Go, Replace, Skip, Wait, admission, standing_before
from services.scheduler.arrivals import tell_cancelled
from services.scheduler.ledger import Effects
from services.scheduler.stopping import ask_to_stop, stop_waiting
from shared.db.attempts import NewAttempt, attempts_of_runs, insert_attempts, queue_again
from shared.db.cursors import give_back
from shared.db.runs import HeldRun, Unfinished, held_runs, move_run, unfinished_runs
from shared.domain.ids import AttemptId, JobId, new_id
from shared.domain.run import Cause, Reason, RunState

_AHEAD = timedelta(seconds=2)
"""So long before its instant a run is queued at most: until then it can be withdrawn by its job's row."""


async def decide_held(
    session: AsyncSession, effects: Effects, job_ids: Collection[JobId], *, now: datetime
) -> None:
    """Decide what is held of these jobs, in the order of their runs, by the rule of each job.

    A run that is not due yet is queued if nothing is in its way: queued ahead of its instant it is
    published without a further commit. Otherwise it stays held until it is due. What waits by its rule
    stays held beyond that: every end of a run of the job decides it again, and so does a sweep.
    """
    unfinished: dict[JobId, list[Unfinished]] | None = None
    for run in await held_runs(session, job_ids, due_by=now + _AHEAD):
        if unfinished is None:
            unfinished = await unfinished_runs(session, job_ids, now=now)
        others = unfinished.setdefault(run.job_id, [])
        unfinished[run.job_id] = await _decide(session, effects, run, others, now=now)


async def _decide(
    session: AsyncSession,
    effects: Effects,
    run: HeldRun,
    others: list[Unfinished],
    *,
    now: datetime,
) -> list[Unfinished]:
    """Decide one run; return the unfinished runs of its job as they are afterwards."""
    verdict = admission(run, others, overlap=run.overlap, at_once=run.at_once)
    if isinstance(verdict, Replace) and run.due_at <= now:
        others = await _stop_others(session, effects, run, others, now=now)
        verdict = admission(run, others, overlap=run.overlap, at_once=run.at_once)
    match verdict:
        case Go():
            await _queue(session, effects, run)
            return [replace(one, state=RunState.QUEUED) if one.id == run.id else one for one in others]
        case Skip(why=why) if run.due_at <= now:
            await skip_waiting(session, effects, run, why, now=now)
            return [one for one in others if one.id != run.id]
        case Skip() | Wait() | Replace():
            return others
        case _:
            assert_never(verdict)


async def skip_waiting(
    session: AsyncSession, effects: Effects, run: HeldRun, why: str, *, now: datetime
) -> None:
    """End a waiting run that its job's rule does not let go."""
    values = {"reason": Reason.OVERLAP, "detail": why, "finished_at": now}
    if await stop_waiting(session, effects, [run.id], RunState.SKIPPED, values):
        await note_skipped(session, run.job_id, run.cause, is_counted=run.policy.max_runs is not None)


async def note_skipped(session: AsyncSession, job_id: JobId, cause: Cause, *, is_counted: bool) -> None:
    """Let a skipped instant not count for its job's `max_runs`."""
    if cause is Cause.SCHEDULE:
        await give_back(session, job_id, may_go_on=is_counted)


async def _stop_others(
    session: AsyncSession, effects: Effects, run: HeldRun, others: Sequence[Unfinished], *, now: datetime
) -> list[Unfinished]:
    """Cancel what waits before this run and ask the rest to stop; return what has not ended by then."""
    before = {other.number for other in standing_before(run, others)}
    previous = [one for one in others if one.number in before]
    outcome = {"reason": Reason.OVERLAP, "detail": f"run #{run.number} took its place"}
    waiting = [one.id for one in previous if one.state in (RunState.HELD, RunState.QUEUED)]
    stopped = await stop_waiting(
        session, effects, waiting, RunState.CANCELLED, {**outcome, "finished_at": now}
    )
    await tell_cancelled(session, effects, stopped, now=now)
    going = {one.id for one in previous if one.state is RunState.RUNNING}
    for attempt in (await attempts_of_runs(session, going)).values():
        await ask_to_stop(session, effects, attempt, outcome, now=now)
    return [one for one in others if one.id not in stopped]


async def _queue(session: AsyncSession, effects: Effects, run: HeldRun) -> None:
    if not await move_run(session, run.id, RunState.QUEUED, {"attempt": max(run.attempt, 1)}):
        return
    effects.run_changed(run.id)
    # One that was refused at its claim has its attempt already: it gets a new token, and is said again.
    attempts = await attempts_of_runs(session, {run.id}) if run.attempt else {}
    for old in attempts.values():
        if await queue_again(session, old):
            effects.attempt_again(old, token=old.token + 1, due_at=old.due_at)
    if not attempts:
        attempt = NewAttempt(
            id=AttemptId(new_id()),
            run_id=run.id,
            job_id=run.job_id,
            number=1,
            pool=run.pool,
            urgent=run.cause not in (Cause.SCHEDULE, Cause.BACKFILL, Cause.CHAIN),
            due_at=run.due_at,
        )
        await insert_attempts(session, [attempt])
        effects.attempt_queued(attempt, run.cause, run.min_sandbox)

"""Whether a run may go while another run of its job has not ended, decided when it is due."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.ledger import Effects
from shared.db.attempts import NewAttempt, insert_attempts
from shared.db.runs import HeldRun, Unfinished, held_runs, move_run, unfinished_runs
from shared.domain.ids import AttemptId, JobId, new_id
from shared.domain.policy import Overlap
from shared.domain.run import Cause, Reason, RunState

_WORDS = {
    RunState.RUNNING: "was still going",
    RunState.LOST: "is lost, and may still be going",
}


def blocker(unfinished: Sequence[Unfinished], *, due_at: datetime, number: int) -> Unfinished | None:
    """Return the first run that stands in the way of run `number`: due before it, and not ended.

    What is planned for a later instant stands in nobody's way: it is decided when it is due itself.
    """
    return next((other for other in unfinished if (other.due_at, other.number) < (due_at, number)), None)


def overlap_detail(other: Unfinished) -> str:
    """Say for people which run stood in the way."""
    return f"run #{other.number} {_WORDS.get(other.state, 'was still waiting to start')}"


async def decide_held(
    session: AsyncSession, effects: Effects, job_ids: Collection[JobId], *, now: datetime
) -> None:
    """Decide what is held of these jobs: queued once nothing is in its way, skipped if that is never.

    A run that is not due yet stays held while something is in its way. Queued ahead of its instant it
    is published without a further commit.
    """
    held = await held_runs(session, job_ids)
    if not held:
        return
    unfinished = await unfinished_runs(session, {run.job_id for run in held}, now=now)
    for run in held:
        others = unfinished.get(run.job_id, [])
        other = blocker(others, due_at=run.due_at, number=run.number) if run.overlap is Overlap.SKIP else None
        if other is None:
            await _queue(session, effects, run)
        elif run.due_at <= now:
            await _skip(session, effects, run, other, now=now)
            unfinished[run.job_id] = [one for one in others if one.id != run.id]


async def _queue(session: AsyncSession, effects: Effects, run: HeldRun) -> None:
    if await move_run(session, run.id, RunState.QUEUED, {"attempt": 1}):
        attempt = NewAttempt(
            id=AttemptId(new_id()),
            run_id=run.id,
            job_id=run.job_id,
            number=1,
            pool=run.pool,
            urgent=run.cause is not Cause.SCHEDULE,
            due_at=run.due_at,
        )
        await insert_attempts(session, [attempt])
        effects.attempt_queued(attempt, run.cause)
        effects.run_changed(run.id)


async def _skip(
    session: AsyncSession, effects: Effects, run: HeldRun, other: Unfinished, *, now: datetime
) -> None:
    values = {"reason": Reason.OVERLAP, "detail": overlap_detail(other), "finished_at": now}
    if await move_run(session, run.id, RunState.SKIPPED, values):
        effects.run_changed(run.id)

"""Ends what people want to end: one run, or all of a job that wait; and lets none of it start meanwhile."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.arrivals import tell_cancelled
from services.scheduler.endings import Ending, end_held, end_unstarted
from services.scheduler.ledger import Effects
from services.scheduler.overlap import decide_held
from services.scheduler.stopping import ask_to_stop
from shared.db.asked import Asked
from shared.db.attempts import attempts_of_runs, cancel_queued_of
from shared.db.runs import cancel_waiting, state_of, waiting_named_by
from shared.domain.run import FINAL, Reason, RunState

BATCH = 1_000
"""So many waiting runs are ended in one transaction: claims and plans go on between two of them."""


async def cancel_run(session: AsyncSession, effects: Effects, asked: Asked, *, now: datetime) -> str:
    """End a run that waits, or ask the executor of one that is going to stop it; say what became of it."""
    state = None if asked.run_id is None else await state_of(session, asked.run_id)
    if asked.run_id is None or state is None:
        return "refused: there is no such run"
    ending = _ending(asked, now=now)
    attempts = await attempts_of_runs(session, {asked.run_id})
    attempt = next(iter(attempts.values()), None)
    if attempt is None:
        is_ended = await end_held(session, effects, asked.run_id, ending)
        return "cancelled" if is_ended else f"too late: it is {state} already"
    if await end_unstarted(session, effects, attempt, ending):
        return "cancelled"
    if state in FINAL and state is not RunState.LOST:
        return f"too late: it is {state} already"
    values = {"reason": ending.reason, "detail": ending.detail}
    if not await ask_to_stop(session, effects, attempt, values, now=now):
        return "too late: no executor holds it any more"
    effects.run_changed(asked.run_id)
    return f"executor {attempt.executor} was asked to stop it"


async def cancel_all_waiting(
    session: AsyncSession, effects: Effects, asked: Asked, *, now: datetime
) -> str | None:
    """End at most `BATCH` of the job's runs that waited when it was asked; None while more of them wait.

    The caller has the job's lock: nothing of it is claimed or decided beside this. Between two batches
    it is the request itself, without an outcome yet, that keeps the rest from being claimed.
    """
    waiting = await waiting_named_by(session, asked.job_id, until=asked.requested_at, limit=BATCH)
    ending = _ending(asked, now=now)
    values = {"reason": ending.reason, "detail": ending.detail, "finished_at": now}
    await cancel_queued_of(session, waiting, values)
    await cancel_waiting(session, waiting, values)
    await tell_cancelled(session, effects, waiting, now=now)
    for run_id in waiting:
        effects.run_changed(run_id)
    if len(waiting) == BATCH:
        return None
    await decide_held(session, effects, {asked.job_id}, now=now)
    return "all that waited is cancelled"


def _ending(asked: Asked, *, now: datetime) -> Ending:
    return Ending(
        state=RunState.CANCELLED,
        reason=Reason.REQUESTED,
        detail=f"cancelled by {asked.requested_by}",
        finished_at=now,
    )

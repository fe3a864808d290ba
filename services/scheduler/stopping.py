"""Ends runs that were not started, and asks for the end of those that were."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.ledger import Effects
from shared.db.attempts import AttemptView, attempts_of_runs, move_attempt, note_on_attempt
from shared.db.runs import move_run
from shared.domain.ids import RunId
from shared.domain.run import RunState
from shared.messages.envelope import AttemptRef


async def stop_unstarted(
    session: AsyncSession,
    effects: Effects,
    attempt: AttemptView,
    state: RunState,
    values: Mapping[str, object],
) -> bool:
    """End a queued attempt that is not to start, with its run; False when it is no longer queued."""
    # An attempt was never skipped or missed: it is its run that these words are about.
    settled = {**values, "settled": True}
    if not await move_attempt(session, attempt, RunState.CANCELLED, settled, only_from=RunState.QUEUED):
        return False
    await move_run(session, attempt.run_id, state, values, attempt=attempt.number)
    effects.run_changed(attempt.run_id)
    effects.gives_up(attempt)
    return True


async def stop_waiting(
    session: AsyncSession,
    effects: Effects,
    run_ids: Collection[RunId],
    state: RunState,
    values: Mapping[str, object],
) -> list[RunId]:
    """End those of the runs that have not been started, held or queued; return which these were."""
    attempts = {one.run_id: one for one in (await attempts_of_runs(session, run_ids)).values()}
    stopped = []
    for run_id in run_ids:
        attempt = attempts.get(run_id)
        if attempt is not None:
            is_stopped = await stop_unstarted(session, effects, attempt, state, values)
        else:
            is_stopped = await move_run(session, run_id, state, values, attempt=0)
            if is_stopped:
                effects.run_changed(run_id)
        if is_stopped:
            stopped.append(run_id)
    return stopped


async def ask_to_stop(
    session: AsyncSession,
    effects: Effects,
    attempt: AttemptView,
    values: Mapping[str, object],
    *,
    now: datetime,
) -> bool:
    """Note the wish on the attempt: every renewal's answer repeats it until the attempt has ended.

    `values` say why, where that is more than that somebody asked. False: no executor holds it any more.
    """
    if attempt.executor is None:
        return False
    if attempt.cancel_requested_at is None:
        await note_on_attempt(session, attempt.id, {**values, "cancel_requested_at": now})
        effects.cancels.append((attempt.executor, AttemptRef(attempt.id, attempt.token)))
    return True

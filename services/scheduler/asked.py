"""Does what people asked for: run now and cancel, each request exactly once by its id."""

from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.definitions import follow_jobs
from services.scheduler.endings import Ending, end_held, end_unstarted
from services.scheduler.ledger import Effects
from services.scheduler.overlap import blocker, overlap_detail
from services.scheduler.rules import Misfire
from shared.db.asked import Asked, store_outcome, waiting_requests
from shared.db.attempts import AttemptView, NewAttempt, attempts_of_runs, insert_attempts, note_on_attempt
from shared.db.cursors import take_numbers
from shared.db.runs import NewRun, Unfinished, exists, insert_runs, state_of, unfinished_runs
from shared.domain.ids import AttemptId, RunId, new_id
from shared.domain.policy import Overlap
from shared.domain.run import FINAL, Reason, RunState
from shared.messages.envelope import AttemptRef

log = structlog.get_logger()

BATCH = 100


async def handle_requests(session: AsyncSession, effects: Effects, *, misfire: Misfire, now: datetime) -> int:
    """Handle requests that wait, oldest first, at most `BATCH`; return how many there were."""
    requests = await waiting_requests(session, limit=BATCH)
    if requests:
        # A job may be asked to run the moment it is made: its ledger must be there.
        await follow_jobs(session, effects, {one.job_id for one in requests}, misfire=misfire, now=now)
    for asked in requests:
        match asked.kind:
            case "run_now":
                outcome = await _run_now(session, effects, asked, now=now)
            case "cancel":
                outcome = await _cancel(session, effects, asked, now=now)
            case kind:
                outcome = f"refused: this version knows no request {kind!r}"
        await store_outcome(session, asked.id, outcome, handled_at=now)
        log.info("request handled", request_id=str(asked.id), kind=asked.kind, outcome=outcome)
    return len(requests)


async def _run_now(session: AsyncSession, effects: Effects, asked: Asked, *, now: datetime) -> str:
    """Insert the run that was asked for, due now. It works while paused and obeys overlap."""
    run_id = asked.run_id or RunId(asked.id)
    if await exists(session, run_id):
        return "done already"
    if asked.deleted_at is not None:
        return "refused: the job is deleted. Restore it first."
    number = (await take_numbers(session, {asked.job_id: 1}))[asked.job_id]
    other = await _in_the_way(session, asked, number, now=now)
    is_skipped = other is not None
    run = NewRun(
        id=run_id,
        job_id=asked.job_id,
        number=number,
        cause=asked.cause,
        requested_by=asked.requested_by,
        nominal_at=asked.requested_at,
        due_at=now,
        created_at=now,
        state=RunState.SKIPPED if is_skipped else RunState.QUEUED,
        attempt=0 if is_skipped else 1,
        reason=Reason.OVERLAP if is_skipped else None,
        detail="" if other is None else overlap_detail(other),
        finished_at=now if is_skipped else None,
    )
    await insert_runs(session, [run])
    effects.run_changed(run.id)
    if is_skipped:
        return f"skipped as #{number}: {run.detail}"
    attempt = NewAttempt(
        id=AttemptId(new_id()),
        run_id=run.id,
        job_id=run.job_id,
        number=1,
        pool=asked.pool,
        urgent=True,
        due_at=now,
    )
    await insert_attempts(session, [attempt])
    effects.attempt_queued(attempt, run.cause)
    return f"queued as #{number}"


async def _in_the_way(
    session: AsyncSession, asked: Asked, number: int, *, now: datetime
) -> Unfinished | None:
    if asked.overlap is not Overlap.SKIP:
        return None
    unfinished = await unfinished_runs(session, {asked.job_id}, now=now)
    return blocker(unfinished.get(asked.job_id, []), due_at=now, number=number)


async def _cancel(session: AsyncSession, effects: Effects, asked: Asked, *, now: datetime) -> str:
    """End a run that waits, or ask the executor of one that is going to stop it."""
    if asked.run_id is None:
        return "refused: the request names no run"
    state = await state_of(session, asked.run_id)
    if state is None:
        return "refused: there is no such run"
    ending = Ending(
        state=RunState.CANCELLED,
        reason=Reason.REQUESTED,
        detail=f"cancelled by {asked.requested_by}",
        finished_at=now,
    )
    attempts = await attempts_of_runs(session, {asked.run_id})
    attempt = next(iter(attempts.values()), None)
    if attempt is None:
        is_ended = await end_held(session, effects, asked.run_id, ending)
        return "cancelled" if is_ended else f"too late: it is {state} already"
    if await end_unstarted(session, effects, attempt, ending):
        return "cancelled"
    if state in FINAL and state is not RunState.LOST:
        return f"too late: it is {state} already"
    return await _ask_to_stop(session, effects, attempt, now=now)


async def _ask_to_stop(
    session: AsyncSession, effects: Effects, attempt: AttemptView, *, now: datetime
) -> str:
    """Note the wish on the attempt: every renewal's answer repeats it until the attempt has ended."""
    if attempt.executor is None:
        return "too late: no executor holds it any more"
    if attempt.cancel_requested_at is None:
        await note_on_attempt(session, attempt.id, {"cancel_requested_at": now})
    effects.cancels.append((attempt.executor, AttemptRef(attempt.id, attempt.token)))
    return f"executor {attempt.executor} was asked to stop it"

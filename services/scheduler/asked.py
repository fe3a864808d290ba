"""Does what people asked for: run now, backfill and cancel, each request exactly once by its id."""

from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.admission import Admission, Go, Replace, Skip, Wait, admission
from services.scheduler.backfill import backfill
from services.scheduler.definitions import follow_jobs
from services.scheduler.endings import Ending, end_held, end_unstarted
from services.scheduler.ledger import Effects
from services.scheduler.overlap import decide_held
from services.scheduler.rules import Misfire
from services.scheduler.stopping import ask_to_stop
from shared.db.asked import Asked, store_outcome, waiting_requests
from shared.db.attempts import NewAttempt, attempts_of_runs, insert_attempts
from shared.db.cursors import take_numbers
from shared.db.runs import NewRun, Unfinished, exists, insert_runs, state_of, unfinished_runs
from shared.domain.ids import AttemptId, RunId, new_id
from shared.domain.run import FINAL, Reason, RunState

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
            case "backfill":
                outcome = await backfill(session, effects, asked, now=now)
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
    verdict = await _admission(session, asked, number, now=now)
    state, why = _outcome(verdict)
    run = NewRun(
        id=run_id,
        job_id=asked.job_id,
        number=number,
        cause=asked.cause,
        requested_by=asked.requested_by,
        nominal_at=asked.requested_at,
        due_at=now,
        created_at=now,
        state=state,
        attempt=1 if state is RunState.QUEUED else 0,
        reason=Reason.OVERLAP if state is RunState.SKIPPED else None,
        detail=why if state is RunState.SKIPPED else "",
        finished_at=now if state is RunState.SKIPPED else None,
    )
    await insert_runs(session, [run])
    effects.run_changed(run.id)
    if state is RunState.QUEUED:
        await _queue(session, effects, run, asked.pool)
    elif state is RunState.HELD:
        effects.held.append((run.due_at, run.job_id))
        await decide_held(session, effects, {run.job_id}, now=now)
    return f"{state} as #{number}" + (f": {why}" if why else "")


async def _queue(session: AsyncSession, effects: Effects, run: NewRun, pool: str) -> None:
    attempt = NewAttempt(
        id=AttemptId(new_id()),
        run_id=run.id,
        job_id=run.job_id,
        number=1,
        pool=pool,
        urgent=True,
        due_at=run.due_at,
    )
    await insert_attempts(session, [attempt])
    effects.attempt_queued(attempt, run.cause)


async def _admission(session: AsyncSession, asked: Asked, number: int, *, now: datetime) -> Admission:
    at_once = asked.policy.at_once(asked.overlap)
    if at_once is None:
        return Go()
    others = (await unfinished_runs(session, {asked.job_id}, now=now)).get(asked.job_id, [])
    run = Unfinished(
        id=asked.run_id or RunId(asked.id),
        job_id=asked.job_id,
        number=number,
        state=RunState.HELD,
        due_at=now,
        cause=asked.cause,
    )
    return admission(run, others, overlap=asked.overlap, at_once=at_once)


def _outcome(verdict: Admission) -> tuple[RunState, str]:
    match verdict:
        case Go():
            return RunState.QUEUED, ""
        case Skip(why=why):
            return RunState.SKIPPED, why
        case Wait(why=why) | Replace(why=why):
            return RunState.HELD, why


async def _cancel(session: AsyncSession, effects: Effects, asked: Asked, *, now: datetime) -> str:
    """End a run that waits, or ask the executor of one that is going to stop it."""
    state = None if asked.run_id is None else await state_of(session, asked.run_id)
    if asked.run_id is None or state is None:
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
    if not await ask_to_stop(session, effects, attempt, {}, now=now):
        return "too late: no executor holds it any more"
    return f"executor {attempt.executor} was asked to stop it"

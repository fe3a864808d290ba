"""Does what people asked for, each exactly once by its id: runs now, again and after the fact, and ends."""

from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.admission import Admission, Go, Replace, Skip, Wait, admission
from services.scheduler.backfill import backfill
from services.scheduler.cancelling import cancel_all_waiting, cancel_run
from services.scheduler.definitions import follow_jobs
from services.scheduler.ledger import Effects
from services.scheduler.overlap import decide_held
from services.scheduler.rules import Misfire
from shared.db.asked import Asked, store_outcome, waiting_requests
from shared.db.attempts import NewAttempt, insert_attempts
from shared.db.cursors import take_numbers
from shared.db.requests import parameters_in
from shared.db.reruns import Repeated, in_scope, repeated_run
from shared.db.runs import NewRun, Unfinished, exists, insert_runs, unfinished_runs
from shared.domain.ids import AttemptId, RunId, new_id
from shared.domain.run import Reason, RunState

log = structlog.get_logger()

BATCH = 100


async def handle_requests(
    session: AsyncSession, effects: Effects, *, misfire: Misfire, now: datetime
) -> bool:
    """Handle requests that wait, oldest first, at most `BATCH`; say whether there is more to do at once."""
    requests = await waiting_requests(session, limit=BATCH)
    if requests:
        # A job may be asked to run the moment it is made: its ledger must be there.
        await follow_jobs(session, effects, {one.job_id for one in requests}, misfire=misfire, now=now)
    is_done = True
    for asked in requests:
        outcome = await _handle(session, effects, asked, now=now)
        if outcome is None:
            is_done = False
            continue
        await store_outcome(session, asked.id, outcome, handled_at=now)
        log.info("request handled", request_id=str(asked.id), kind=asked.kind, outcome=outcome)
    return len(requests) == BATCH or not is_done


async def _handle(session: AsyncSession, effects: Effects, asked: Asked, *, now: datetime) -> str | None:
    """Do what was asked and say what became of it; None: a part is done, and the rest is to be done next."""
    match asked.kind:
        case "run_now":
            return await _run_now(session, effects, asked, now=now)
        case "rerun":
            return await _run_again(session, effects, asked, now=now)
        case "backfill":
            return await backfill(session, effects, asked, now=now)
        case "cancel":
            return await cancel_run(session, effects, asked, now=now)
        case "cancel_waiting":
            return await cancel_all_waiting(session, effects, asked, now=now)
        case kind:
            return f"refused: this version knows no request {kind!r}"


async def _run_again(session: AsyncSession, effects: Effects, asked: Asked, *, now: datetime) -> str:
    """Insert a run that repeats another one of the job: for the same instant, due now."""
    repeats, args = in_scope(asked.scope)
    first = None if repeats is None else await repeated_run(session, repeats)
    if first is None or first.job_id != asked.job_id:
        return "refused: the run that was to be repeated is not in the ledger any more"
    if first.instants > 1:
        return "refused: many missed instants are no run to repeat. Run them after the fact."
    return await _run_now(session, effects, asked, now=now, first=first, args=args)


async def _run_now(
    session: AsyncSession,
    effects: Effects,
    asked: Asked,
    *,
    now: datetime,
    first: Repeated | None = None,
    args: list[str] | None = None,
) -> str:
    """Insert the run that was asked for, due now. It works while paused and obeys overlap.

    Where it repeats another one it is for the same instant, with its arguments unless others are given.
    """
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
        nominal_at=asked.requested_at if first is None else first.nominal_at,
        due_at=now,
        schedule_id=None if first is None else first.schedule_id,
        rerun_of=None if first is None else first.id,
        args=first.args if args is None and first is not None else args,
        parameters=parameters_in(asked.scope) if first is None else first.parameters,
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
        await _queue(session, effects, run, asked)
    elif state is RunState.HELD:
        effects.held.append((run.due_at, run.job_id))
        await decide_held(session, effects, {run.job_id}, now=now)
    return f"{state} as #{number}" + (f": {why}" if why else "")


async def _queue(session: AsyncSession, effects: Effects, run: NewRun, asked: Asked) -> None:
    attempt = NewAttempt(
        id=AttemptId(new_id()),
        run_id=run.id,
        job_id=run.job_id,
        number=1,
        pool=asked.pool,
        urgent=True,
        due_at=run.due_at,
    )
    await insert_attempts(session, [attempt])
    effects.attempt_queued(attempt, run.cause, asked.min_sandbox)


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

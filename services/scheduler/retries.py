"""Puts a run whose attempt did not succeed back into the queue, as the rule of its job says."""

from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.ledger import Effects
from shared.db.attempts import AttemptView, NewAttempt, insert_attempts
from shared.db.runs import move_run
from shared.domain.ids import AttemptId, new_id
from shared.domain.job import OnLost
from shared.domain.retry import Decision, EndedAttempt, Enough, after_attempt
from shared.domain.run import Cause, Reason, RunState

log = structlog.get_logger()


def next_attempt(
    attempt: AttemptView,
    state: RunState,
    *,
    exit_code: int | None,
    reason: Reason | None,
    now: datetime,
) -> Decision:
    """Return when the run is tried again, by its job's newest definition, or why it is not."""
    ended = EndedAttempt(
        run_id=attempt.run_id,
        number=attempt.number,
        state=state,
        exit_code=exit_code,
        # Not when it ended by its executor's clock: the report may have been on its way for an hour.
        ended_at=now,
    )
    decision = after_attempt(attempt.policy.retry, ended, runs_after_loss=_runs_after_loss(attempt))
    if isinstance(decision, Enough):
        return decision
    obstacle = _obstacle(attempt) if reason is not Reason.SCRIPT_CHANGED else "it would find the same script"
    return decision if obstacle is None else Enough(obstacle)


async def queue_next(
    session: AsyncSession, effects: Effects, attempt: AttemptView, *, due_at: datetime, detail: str
) -> None:
    """Queue the attempt that follows this one; `detail` says how this one ended."""
    following = NewAttempt(
        id=AttemptId(new_id()),
        run_id=attempt.run_id,
        job_id=attempt.job_id,
        number=attempt.number + 1,
        pool=attempt.job_pool,
        urgent=attempt.urgent,
        due_at=due_at,
    )
    values = {
        "attempt": following.number,
        "reason": None,
        "detail": detail,
        "executor": None,
        **dict.fromkeys(("started_at", "finished_at", "duration_ms", "exit_code", "signal")),
    }
    if not await move_run(session, attempt.run_id, RunState.QUEUED, values, attempt=attempt.number):
        return
    await insert_attempts(session, [following])
    effects.attempt_queued(following, attempt.cause, attempt.min_sandbox)
    effects.run_changed(attempt.run_id)
    log.info(
        "run is tried again",
        run_id=str(attempt.run_id),
        attempt=following.number,
        due_at=due_at.isoformat(),
    )


def with_why(detail: str, decision: Enough) -> str:
    """Return what is said of the run, with why it is not tried again, where somebody would ask."""
    if not decision.why:
        return detail
    return " ".join(
        part for part in (detail and f"{detail.rstrip('.')}.", f"Not tried again: {decision.why}.") if part
    )


def _runs_after_loss(attempt: AttemptView) -> bool:
    # Only what its keeper killed at the end of its lease cannot be going: that is as its grant said it.
    return attempt.on_lost is OnLost.RETRY and attempt.granted_on_lost is not OnLost.FAIL


def _obstacle(attempt: AttemptView) -> str | None:
    """Return why a run may not be tried again though its job's rule has attempts left."""
    if attempt.cancel_requested_at is not None:
        return (
            "somebody asked for its end"
            if attempt.reason is not Reason.OVERLAP
            else "a newer run takes its place"
        )
    if attempt.deleted_at is not None:
        return "the job is deleted"
    if attempt.paused_at is not None and attempt.cause is Cause.SCHEDULE:
        return "the job is paused"
    if attempt.state is RunState.LOST:
        # Others of its job may have been let in since.
        return "it had been taken for lost"
    return None

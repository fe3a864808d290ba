"""Ends attempts and their runs by the state table, and does what an end brings with it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.arrivals import tell_end
from services.scheduler.braking import braked_of
from services.scheduler.ledger import Effects
from services.scheduler.overlap import decide_held
from services.scheduler.retries import next_attempt, queue_next, with_why
from services.scheduler.stopping import stop_unstarted
from shared.db.attempts import AttemptView, attempts_of_runs, move_attempt, note_on_attempt
from shared.db.cursors import note_end
from shared.db.runs import move_run
from shared.domain.errors import MalformedMessage
from shared.domain.ids import RunId
from shared.domain.job import OnLost
from shared.domain.retry import Enough, TryAgain
from shared.domain.run import TRANSITIONS, Reason, RunState
from shared.messages.events import RunFinished

log = structlog.get_logger()

_ENDS = TRANSITIONS[RunState.RUNNING] - {RunState.QUEUED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How an attempt ended, and for which reason."""

    state: RunState
    reason: Reason | None
    detail: str
    finished_at: datetime
    exit_code: int | None = None
    signal: int | None = None


_WITHDRAWN = {
    Reason.DELETED: "the job was deleted before this run started",
    Reason.EDITED: "the schedule was changed before this instant",
    Reason.PAUSED: "the job was paused before it was to start",
}


def withdrawal(reason: Reason, *, now: datetime) -> Ending:
    """Return how a run ends that a change of its job withdrew."""
    return Ending(state=RunState.CANCELLED, reason=reason, detail=_WITHDRAWN[reason], finished_at=now)


def missed_ending(withdrawn: Reason | None, *, now: datetime) -> Ending:
    """Return what becomes of instants that nobody decided in time, or that a change withdrew before."""
    if withdrawn is not None:
        return withdrawal(withdrawn, now=now)
    return Ending(
        state=RunState.MISSED,
        reason=Reason.DOWNTIME,
        detail="no scheduler was there to start it in time",
        finished_at=now,
    )


async def end_held(session: AsyncSession, effects: Effects, run_id: RunId, ending: Ending) -> bool:
    """End a run that has no attempt yet; False when it is no longer waiting."""
    values = {"reason": ending.reason, "detail": ending.detail, "finished_at": ending.finished_at}
    is_ended = await move_run(session, run_id, ending.state, values, attempt=0)
    if is_ended:
        effects.run_changed(run_id)
    return is_ended


async def end_unstarted(
    session: AsyncSession, effects: Effects, attempt: AttemptView, ending: Ending
) -> bool:
    """End a queued attempt that is not to start, with its run; False when it is no longer queued."""
    values = {"reason": ending.reason, "detail": ending.detail, "finished_at": ending.finished_at}
    if not await stop_unstarted(session, effects, attempt, ending.state, values):
        return False
    if attempt.number > 1 and ending.state is RunState.CANCELLED:
        await tell_end(session, effects, attempt, ending.state, now=ending.finished_at)
    await decide_held(session, effects, {attempt.job_id}, now=ending.finished_at)
    return True


async def lose_attempt(session: AsyncSession, effects: Effects, attempt: AttemptView, ending: Ending) -> bool:
    """Take a running attempt for lost; its job's rule may try it again. False: it is not running."""
    values = {"reason": ending.reason, "detail": ending.detail, "finished_at": ending.finished_at}
    if attempt.state is not RunState.RUNNING or not await move_attempt(
        session, attempt, RunState.LOST, values
    ):
        return False
    effects.gives_up(attempt)
    await _end_run(session, effects, attempt, ending, {"duration_ms": None}, now=ending.finished_at)
    log.warning(
        "run lost",
        run_id=str(attempt.run_id),
        attempt=attempt.number,
        executor=attempt.executor,
        reason=ending.reason,
    )
    return True


async def apply_report(
    session: AsyncSession, effects: Effects, attempt: AttemptView, report: RunFinished, *, now: datetime
) -> bool:
    """Apply an executor's last word on an attempt; a word that does not fit changes no state.

    Every report of the attempt's own token settles it, so that its executor need not send it again.

    Raises:
        MalformedMessage: when the reported state is no end.
    """
    if report.state not in _ENDS:
        raise MalformedMessage(f"{report.state} is no end that an executor can report")
    if attempt.settled or attempt.token != report.token or attempt.boot != report.boot:
        return False
    effects.gives_up(attempt)
    late = attempt.state is RunState.LOST
    reason, detail = _why(attempt, report)
    ending = Ending(
        state=report.state,
        reason=Reason.LATE if late and reason is None else reason,
        detail=detail,
        finished_at=report.finished_at,
        exit_code=report.exit_code,
        signal=report.signal,
    )
    facts = _facts_of(report)
    outcome = {"reason": ending.reason, "detail": ending.detail}
    if not await move_attempt(session, attempt, report.state, {**facts, **outcome, "settled": True}):
        await note_on_attempt(session, attempt.id, {"settled": True})
        return False
    if attempt.is_newest or (
        ending.state is RunState.SUCCEEDED and await _spare_next(session, attempt, ending)
    ):
        await _end_run(session, effects, attempt, ending, _run_facts_of(report), now=now)
        return True
    # A newer attempt holds the run's truth; this one only completes its own history.
    effects.run_changed(attempt.run_id)
    return True


def _why(attempt: AttemptView, report: RunFinished) -> tuple[Reason | None, str]:
    """Return why it ended so: what we know of a run that we asked to stop says more than its executor."""
    if report.state is RunState.CANCELLED and attempt.cancel_requested_at and attempt.reason:
        return attempt.reason, attempt.detail
    return report.reason, report.detail


async def _spare_next(session: AsyncSession, attempt: AttemptView, ending: Ending) -> bool:
    """Take the run back from a next attempt that nobody has claimed; False when it is too late for that."""
    (following,) = (await attempts_of_runs(session, {attempt.run_id})).values()
    values = {
        "reason": Reason.LATE,
        "detail": f"attempt {attempt.number} had succeeded",
        "finished_at": ending.finished_at,
        "settled": True,
    }
    if not await move_attempt(session, following, RunState.CANCELLED, values, only_from=RunState.QUEUED):
        return False
    # As the table has it, in two steps: the older attempt is the one that runs, and then it ends.
    return await move_run(
        session,
        attempt.run_id,
        RunState.RUNNING,
        {"attempt": attempt.number, "executor": attempt.executor},
        attempt=following.number,
    )


async def _end_run(
    session: AsyncSession,
    effects: Effects,
    attempt: AttemptView,
    ending: Ending,
    facts: dict[str, Any],
    *,
    now: datetime,
) -> None:
    reason = ending.reason
    following = next_attempt(attempt, ending.state, exit_code=ending.exit_code, reason=reason, now=now)
    if isinstance(following, TryAgain) and (why := await braked_of(session, attempt, now=now)):
        following, reason = Enough(why), reason or Reason.BRAKED
    if isinstance(following, TryAgain):
        detail = f"attempt {attempt.number} {_ended_how(ending)}"
        await queue_next(session, effects, attempt, due_at=following.at, detail=detail)
        return
    values = {
        **facts,
        "reason": reason,
        "detail": with_why(ending.detail, following),
        "finished_at": ending.finished_at,
        "noted_at": now,
    }
    if not await move_run(session, attempt.run_id, ending.state, values, attempt=attempt.number):
        return
    effects.run_changed(attempt.run_id)
    await note_end(session, attempt.job_id, attempt.run_id, ending.state, ending.finished_at)
    # What is lost and may still be going is told when it must have ended, unless it is heard of before.
    if ending.state is not RunState.LOST or attempt.granted_on_lost is OnLost.RETRY:
        await tell_end(session, effects, attempt, ending.state, now=now)
    await decide_held(session, effects, {attempt.job_id}, now=now)


def _ended_how(ending: Ending) -> str:
    if ending.state is RunState.TIMED_OUT:
        return "was stopped at its timeout"
    if ending.state is RunState.LOST:
        return f"was lost: {ending.detail}" if ending.detail else "was lost"
    if ending.exit_code is not None:
        return f"ended with exit code {ending.exit_code}"
    if ending.signal is not None:
        return f"was ended by signal {ending.signal}"
    return f"failed: {ending.detail}" if ending.detail else "failed"


def _facts_of(report: RunFinished) -> dict[str, Any]:
    return {
        "finished_at": report.finished_at,
        "exit_code": report.exit_code,
        "signal": report.signal,
        "duration_ms": report.duration_ms,
        "cpu_ms": report.cpu_ms,
        "peak_memory_bytes": report.peak_memory_bytes,
        "usage": None if report.usage is None else msgspec.to_builtins(report.usage),
        "last_seq": report.last_seq,
        "stdout_bytes": report.stdout_bytes,
        "stderr_bytes": report.stderr_bytes,
        "dropped_bytes": report.dropped_bytes,
        "sandbox": report.sandbox,
        "sandbox_features": report.sandbox_features,
        **({} if report.started_at is None else {"started_at": report.started_at}),
        # A restarted executor does not know these of what it lost; they were told at the start then.
        **({} if report.script_sha256 is None else {"script_sha256": report.script_sha256}),
        **({} if report.prepared_ms is None else {"prepared_ms": report.prepared_ms}),
    }


def _run_facts_of(report: RunFinished) -> dict[str, Any]:
    return {
        "exit_code": report.exit_code,
        "signal": report.signal,
        "duration_ms": report.duration_ms,
        **({} if report.started_at is None else {"started_at": report.started_at}),
    }

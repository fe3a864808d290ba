"""Attempts that come back: given up unstarted, or found again after they were taken for lost."""

from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.announcer import SOURCE
from services.scheduler.arrivals import tell_end
from services.scheduler.ledger import Effects
from services.scheduler.overlap import decide_held
from shared.db.attempts import AttemptView, attempts_by_id, move_attempt, release_attempt
from shared.db.runs import move_run
from shared.domain.run import Reason, RunState
from shared.messages.answers import ReleaseAnswer
from shared.messages.commands import AttemptRelease

log = structlog.get_logger()


def is_lost(attempt: AttemptView) -> bool:
    """Say whether it was taken for lost, and nothing follows it: neither another attempt nor its end."""
    return attempt.state is RunState.LOST and attempt.is_newest and attempt.run_state is RunState.LOST


async def find_again(session: AsyncSession, effects: Effects, attempt: AttemptView) -> None:
    """Let a lost run go on whose executor has it after all."""
    values = {"reason": None, "detail": "", "finished_at": None}
    if await move_attempt(session, attempt, RunState.RUNNING, values):
        await move_run(session, attempt.run_id, RunState.RUNNING, values, attempt=attempt.number)
        effects.run_changed(attempt.run_id)
        log.info("lost run is back", run_id=str(attempt.run_id), executor=attempt.executor)


async def take_back(
    session: AsyncSession, effects: Effects, release: AttemptRelease, *, now: datetime
) -> ReleaseAnswer:
    """Queue again what was granted to this boot and never started; repeating it changes nothing.

    Also what was taken for lost meanwhile: that it never started is known now, so it is not lost.
    """
    attempts = await attempts_by_id(session, {ref.attempt_id for ref in release.attempts})
    for ref in release.attempts:
        attempt = attempts.get(ref.attempt_id)
        if attempt is None or attempt.token != ref.token or attempt.boot != release.boot:
            log.info("release was void", attempt_id=str(ref.attempt_id), executor=release.executor)
        elif attempt.cancel_requested_at is not None:
            await _cancel_released(session, effects, attempt, now=now)
        else:
            await _queue_released(session, effects, attempt, release, now=now)
    return ReleaseAnswer(source=SOURCE, time=now, attempts=tuple(ref.attempt_id for ref in release.attempts))


async def _queue_released(
    session: AsyncSession, effects: Effects, attempt: AttemptView, release: AttemptRelease, *, now: datetime
) -> None:
    if is_lost(attempt):
        await find_again(session, effects, attempt)
    if not await release_attempt(session, attempt, boot=release.boot, due_at=now, log_seq=release.log_seq):
        return
    await move_run(session, attempt.run_id, RunState.QUEUED, {"executor": None}, attempt=attempt.number)
    effects.attempt_again(attempt, token=attempt.token + 1, due_at=now)
    effects.run_changed(attempt.run_id)
    effects.gives_up(attempt)


async def _cancel_released(
    session: AsyncSession, effects: Effects, attempt: AttemptView, *, now: datetime
) -> None:
    values = {"reason": Reason.REQUESTED, "detail": "cancelled before it started", "finished_at": now}
    if await move_attempt(session, attempt, RunState.CANCELLED, {**values, "settled": True}):
        await move_run(session, attempt.run_id, RunState.CANCELLED, values, attempt=attempt.number)
        effects.run_changed(attempt.run_id)
        effects.gives_up(attempt)
        if attempt.number > 1:
            await tell_end(session, effects, attempt, RunState.CANCELLED, now=now)
        await decide_held(session, effects, {attempt.job_id}, now=now)

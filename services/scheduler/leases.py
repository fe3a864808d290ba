"""Answers renewals: which of its attempts an executor may keep, must stop, or need report no more."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.announcer import SOURCE
from services.scheduler.endings import Ending, lose_attempt
from services.scheduler.grants import over_by
from services.scheduler.ledger import Effects
from services.scheduler.returning import find_again, is_lost
from shared.db.attempts import AttemptView, attempts_by_id, running_of
from shared.db.executors import ExecutorView, executor_by_name, store_executor
from shared.db.holds import open_holds
from shared.db.jobs import deleted_before
from shared.db.retention import judged_by
from shared.db.starts import extend_attempt
from shared.domain.ids import AttemptId, JobId
from shared.domain.run import Reason, RunState
from shared.messages.answers import AttemptStanding, RenewAnswer, Standing
from shared.messages.commands import LeaseRenew
from shared.messages.envelope import AttemptRef

log = structlog.get_logger()

_FORGOTTEN_AFTER = timedelta(seconds=30)
"""Twice the lease of a claim: what an executor does not name that heard of the ledger so long after it
granted the attempt is not there."""
STATE_KEPT = timedelta(days=30)
"""So long after its deletion a job that is restored finds what it kept. Of jobs unknown here nothing goes."""
_BEATS_TO_SPEAK = 3
"""A restarted executor has told what its earlier boot left behind by its third renewal."""


async def renew_leases(
    session: AsyncSession, effects: Effects, renewal: LeaseRenew, *, now: datetime
) -> RenewAnswer:
    """Store the heartbeat and answer for each attempt that the renewal names."""
    known = await executor_by_name(session, renewal.executor)
    is_outdated = known is not None and known.boot != renewal.boot and renewal.started_at < known.started_at
    attempts = await attempts_by_id(
        session, {ref.attempt_id for ref in (*renewal.running, *renewal.unsettled)}
    )
    if is_outdated:
        log.warning("renewal of an older boot", executor=renewal.executor, boot=str(renewal.boot))
    else:
        await _store(session, effects, known, renewal, now=now)
        await _lose_forgotten(session, effects, renewal, now=now)
    standings = []
    for ref in renewal.running:
        standing = (
            Standing.REVOKED
            if is_outdated
            else await _running(session, effects, attempts.get(ref.attempt_id), ref, renewal, now=now)
        )
        standings.append(AttemptStanding(attempt_id=ref.attempt_id, token=ref.token, standing=standing))
    standings += (_unsettled(attempts.get(ref.attempt_id), ref, renewal) for ref in renewal.unsettled)
    drained = (await open_holds(session)).drained(now)
    return RenewAnswer(
        source=SOURCE,
        time=now,
        beat_seq=renewal.beat_seq,
        attempts=tuple(standings),
        drain=renewal.executor in drained,
        gone=await _gone(session, renewal, now=now),
    )


async def _gone(session: AsyncSession, renewal: LeaseRenew, *, now: datetime) -> tuple[JobId, ...]:
    if not renewal.states:
        return ()
    return await deleted_before(session, renewal.states, await judged_by(session, now) - STATE_KEPT)


async def _running(
    session: AsyncSession,
    effects: Effects,
    attempt: AttemptView | None,
    ref: AttemptRef,
    renewal: LeaseRenew,
    *,
    now: datetime,
) -> Standing:
    if attempt is None or attempt.token != ref.token or attempt.boot != renewal.boot:
        return Standing.REVOKED
    if is_lost(attempt):
        await find_again(session, effects, attempt)
    elif attempt.state is not RunState.RUNNING:
        return Standing.REVOKED
    if ref.attempt_id in renewal.preparing:
        # Its environment is being made: it may start as late as a lease from now, and then has all its time.
        await extend_attempt(session, attempt.id, may_run_until=over_by(attempt.as_granted(), now=now))
    return Standing.RENEWED if attempt.cancel_requested_at is None else Standing.CANCEL


def _unsettled(attempt: AttemptView | None, ref: AttemptRef, renewal: LeaseRenew) -> AttemptStanding:
    """Judge an ended attempt. One that is not this executor's any more has nothing left to report."""
    is_awaited = (
        attempt is not None
        and not attempt.settled
        and attempt.token == ref.token
        and attempt.executor == renewal.executor
    )
    standing = Standing.REPORT if is_awaited else Standing.SETTLED
    return AttemptStanding(attempt_id=ref.attempt_id, token=ref.token, standing=standing)


async def _lose_forgotten(
    session: AsyncSession, effects: Effects, renewal: LeaseRenew, *, now: datetime
) -> None:
    """End attempts that the ledger gives to this executor and of which it knows nothing."""
    if renewal.beat_seq < _BEATS_TO_SPEAK or renewal.answered_at is None:
        return
    held = await running_of(session, renewal.executor)
    for attempt in _not_named(held.values(), renewal):
        # Not by our own clock: a renewal may have been on its way since before the claim.
        if attempt.claimed_at is not None and renewal.answered_at - attempt.claimed_at > _FORGOTTEN_AFTER:
            ending = Ending(
                state=RunState.LOST,
                reason=Reason.EXECUTOR_GONE,
                detail=f"executor {renewal.executor} knows nothing of it any more",
                finished_at=now,
            )
            await lose_attempt(session, effects, attempt, ending)


def _not_named(held: Iterable[AttemptView], renewal: LeaseRenew) -> list[AttemptView]:
    named: set[AttemptId] = {ref.attempt_id for ref in (*renewal.running, *renewal.unsettled)}
    return [attempt for attempt in held if attempt.id not in named]


async def _store(
    session: AsyncSession,
    effects: Effects,
    known: ExecutorView | None,
    renewal: LeaseRenew,
    *,
    now: datetime,
) -> None:
    is_same_boot = known is not None and known.boot == renewal.boot
    # An earlier word of a boot that has left may arrive after its last one: it does not bring it back.
    has_left = renewal.leaving or (is_same_boot and known is not None and known.has_left)
    executor = ExecutorView(
        name=renewal.executor,
        boot=renewal.boot,
        # A renewal that was overtaken by a later one must not look like a step back.
        beat_seq=max(renewal.beat_seq, known.beat_seq if known is not None and is_same_boot else 0),
        host=renewal.host,
        pid=renewal.pid,
        version=renewal.version,
        sandbox=renewal.sandbox,
        sandbox_features=renewal.sandbox_features,
        pools=list(renewal.pools),
        slots=renewal.slots,
        busy=len(renewal.running),
        draining=renewal.draining or has_left,
        problems=list(renewal.problems),
        started_at=renewal.started_at,
        last_seen_at=now,
        online=not has_left,
    )
    await store_executor(session, executor, is_new=known is None)
    effects.executors.append(executor)
    if has_left:
        log.info("executor left", executor=executor.name, boot=str(executor.boot))
    elif known is None or not known.online or not is_same_boot:
        log.info("executor online", executor=executor.name, boot=str(executor.boot), slots=executor.slots)

"""Refuses claims of what people hold back: the run waits on, and is published anew when it may go."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.ledger import Effects
from shared.db.asked import PendingCancels
from shared.db.attempts import AttemptView, queue_again
from shared.domain.holds import Hold, HoldKind, Holds
from shared.domain.ids import ExecutorName
from shared.domain.sandbox import is_enough

_ELSEWHERE_AFTER = timedelta(seconds=1)
"""A message that a drained executor was given is not said again at once: it may not know yet."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What people want not to start, as it stands in the transaction of a claim."""

    holds: Holds
    cancels: PendingCancels


async def held_back(
    session: AsyncSession,
    effects: Effects,
    attempt: AttemptView,
    executor: ExecutorName,
    wishes: Wishes,
    *,
    now: datetime,
) -> str | None:
    """Return why this executor may not start the attempt now; None: nobody minds.

    Its message is gone with the refusal. What is frozen or paused is left unpublished, for the relay to
    find when it goes on; what is only not for this executor is published again.
    """
    if wishes.cancels.covers(attempt):
        return "somebody asked to cancel it"
    hold = wishes.holds.of_pool(attempt.pool, now)
    if hold is not None:
        await queue_again(session, attempt)
        return hold_words(hold)
    drained = wishes.holds.drained(now).get(executor)
    if drained is None:
        return None
    if await queue_again(session, attempt):
        effects.attempt_again(attempt, token=attempt.token + 1, due_at=now + _ELSEWHERE_AFTER)
    return hold_words(drained)


async def too_exposed(
    session: AsyncSession, effects: Effects, attempt: AttemptView, level: str, *, now: datetime
) -> str | None:
    """Return why an executor of this level may not start the attempt; None: it fences in well enough.

    Only what was said before its job asked for more comes here: it is said again, where others hear it.
    """
    if is_enough(level, attempt.min_sandbox):
        return None
    if await queue_again(session, attempt):
        effects.attempt_again(attempt, token=attempt.token + 1, due_at=now)
    return f"its job asks for level {attempt.min_sandbox}, and it would run at {level or 'an unknown level'}"


def hold_words(hold: Hold) -> str:
    """Say what holds a run back."""
    match hold.kind:
        case HoldKind.FREEZE:
            return "held by freeze"
        case HoldKind.POOL:
            return f"pool {hold.subject} is paused"
        case HoldKind.DRAIN:
            return f"executor {hold.subject} is drained"

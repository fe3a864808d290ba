"""Counts how often jobs have started lately, for the brake of each."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.attempts import AttemptView
from shared.db.starts import starts_since
from shared.domain.brake import BY_ITSELF, WINDOW, braked
from shared.domain.ids import JobId


async def starts_of(
    session: AsyncSession, attempts: Iterable[AttemptView], *, now: datetime
) -> dict[JobId, int]:
    """Return the starts that count of the jobs of which a first attempt is to be judged."""
    jobs = {one.job_id for one in attempts if is_judged(one)}
    return await starts_since(session, jobs, now - WINDOW)


def is_judged(attempt: AttemptView) -> bool:
    """Say whether the brake is asked at its claim: a later attempt is judged when the one before ends."""
    return attempt.number == 1 and attempt.cause in BY_ITSELF


async def braked_of(session: AsyncSession, attempt: AttemptView, *, now: datetime) -> str | None:
    """Return why the job of this attempt may not start a further one now; None: it may."""
    starts = await starts_since(session, {attempt.job_id}, now - WINDOW)
    return braked(starts.get(attempt.job_id, 0), attempt.policy.starts_per_minute)

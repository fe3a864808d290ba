"""Tells the end of a run to the jobs that run after its job, in the transaction that ends it."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.ledger import Effects
from shared.db.arrivals import Ended, cancelled_between_attempts, note_arrivals
from shared.db.attempts import AttemptView
from shared.domain.ids import RunId
from shared.domain.run import RunState


async def tell_end(
    session: AsyncSession, effects: Effects, attempt: AttemptView, state: RunState, *, now: datetime
) -> None:
    """Tell that the run of this attempt, its last one, has ended for good; a second time changes nothing."""
    if attempt.is_followed:
        ended = Ended(run_id=attempt.run_id, job_id=attempt.job_id, state=state)
        await tell(session, effects, ended, now=now)


async def tell_cancelled(
    session: AsyncSession, effects: Effects, run_ids: Collection[RunId], *, now: datetime
) -> None:
    """Tell the end of those of the runs that were cancelled after they had been started once."""
    for ended in await cancelled_between_attempts(session, run_ids):
        await tell(session, effects, ended, now=now)


async def tell(session: AsyncSession, effects: Effects, ended: Ended, *, now: datetime) -> None:
    """Note the end where it counts; what it starts is started after the commit, or found by a sweep."""
    effects.arrived |= await note_arrivals(session, ended, at=now)

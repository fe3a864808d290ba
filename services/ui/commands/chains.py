"""What a job runs after, when somebody saves or restores it: known jobs, and no circle."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import edges
from shared.domain.chain import RunsAfter, check_runs_after, circle, refuse_circle
from shared.domain.errors import InvalidInput
from shared.domain.ids import JobId

_CHANGE_ONE = "Take one of them out, here or at another job."
_CHANGE_ANOTHER = "Take one of them out at a job that is not deleted, then restore this one."


async def save(
    session: AsyncSession, job_id: JobId, wanted: RunsAfter, current: RunsAfter, *, now: datetime
) -> None:
    """Store what the job runs after, in the transaction that stores the job and holds the lock of chains.

    A deleted job is refused, unless the job ran after it already: it may come back.

    Raises:
        InvalidInput: on field `runs_after`.
    """
    check_runs_after(job_id, wanted)
    added = {one.job_id for one in wanted.upstreams} - {one.job_id for one in current.upstreams}
    if await edges.unknown_jobs(session, added):
        raise InvalidInput("runs_after", "A job that was chosen does not exist any more. Choose again.")
    await _refuse_circle(session, job_id, {one.job_id for one in wanted.upstreams}, instead=_CHANGE_ONE)
    await edges.replace_edges(session, job_id, wanted, current, now=now)


async def check_restored(session: AsyncSession, job_id: JobId) -> None:
    """Refuse to bring a job back that would close a circle; the transaction holds the lock of chains.

    Raises:
        InvalidInput: on field `runs_after`.
    """
    current = await edges.runs_after_of(session, job_id)
    await _refuse_circle(session, job_id, {one.job_id for one in current.upstreams}, instead=_CHANGE_ANOTHER)


async def _refuse_circle(
    session: AsyncSession, job_id: JobId, upstreams: Collection[JobId], *, instead: str
) -> None:
    if not upstreams:
        return
    way = circle(job_id, upstreams, await edges.links_of_living(session))
    refuse_circle(way, await edges.names_of(session, set(way)), instead=instead)

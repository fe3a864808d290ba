"""What every change of a job begins with: that it is there, and how it stands."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import jobs
from shared.db.jobs import JobHead
from shared.domain.errors import NotFound
from shared.domain.ids import JobId

CHANGED = "Somebody changed this job meanwhile. Load it again, then repeat your change."


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A definition that was changed, for the wake-up."""

    job_id: JobId
    version: int


async def known(session: AsyncSession, job_id: JobId) -> JobHead:
    """Return the head of a job, also of a deleted one.

    Raises:
        NotFound: no such job.
    """
    head = await jobs.head_of(session, job_id)
    if head is None:
        raise NotFound("There is no such job.")
    return head


async def living(session: AsyncSession, job_id: JobId) -> JobHead:
    """Return the head of a job that is not deleted.

    Raises:
        NotFound: no such job, or it is deleted.
    """
    head = await known(session, job_id)
    if head.deleted_at is not None:
        raise NotFound("This job is deleted. Restore it first.")
    return head

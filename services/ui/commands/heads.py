"""What every change of a job begins with: that it is there, how it stands, and that one may change it."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.access import demand, demand_somewhere
from shared.db import jobs
from shared.db.jobs import JobHead
from shared.domain.access import Role, folder_of
from shared.domain.errors import NotFound
from shared.domain.ids import JobId

CHANGED = "Somebody changed this job meanwhile. Load it again, then repeat your change."


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A definition that was changed, for the wake-up."""

    job_id: JobId
    version: int


async def known(session: AsyncSession, job_id: JobId, role: Role) -> JobHead:
    """Return the head of a job, also of a deleted one, to which whoever asks may do what the role may.

    Raises:
        NotSignedIn, Forbidden: they may not.
        NotFound: no such job.
    """
    demand_somewhere(role)
    head = await jobs.head_of(session, job_id)
    if head is None:
        raise NotFound("There is no such job.")
    demand(role, folder_of(head.script))
    return head


async def living(session: AsyncSession, job_id: JobId, role: Role) -> JobHead:
    """Return the head of a job that is not deleted, as `known` does.

    Raises:
        NotSignedIn, Forbidden: as `known`.
        NotFound: no such job, or it is deleted.
    """
    head = await known(session, job_id, role)
    if head.deleted_at is not None:
        raise NotFound("This job is deleted. Restore it first.")
    return head

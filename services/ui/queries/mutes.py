"""Which jobs are muted, until when."""

from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.queries.jobs import check_job
from shared.db import mutes
from shared.db.engine import Database
from shared.db.tables import JobRow
from shared.domain.ids import JobId
from shared.domain.mute import Mute
from shared.runtime.clock import Clock


class Muted(msgspec.Struct, frozen=True, kw_only=True):
    """A job that nobody is told of while it fails."""

    job_id: JobId
    job_name: str
    until: datetime
    by: str


class JobMute(msgspec.Struct, frozen=True, kw_only=True):
    """Until when a job is muted, and by whom; None: it is not."""

    until: datetime | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldMutes:
    """What is asked about the mute of a job."""

    database: Database
    clock: Clock

    async def of(self, job_id: JobId) -> JobMute:
        """Return the mute that holds of a job.

        Raises:
            NotFound: no such job.
        """
        async with self.database.reading() as session:
            await check_job(session, job_id)
            held = await mutes.held(session, self.clock.now(), [job_id])
        return JobMute(until=held[0].ends_at, by=held[0].muted_by) if held else JobMute()


async def with_names(session: AsyncSession, held: tuple[Mute, ...]) -> tuple[Muted, ...]:
    """Return these mutes with the names of their jobs; those of deleted jobs are left out."""
    living = select(JobRow.id, JobRow.name).where(
        JobRow.id.in_([one.job_id for one in held]), JobRow.deleted_at.is_(None)
    )
    names = {row.id: row.name for row in await session.execute(living)} if held else {}
    return tuple(
        Muted(job_id=one.job_id, job_name=names[one.job_id], until=one.ends_at, by=one.muted_by)
        for one in held
        if one.job_id in names
    )

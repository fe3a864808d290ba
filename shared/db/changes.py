"""What people changed, as rows that nobody changes again; those of a job are its versions."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.statements import columns_of, insert_all
from shared.db.tables import ChangeRow
from shared.domain.changes import ChangeKind
from shared.domain.ids import JobId, new_id

KEPT = 500
"""So many versions of a job are kept: a program may change one every minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Something that somebody did."""

    kind: ChangeKind
    by: str
    at: datetime
    subject: str
    """The name of what it was done to."""
    job_id: JobId | None = None
    version: int | None = None
    """The job's from then on."""
    detail: str = ""
    definition: dict[str, Any] | None = None
    """The job's from then on, as `shared.db.definitions` has it; None: as before."""


async def record(session: AsyncSession, deed: Deed) -> None:
    """Store it, in the transaction that does it; of a job the newest KEPT versions stay."""
    await insert_all(session, ChangeRow, [{"id": new_id(), **columns_of(deed)}])
    if deed.job_id is not None and deed.version is not None and deed.version > KEPT:
        await _trim(session, deed.job_id, deed.version - KEPT)


async def _trim(session: AsyncSession, job_id: JobId, until: int) -> None:
    """Remove the versions of a job up to this one; how it is defined now stays known."""
    newest = select(func.max(ChangeRow.version)).where(
        ChangeRow.job_id == job_id, ChangeRow.definition.is_not(None)
    )
    last = min(until, (await session.scalar(newest) or 0) - 1)
    await session.execute(delete(ChangeRow).where(ChangeRow.job_id == job_id, ChangeRow.version <= last))


async def is_recorded(session: AsyncSession, job_id: JobId) -> bool:
    """Say whether any definition of the job is stored."""
    found = select(ChangeRow.id).where(ChangeRow.job_id == job_id, ChangeRow.definition.is_not(None)).limit(1)
    return await session.scalar(found) is not None


async def definition_at(session: AsyncSession, job_id: JobId, version: int) -> dict[str, Any] | None:
    """Return how the job was defined at this version; None: that is not known."""
    definition: dict[str, Any] | None = await session.scalar(
        select(ChangeRow.definition)
        .where(ChangeRow.job_id == job_id, ChangeRow.version <= version, ChangeRow.definition.is_not(None))
        .order_by(ChangeRow.version.desc())
        .limit(1)
    )
    return definition


async def versions_between(
    session: AsyncSession, job_id: JobId, since: datetime, until: datetime, *, limit: int
) -> tuple[ChangeRow | None, list[ChangeRow]]:
    """Return the definition that held at `since`, and those that came after it up to `until`, newest first.

    A history that begins later begins with how the job was before: that held then.
    """
    defined = select(ChangeRow).where(ChangeRow.job_id == job_id, ChangeRow.definition.is_not(None))
    upto = defined.where(ChangeRow.at <= until, ChangeRow.version.is_not(None))
    later = list(
        await session.scalars(
            upto.where(ChangeRow.at > since).order_by(ChangeRow.version.desc()).limit(limit)
        )
    )
    held = await session.scalar(
        defined.where(ChangeRow.at <= since).order_by(ChangeRow.version.desc()).limit(1)
    )
    known = ChangeKind.JOB_KNOWN
    if held is None:
        held = await session.scalar(defined.where(ChangeRow.kind == known).limit(1))
    return held, [one for one in later if one.kind != known]


async def changes_of_job(
    session: AsyncSession, job_id: JobId, *, before: int | None, limit: int
) -> list[ChangeRow]:
    """Return what was done to the job, newest first, from below this version on."""
    # What has no version changed nothing in the job: it was muted, say.
    query = select(ChangeRow).where(ChangeRow.job_id == job_id, ChangeRow.version.is_not(None))
    if before is not None:
        query = query.where(ChangeRow.version < before)
    return list(await session.scalars(query.order_by(ChangeRow.version.desc()).limit(limit)))


async def changes(
    session: AsyncSession, *, before: tuple[datetime, UUID] | None, limit: int, job_id: JobId | None = None
) -> list[ChangeRow]:
    """Return what was done, newest first, from before this instant and id on."""
    query = select(ChangeRow).where(ChangeRow.kind != ChangeKind.JOB_KNOWN)
    if job_id is not None:
        query = query.where(ChangeRow.job_id == job_id)
    if before is not None:
        at, id_ = before
        query = query.where(or_(ChangeRow.at < at, and_(ChangeRow.at == at, ChangeRow.id < id_)))
    return list(await session.scalars(query.order_by(ChangeRow.at.desc(), ChangeRow.id.desc()).limit(limit)))

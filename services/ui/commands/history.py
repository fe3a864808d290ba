"""Noting what was done to a job, in the transaction that does it."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import changes
from shared.db.changes import Deed
from shared.db.jobs import JobHead
from shared.domain.changes import ChangeKind
from shared.domain.ids import JobId


async def begin(session: AsyncSession, head: JobHead, *, now: datetime) -> None:
    """Note how the job is before its first change that is noted: it may be older than its history."""
    if await changes.is_recorded(session, head.id):
        return
    definition = await changes.definition_of(session, head.id)
    deed = Deed(
        kind=ChangeKind.JOB_KNOWN,
        by="",
        at=now,
        subject=head.name,
        job_id=head.id,
        version=head.version,
        definition=definition,
    )
    await changes.record(session, deed)


async def note_definition(
    session: AsyncSession,
    job_id: JobId,
    kind: ChangeKind,
    *,
    version: int,
    by: str,
    now: datetime,
    detail: str = "",
) -> None:
    """Note that the job is defined as it is now, after the change."""
    definition = await changes.definition_of(session, job_id)
    deed = Deed(
        kind=kind,
        by=by,
        at=now,
        subject=str(definition["name"]),
        job_id=job_id,
        version=version,
        detail=detail,
        definition=definition,
    )
    await changes.record(session, deed)


async def note(
    session: AsyncSession, head: JobHead, kind: ChangeKind, *, by: str, now: datetime, detail: str = ""
) -> None:
    """Note what was done to the job besides its definition; `head` is from before it."""
    deed = Deed(
        kind=kind,
        by=by,
        at=now,
        subject=head.name,
        job_id=head.id,
        version=head.version + 1,
        detail=detail,
    )
    await changes.record(session, deed)

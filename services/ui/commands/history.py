"""Noting what was done to a job, in the transaction that does it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import changes
from shared.db.changes import Deed
from shared.db.definitions import definition_of
from shared.db.jobs import JobHead
from shared.domain.changes import ChangeKind
from shared.domain.ids import JobId


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """Who does what to a job, and when."""

    kind: ChangeKind
    by: str
    at: datetime
    detail: str = ""


async def begin(session: AsyncSession, head: JobHead, *, now: datetime) -> None:
    """Note how the job is before its first change that is noted: it may be older than its history."""
    if not await changes.is_recorded(session, head.id):
        known = Doing(kind=ChangeKind.JOB_KNOWN, by="", at=now)
        await note_definition(session, head.id, known, version=head.version)


async def note_definition(session: AsyncSession, job_id: JobId, doing: Doing, *, version: int) -> None:
    """Note that the job is defined as it is stored now, and has this version."""
    definition = await definition_of(session, job_id)
    deed = Deed(
        kind=doing.kind,
        by=doing.by,
        at=doing.at,
        subject=str(definition["name"]),
        job_id=job_id,
        version=version,
        detail=doing.detail,
        definition=definition,
    )
    await changes.record(session, deed)


async def note(session: AsyncSession, head: JobHead, doing: Doing) -> None:
    """Note what was done to the job besides its definition; `head` is from before it."""
    deed = Deed(
        kind=doing.kind,
        by=doing.by,
        at=doing.at,
        subject=head.name,
        job_id=head.id,
        version=head.version + 1,
        detail=doing.detail,
    )
    await changes.record(session, deed)

"""The history of a job's pauses: who paused it when, and who resumed it."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.tables import PauseRow
from shared.domain.ids import JobId, new_id
from shared.domain.why import Pause


@dataclass(frozen=True, slots=True)
class EndedPause:
    """A pause that is over. What was due at its very beginning still ran."""

    paused_at: datetime
    resumed_at: datetime


async def begin_pause(session: AsyncSession, job_id: JobId, *, by: str, at: datetime) -> None:
    """Note that a pause began."""
    session.add(
        PauseRow(id=new_id(), job_id=job_id, paused_at=at, paused_by=by, resumed_at=None, resumed_by=None)
    )
    await session.flush()


async def end_pause(session: AsyncSession, job_id: JobId, *, by: str, at: datetime) -> None:
    """Note that the job's open pause ended; nothing happens where there is none."""
    await session.execute(
        update(PauseRow)
        .where(PauseRow.job_id == job_id, PauseRow.resumed_at.is_(None))
        .values(resumed_at=at, resumed_by=by)
    )


async def pauses_of(session: AsyncSession, job_id: JobId) -> tuple[Pause, ...]:
    """Return every pause of a job, oldest first."""
    rows = await session.scalars(
        select(PauseRow).where(PauseRow.job_id == job_id).order_by(PauseRow.paused_at)
    )
    return tuple(_pause(row) for row in rows)


async def pauses_ended_since(
    session: AsyncSession, job_ids: Collection[JobId], *, since: datetime
) -> dict[JobId, tuple[EndedPause, ...]]:
    """Return the pauses of these jobs that ended after `since`, oldest first."""
    rows = await session.execute(
        select(PauseRow.job_id, PauseRow.paused_at, PauseRow.resumed_at)
        .where(PauseRow.job_id.in_(job_ids), PauseRow.resumed_at > since)
        .order_by(PauseRow.paused_at)
    )
    found = defaultdict(list)
    for job_id, paused_at, resumed_at in rows:
        if resumed_at is not None:
            found[JobId(job_id)].append(EndedPause(paused_at, resumed_at))
    return {job_id: tuple(ended) for job_id, ended in found.items()}


async def open_pauses(session: AsyncSession, job_ids: list[JobId]) -> dict[JobId, Pause]:
    """Return the pause that each of these jobs is in; a job that is not paused has no entry."""
    if not job_ids:
        return {}
    rows = await session.scalars(
        select(PauseRow).where(PauseRow.job_id.in_(job_ids), PauseRow.resumed_at.is_(None))
    )
    return {JobId(row.job_id): _pause(row) for row in rows}


def _pause(row: PauseRow) -> Pause:
    return Pause(
        paused_at=row.paused_at,
        paused_by=row.paused_by,
        resumed_at=row.resumed_at,
        resumed_by=row.resumed_by,
    )

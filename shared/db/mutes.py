"""Mutes: jobs whose failures somebody knows of, so that nobody is told of them for a while."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.statements import columns_of
from shared.db.tables import MuteRow, RunRow
from shared.domain.ids import JobId
from shared.domain.mute import Mute
from shared.domain.run import RunState

_MOST = 1_000
"""So many are read at once; each was a person's deed."""


async def store(session: AsyncSession, mute: Mute) -> None:
    """Mute a job, in place of an earlier mute of it. What has ended of all jobs is forgotten."""
    await session.execute(delete(MuteRow).where(MuteRow.ends_at <= mute.muted_at))
    values = columns_of(mute)
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    # Two people may mute it at once: the last one wins.
    await session.execute(
        insert(MuteRow).values(values).on_conflict_do_update(index_elements=["job_id"], set_=values)
    )


async def remove(session: AsyncSession, job_id: JobId) -> None:
    """Forget the mute of a job, if there is one."""
    await session.execute(delete(MuteRow).where(MuteRow.job_id == job_id))


async def held(
    session: AsyncSession, now: datetime, job_ids: Sequence[UUID] | None = None
) -> tuple[Mute, ...]:
    """Return the mutes that hold, of all jobs or of these; the one that ends next first.

    A mute is over at its end, or when its job has succeeded since.
    """
    newest_success = (
        select(RunRow.finished_at)
        .where(RunRow.job_id == MuteRow.job_id, RunRow.state == RunState.SUCCEEDED)
        .order_by(RunRow.number.desc())
        .limit(1)
        .correlate(MuteRow)
        .scalar_subquery()
    )
    query = select(MuteRow, newest_success.label("success_at")).where(MuteRow.ends_at > now)
    if job_ids is not None:
        query = query.where(MuteRow.job_id.in_(job_ids))
    rows = await session.execute(query.order_by(MuteRow.ends_at, MuteRow.job_id).limit(_MOST))
    return tuple(
        Mute(job_id=JobId(row.job_id), muted_at=row.muted_at, muted_by=row.muted_by, ends_at=row.ends_at)
        for row, success_at in rows
        if success_at is None or success_at <= row.muted_at
    )

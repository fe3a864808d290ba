"""Cursors and job ledgers: how far each schedule is decided, and what the scheduler keeps per job."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.locks import is_shared, lock_due_jobs, lock_new_jobs
from shared.db.statements import changed, insert_all, table_of, update_all
from shared.db.tables import CursorRow, JobLedgerRow, JobRow, ScheduleRow
from shared.domain.ids import JobId, RunId, ScheduleId
from shared.domain.policy import Overlap
from shared.domain.run import RunState
from shared.domain.schedules import Schedule, from_json

_CURSORS = table_of(CursorRow)
_LEDGERS = table_of(JobLedgerRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowedJob:
    """A job whose newest version is not taken over yet. `seen_version` is None for a new one."""

    id: JobId
    version: int
    seen_version: int | None
    pool: str
    overlap: Overlap
    updated_at: datetime
    paused_at: datetime | None
    deleted_at: datetime | None

    @property
    def stopped_at(self) -> datetime | None:
        """Return since when its schedules are not followed; None while they are."""
        return self.deleted_at or self.paused_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """One schedule and how far it is decided; `decided_until` is None before the first time."""

    schedule_id: ScheduleId
    job_id: JobId
    schedule: Schedule
    created_at: datetime
    retired_at: datetime | None
    decided_until: datetime | None
    next_due_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DueCursor:
    """A cursor whose next instant is near, with what planning it takes."""

    schedule_id: ScheduleId
    job_id: JobId
    schedule: Schedule
    decided_until: datetime
    overlap: Overlap
    pool: str


async def jobs_to_follow(
    session: AsyncSession, *, limit: int, job_ids: Collection[JobId] | None = None
) -> list[FollowedJob]:
    """Lock and return jobs whose version is not taken over by any scheduler: among these, or among all."""
    statement = (
        select(
            *(JobRow.__table__.c[name] for name in ("id", "version", "pool", "overlap", "updated_at")),
            JobRow.paused_at,
            JobRow.deleted_at,
            JobLedgerRow.seen_version,
        )
        .select_from(JobRow)
        .outerjoin(JobLedgerRow, JobLedgerRow.job_id == JobRow.id)
        .where(or_(JobLedgerRow.job_id.is_(None), JobRow.version > JobLedgerRow.seen_version))
        .limit(limit)
    )
    if job_ids is not None:
        statement = statement.where(JobRow.id.in_(job_ids))
    if is_shared(session):
        seen = {JobId(id_) for id_ in await session.scalars(statement.with_only_columns(JobRow.id))}
        await lock_new_jobs(session, seen)
        statement = statement.where(JobRow.id.in_(seen))
    return [FollowedJob(**values) for values in (await session.execute(statement)).mappings()]


async def cursors_of(session: AsyncSession, job_ids: Collection[JobId]) -> dict[JobId, list[Cursor]]:
    """Return the schedules of these jobs with their cursors, retired ones only while still followed."""
    statement = (
        select(
            ScheduleRow.id.label("schedule_id"),
            ScheduleRow.job_id,
            ScheduleRow.spec,
            ScheduleRow.created_at,
            ScheduleRow.retired_at,
            CursorRow.decided_until,
            CursorRow.next_due_at,
        )
        .outerjoin(CursorRow, CursorRow.schedule_id == ScheduleRow.id)
        .where(
            ScheduleRow.job_id.in_(job_ids),
            or_(ScheduleRow.retired_at.is_(None), CursorRow.next_due_at.is_not(None)),
        )
    )
    found = defaultdict(list)
    for row in await session.execute(statement):
        cursor = Cursor(
            schedule_id=ScheduleId(row.schedule_id),
            job_id=JobId(row.job_id),
            schedule=from_json(row.spec, anchor=row.created_at),
            created_at=row.created_at,
            retired_at=row.retired_at,
            decided_until=row.decided_until,
            next_due_at=row.next_due_at,
        )
        found[cursor.job_id].append(cursor)
    return found


async def due_cursors(session: AsyncSession, *, due_by: datetime, limit: int) -> list[DueCursor]:
    """Return the cursors due by then, earliest first, under their jobs' locks.

    Jobs that another transaction has locked are left out, without waiting: ask again in a moment.
    """
    locked = await lock_due_jobs(session, due_by=due_by, limit=limit)
    statement = (
        select(
            CursorRow.schedule_id,
            CursorRow.job_id,
            CursorRow.decided_until,
            ScheduleRow.spec,
            ScheduleRow.created_at,
            JobRow.overlap,
            JobRow.pool,
        )
        .join(ScheduleRow, ScheduleRow.id == CursorRow.schedule_id)
        .join(JobRow, JobRow.id == CursorRow.job_id)
        .where(CursorRow.next_due_at <= due_by)
        .order_by(CursorRow.next_due_at)
        .limit(limit)
    )
    if locked is not None:
        statement = statement.where(CursorRow.job_id.in_(locked))
    return [
        DueCursor(
            schedule_id=ScheduleId(row.schedule_id),
            job_id=JobId(row.job_id),
            schedule=from_json(row.spec, anchor=row.created_at),
            decided_until=row.decided_until,
            overlap=row.overlap,
            pool=row.pool,
        )
        for row in await session.execute(statement)
    ]


async def next_due_at(session: AsyncSession) -> datetime | None:
    """Return when the next instant of any schedule is due."""
    return await session.scalar(select(func.min(CursorRow.next_due_at)))


async def insert_cursors(session: AsyncSession, cursors: Sequence[Mapping[str, object]]) -> None:
    """Write cursors of schedules that are followed for the first time."""
    await insert_all(session, CursorRow, cursors)


async def move_cursors(
    session: AsyncSession, moves: Sequence[tuple[ScheduleId, datetime, datetime | None]]
) -> None:
    """Store (schedule, decided_until, next_due_at) of each."""
    statement = (
        update(_CURSORS)
        .where(_CURSORS.c.schedule_id == bindparam("a_schedule"))
        .values(decided_until=bindparam("until"), next_due_at=bindparam("next_due"))
    )
    await update_all(
        session,
        statement,
        [{"a_schedule": schedule, "until": until, "next_due": due} for schedule, until, due in moves],
    )


async def store_version(session: AsyncSession, job: FollowedJob) -> None:
    """Note that this version of the job is taken over, making its ledger when there is none."""
    if job.seen_version is None:
        await insert_all(session, JobLedgerRow, [{"job_id": job.id, "seen_version": job.version}])
    else:
        statement = update(JobLedgerRow).where(JobLedgerRow.job_id == job.id)
        await changed(session, statement.values(seen_version=job.version))


async def take_numbers(session: AsyncSession, counts: Mapping[JobId, int]) -> dict[JobId, int]:
    """Reserve that many run numbers in each of the jobs' ledgers, return the first of each."""
    statement = (
        update(_LEDGERS)
        .where(_LEDGERS.c.job_id == bindparam("a_job"))
        .values(run_count=_LEDGERS.c.run_count + bindparam("more"))
    )
    await update_all(session, statement, [{"a_job": job, "more": more} for job, more in counts.items()])
    rows = await session.execute(
        select(JobLedgerRow.job_id, JobLedgerRow.run_count).where(JobLedgerRow.job_id.in_(counts))
    )
    return {JobId(job): count - counts[JobId(job)] + 1 for job, count in rows}


async def show_next_due(session: AsyncSession, due: Mapping[JobId, datetime | None]) -> None:
    """Store the next due instant of each job for the lists; None: there is none."""
    statement = (
        update(_LEDGERS)
        .where(_LEDGERS.c.job_id == bindparam("a_job"))
        .values(next_due_at=bindparam("next_due"))
    )
    await update_all(session, statement, [{"a_job": job, "next_due": at} for job, at in due.items()])


async def refresh_next_due(session: AsyncSession, job_ids: Collection[JobId]) -> None:
    """Store for each job the earliest instant that none of its schedules has decided yet."""
    earliest = (
        select(func.min(_CURSORS.c.next_due_at))
        .where(_CURSORS.c.job_id == _LEDGERS.c.job_id)
        .scalar_subquery()
    )
    statement = update(_LEDGERS).where(_LEDGERS.c.job_id == bindparam("a_job")).values(next_due_at=earliest)
    await update_all(session, statement, [{"a_job": job} for job in job_ids])


async def note_end(
    session: AsyncSession, job_id: UUID, run_id: RunId, state: RunState, finished_at: datetime
) -> None:
    """Store the newest end of the job's runs; an older end than the stored one changes nothing."""
    statement = update(JobLedgerRow).where(
        JobLedgerRow.job_id == job_id,
        or_(JobLedgerRow.last_finished_at.is_(None), JobLedgerRow.last_finished_at <= finished_at)
        | (JobLedgerRow.last_run_id == run_id),
    )
    await changed(
        session,
        statement.values(last_run_id=run_id, last_state=state, last_finished_at=finished_at),
    )

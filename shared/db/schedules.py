"""The schedules of a job over their lives, also those that were replaced."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.tables import ScheduleRow
from shared.domain.ids import JobId, ScheduleId
from shared.domain.instants import Followed
from shared.domain.schedules import from_json, timetable


async def schedules_ever(session: AsyncSession, job_id: JobId) -> tuple[Followed, ...]:
    """Return every schedule that the job follows or followed, oldest first."""
    rows = await session.scalars(
        select(ScheduleRow).where(ScheduleRow.job_id == job_id).order_by(ScheduleRow.id)
    )
    return tuple(_followed(row) for row in rows)


def _followed(row: ScheduleRow) -> Followed:
    schedule = from_json(row.spec)
    return Followed(
        id=ScheduleId(row.id),
        timetable=timetable(schedule, row.zone),
        text=schedule.describe(),
        since=row.created_at,
        until=row.retired_at,
    )

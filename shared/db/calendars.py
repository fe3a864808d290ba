"""Named calendars, as the ui writes them, and which jobs are judged by each.

A deleted calendar keeps its row: a deleted job that is restored is still judged by it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import String, cast, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.statements import changed
from shared.db.tables import CalendarRow, JobRow
from shared.domain.calendars import Calendar, from_json, to_json
from shared.domain.ids import CalendarId, JobId
from shared.domain.job import name_key


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCalendar:
    """A calendar with its identity."""

    id: CalendarId
    version: int
    calendar: Calendar
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedBy:
    """A job that is judged by a calendar."""

    id: JobId
    name: str
    version: int


async def all_calendars(session: AsyncSession) -> list[StoredCalendar]:
    """Return the calendars that are not deleted, by name."""
    rows = await session.scalars(
        select(CalendarRow).where(CalendarRow.deleted_at.is_(None)).order_by(CalendarRow.name_key)
    )
    return [_stored(row) for row in rows]


async def calendar_by_id(session: AsyncSession, calendar_id: CalendarId) -> StoredCalendar | None:
    """Return one calendar; None when there is none, or it is deleted."""
    row = await session.scalar(
        select(CalendarRow).where(CalendarRow.id == calendar_id, CalendarRow.deleted_at.is_(None))
    )
    return None if row is None else _stored(row)


async def calendars_by_ids(
    session: AsyncSession, calendar_ids: Collection[CalendarId]
) -> dict[CalendarId, Calendar]:
    """Return these calendars, deleted ones as well: what judges a job does not vanish."""
    if not calendar_ids:
        return {}
    rows = await session.scalars(select(CalendarRow).where(CalendarRow.id.in_(list(calendar_ids))))
    return {CalendarId(row.id): _stored(row).calendar for row in rows}


async def insert(
    session: AsyncSession, calendar_id: CalendarId, calendar: Calendar, *, now: datetime
) -> None:
    """Store a new calendar, version 1.

    Raises:
        sqlalchemy.exc.IntegrityError: at flush, when another calendar has the name.
    """
    session.add(
        CalendarRow(
            id=calendar_id,
            name=calendar.name,
            name_key=name_key(calendar.name),
            spec=to_json(calendar),
            version=1,
            created_at=now,
            updated_at=now,
            deleted_at=None,
        )
    )
    await session.flush()


async def replace(
    session: AsyncSession,
    calendar_id: CalendarId,
    calendar: Calendar,
    *,
    expected_version: int,
    now: datetime,
) -> bool:
    """Store an edited calendar; False when it is deleted or has another version by now.

    Raises:
        sqlalchemy.exc.IntegrityError: when another calendar has the name.
    """
    statement = update(CalendarRow).where(
        CalendarRow.id == calendar_id,
        CalendarRow.version == expected_version,
        CalendarRow.deleted_at.is_(None),
    )
    values = {
        "name": calendar.name,
        "name_key": name_key(calendar.name),
        "spec": to_json(calendar),
        "version": expected_version + 1,
        "updated_at": now,
    }
    return await changed(session, statement.values(values)) == 1


async def mark_deleted(session: AsyncSession, calendar_id: CalendarId, *, now: datetime) -> None:
    """Delete softly and free the name."""
    await session.execute(
        update(CalendarRow)
        .where(CalendarRow.id == calendar_id)
        .values(deleted_at=now, updated_at=now, name_key=f"deleted:{calendar_id}")
    )


async def users_of(
    session: AsyncSession, calendar_ids: Collection[CalendarId]
) -> dict[CalendarId, list[UsedBy]]:
    """Return the jobs that are not deleted and judged by these calendars, by name."""
    found: dict[CalendarId, list[UsedBy]] = {known: [] for known in calendar_ids}
    for known, users in found.items():
        rows = await session.execute(
            select(JobRow.id, JobRow.name, JobRow.version)
            # An id is in the policy's text only where the policy names it: no index, one scan of short rows.
            .where(JobRow.deleted_at.is_(None), cast(JobRow.policy, String).contains(str(known)))
            .order_by(JobRow.name_key)
        )
        users.extend(UsedBy(id=JobId(row.id), name=row.name, version=row.version) for row in rows)
    return found


async def touch(session: AsyncSession, users: Collection[UsedBy], *, now: datetime) -> None:
    """Count the versions of these jobs up: the scheduler then decides anew what is to come."""
    if users:
        await session.execute(
            update(JobRow)
            .where(JobRow.id.in_([user.id for user in users]))
            .values(version=JobRow.version + 1, updated_at=now)
        )


def _stored(row: CalendarRow) -> StoredCalendar:
    return StoredCalendar(
        id=CalendarId(row.id),
        version=row.version,
        calendar=from_json(row.spec),
        updated_at=row.updated_at,
    )

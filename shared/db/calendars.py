"""Named calendars, by which jobs are judged."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.tables import CalendarRow
from shared.domain.calendars import Calendar, from_json
from shared.domain.ids import CalendarId


async def calendars_by_ids(
    session: AsyncSession, calendar_ids: Collection[CalendarId]
) -> dict[CalendarId, Calendar]:
    """Return these calendars, deleted ones as well: what judges a job does not vanish."""
    if not calendar_ids:
        return {}
    rows = await session.scalars(select(CalendarRow).where(CalendarRow.id.in_(list(calendar_ids))))
    return {CalendarId(row.id): from_json({**row.spec, "name": row.name}) for row in rows}

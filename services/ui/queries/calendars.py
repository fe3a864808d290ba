"""The calendars with the jobs that are judged by them."""

from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import calendars
from shared.db.calendars import StoredCalendar, UsedBy
from shared.domain.calendars import to_json
from shared.domain.errors import NotFound
from shared.domain.ids import CalendarId


class CalendarUser(msgspec.Struct, frozen=True, kw_only=True):
    """A job that is judged by a calendar."""

    id: UUID
    name: str


class CalendarItem(msgspec.Struct, frozen=True, kw_only=True):
    """A calendar as its page and the job editor show it."""

    id: UUID
    name: str
    text: str
    """What it holds, in one sentence."""
    spec: dict[str, object]
    """As `shared.domain.calendars.from_json` reads it, with name and zone."""
    version: int
    used_by: tuple[CalendarUser, ...]


async def every_calendar(session: AsyncSession) -> tuple[CalendarItem, ...]:
    """Return the calendars by name."""
    found = await calendars.all_calendars(session)
    users = await calendars.users_of(session, [one.id for one in found])
    return tuple(_item(one, users[one.id]) for one in found)


async def calendar(session: AsyncSession, calendar_id: CalendarId) -> CalendarItem:
    """Return one calendar.

    Raises:
        NotFound: no such calendar, or it is deleted.
    """
    found = await calendars.calendar_by_id(session, calendar_id)
    if found is None:
        raise NotFound("There is no such calendar.")
    return _item(found, (await calendars.users_of(session, [calendar_id]))[calendar_id])


def _item(stored: StoredCalendar, users: list[UsedBy]) -> CalendarItem:
    return CalendarItem(
        id=stored.id,
        name=stored.calendar.name,
        text=stored.calendar.times.describe(),
        spec=to_json(stored.calendar),
        version=stored.version,
        used_by=tuple(CalendarUser(id=user.id, name=user.name) for user in users),
    )

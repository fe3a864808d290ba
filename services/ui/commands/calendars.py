"""Creating, editing and deleting calendars; the jobs that are judged by one are planned anew."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.commands.heads import Change
from shared.db import calendars, changes
from shared.db.calendars import StoredCalendar, UsedBy
from shared.db.changes import Deed
from shared.db.engine import Sessions
from shared.domain.calendars import Calendar, from_json
from shared.domain.changes import ChangeKind
from shared.domain.errors import Conflict, NameTaken, NotFound
from shared.domain.ids import CalendarId, new_id

_NAMED = 3
"""So many of the jobs that use a calendar are named where it cannot be deleted."""


async def create(
    sessions: Sessions,
    value: Mapping[str, object],
    *,
    by: str,
    now: datetime,
    calendar_id: CalendarId | None = None,
) -> CalendarId:
    """Store a new calendar, under this id where one is given; see `Commands.create_calendar`."""
    calendar = from_json(value)
    calendar_id = calendar_id or CalendarId(new_id())
    try:
        async with sessions.begin() as session:
            await calendars.insert(session, calendar_id, calendar, now=now)
            deed = Deed(kind=ChangeKind.CALENDAR_CREATED, by=by, at=now, subject=calendar.name)
            await changes.record(session, deed)
    except IntegrityError as error:
        raise _name_taken(calendar) from error
    return calendar_id


async def edit(
    sessions: Sessions,
    calendar_id: CalendarId,
    value: Mapping[str, object],
    *,
    expected_version: int,
    by: str,
    now: datetime,
) -> list[Change]:
    """Replace a calendar and return the jobs that are planned anew by it."""
    calendar = from_json(value)
    try:
        async with sessions.begin() as session:
            current = await _known(session, calendar_id)
            if not await calendars.replace(
                session, calendar_id, calendar, expected_version=expected_version, now=now
            ):
                raise Conflict("Somebody changed this calendar meanwhile. Load it again, then repeat it.")
            # A new name alone decides nothing.
            is_same = (current.calendar.times, current.calendar.zone) == (calendar.times, calendar.zone)
            users = [] if is_same else await _users(session, calendar_id)
            await calendars.touch(session, users, now=now)
            deed = Deed(kind=ChangeKind.CALENDAR_EDITED, by=by, at=now, subject=calendar.name)
            await changes.record(session, deed)
    except IntegrityError as error:
        raise _name_taken(calendar) from error
    return [Change(job_id=user.id, version=user.version + 1) for user in users]


async def delete(sessions: Sessions, calendar_id: CalendarId, *, by: str, now: datetime) -> None:
    """Delete a calendar that no job uses."""
    async with sessions.begin() as session:
        current = await _known(session, calendar_id)
        users = await _users(session, calendar_id)
        if users:
            raise Conflict(_in_use(current, users))
        await calendars.mark_deleted(session, calendar_id, now=now)
        deed = Deed(kind=ChangeKind.CALENDAR_DELETED, by=by, at=now, subject=current.calendar.name)
        await changes.record(session, deed)


async def _known(session: AsyncSession, calendar_id: CalendarId) -> StoredCalendar:
    found = await calendars.calendar_by_id(session, calendar_id)
    if found is None:
        raise NotFound("There is no such calendar.")
    return found


async def _users(session: AsyncSession, calendar_id: CalendarId) -> list[UsedBy]:
    return (await calendars.users_of(session, [calendar_id]))[calendar_id]


def _in_use(current: StoredCalendar, users: list[UsedBy]) -> str:
    names = ", ".join(user.name for user in users[:_NAMED])
    more = f" and {len(users) - _NAMED} more" if len(users) > _NAMED else ""
    return f"{current.calendar.name} is used by {names}{more}. Take it out of their rules first."


def _name_taken(calendar: Calendar) -> NameTaken:
    return NameTaken("name", f"Another calendar is called {calendar.name!r}. Choose another name.")

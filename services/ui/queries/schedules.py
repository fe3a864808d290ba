"""A schedule in words while it is being typed."""

from collections.abc import Mapping
from datetime import datetime

from services.ui.models import SchedulePreview
from services.ui.settings import DEFAULT_ZONE
from shared.domain.errors import InvalidInput
from shared.domain.schedules import Timetable, from_json, timetable

_SHOWN = 5


def preview(value: Mapping[str, object], *, now: datetime) -> SchedulePreview:
    """Say the schedule in words with its next five instants, or what is wrong with it."""
    try:
        schedule = from_json(value, anchor=now)
    except InvalidInput as error:
        return SchedulePreview(error=error.message, field=error.field)
    fires = timetable(schedule, DEFAULT_ZONE)
    return SchedulePreview(text=schedule.describe(), next=upcoming(fires, after=now, limit=_SHOWN))


def upcoming(
    fires: Timetable, *, after: datetime, limit: int, until: datetime | None = None
) -> tuple[datetime, ...]:
    """Return at most `limit` instants after `after`, none later than `until`."""
    found: list[datetime] = []
    at = fires.next_after(after)
    while at is not None and len(found) < limit and (until is None or at <= until):
        found.append(at)
        at = fires.next_after(at)
    return tuple(found)

"""A schedule in words while it is being typed."""

from collections.abc import Mapping
from datetime import datetime

from services.ui.models import SchedulePreview
from shared.domain.errors import InvalidInput
from shared.domain.schedules import Schedule, from_json

_SHOWN = 5


def preview(value: Mapping[str, object], *, now: datetime) -> SchedulePreview:
    """Say the schedule in words with its next five instants, or what is wrong with it."""
    try:
        schedule = from_json(value, anchor=now)
    except InvalidInput as error:
        return SchedulePreview(error=error.message, field=error.field)
    except OverflowError:
        return SchedulePreview(error="The anchor is too far from now.", field="schedule")
    return SchedulePreview(text=schedule.describe(), next=upcoming(schedule, after=now, limit=_SHOWN))


def upcoming(
    schedule: Schedule, *, after: datetime, limit: int, until: datetime | None = None
) -> tuple[datetime, ...]:
    """Return at most `limit` instants after `after`, none later than `until`."""
    found: list[datetime] = []
    at = schedule.next_after(after)
    while at is not None and len(found) < limit and (until is None or at <= until):
        found.append(at)
        at = schedule.next_after(at)
    return tuple(found)

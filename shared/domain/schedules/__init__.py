"""Schedules: rules that name instants, and what they mean in a time zone.

A schedule is a value (`kinds.py`), stored and sent as JSON (`spec.py`). `timetable` reads it in a zone:
what fires next, what fired last, how often. Below lie the search in local time (`rule.py`, `days.py`),
what happens where clocks are set (`wall_clock.py`), and the zones' offsets (`zones.py`).
"""

from datetime import datetime
from functools import lru_cache

from shared.domain.errors import ScheduleError
from shared.domain.schedules.cron import Cron, parse_cron
from shared.domain.schedules.daily import Daily
from shared.domain.schedules.hourly import Hourly
from shared.domain.schedules.interval import Interval
from shared.domain.schedules.kinds import Schedule
from shared.domain.schedules.manual import Manual
from shared.domain.schedules.monthly import Monthly, OnDay, OnWeekday, ShortMonths
from shared.domain.schedules.notes import Note
from shared.domain.schedules.once import Once
from shared.domain.schedules.spec import from_json, to_json
from shared.domain.schedules.timetable import Timetable
from shared.domain.schedules.weekly import Weekly
from shared.domain.schedules.zones import checked_zone, instant_of

__all__ = [
    "Cron",
    "Daily",
    "Hourly",
    "Interval",
    "Manual",
    "Monthly",
    "Note",
    "OnDay",
    "OnWeekday",
    "Once",
    "Schedule",
    "ShortMonths",
    "Timetable",
    "Weekly",
    "check_possible",
    "checked_zone",
    "from_json",
    "instant_of",
    "parse_cron",
    "timetable",
    "to_json",
]


def check_possible(schedule: Schedule, zone: str, *, now: datetime) -> None:
    """Refuse a schedule that would never fire again: a day that no year has, or an instant that is past.

    Raises:
        ScheduleError: names the part that rules it out.
    """
    fires = timetable(schedule, zone)
    if isinstance(schedule, Manual) or fires.next_after(now) is not None:
        return
    last = fires.last_until(now)
    if last is not None:
        raise ScheduleError(
            f"Its last instant was {last:%-d %b %Y %H:%M} UTC. Choose a later one.", part="at"
        )
    raise ScheduleError("This never happens, in no year up to 2199. Choose another day or month.", part="day")


@lru_cache(maxsize=8192)
def timetable(schedule: Schedule, zone: str) -> Timetable:
    """Return the instants of a schedule in a zone; made once and kept, for it never changes.

    Raises:
        ScheduleError: on first use, when there is no such zone.
    """
    return Timetable(schedule.fires(zone))

"""The time of day of a fixed schedule, and the rule that it makes of some days."""

import re
from datetime import time

from shared.domain.errors import ScheduleError
from shared.domain.schedules.days import Days
from shared.domain.schedules.rule import Rule
from shared.domain.schedules.wall_clock import WallClock


def checked_time(text: object) -> time:
    """Return the time of day that `HH:MM` or `HH:MM:SS` says.

    Raises:
        ScheduleError: on part `at`.
    """
    match = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?", str(text))
    try:
        if match is not None:
            return time(int(match[1]), int(match[2]), int(match[3] or 0))
    except ValueError:
        pass
    raise ScheduleError("Give the time of day as HH:MM, from 00:00 to 23:59.", part="at")


def clock_text(at: time) -> str:
    """Return the time of day as people write it, with seconds only where it has some."""
    return f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"


def daily_at(at: time, days: Days, zone: str) -> WallClock:
    """Return the instants of one time on each of these days."""
    rule = Rule(days=days, hours=1 << at.hour, minutes=1 << at.minute, seconds=1 << at.second, is_fixed=True)
    return WallClock(rule, zone)


def check_every(every: int, unit: str, most: int) -> None:
    """Refuse a distance that no calendar shows.

    Raises:
        ScheduleError: on part `every`.
    """
    if not 1 <= every <= most:
        raise ScheduleError(f"Choose every 1 to {most} {unit}.", part="every")

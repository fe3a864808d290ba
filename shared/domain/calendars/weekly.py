"""Calendars that repeat every week: hours on some weekdays, such as office hours."""

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from shared.domain.errors import InvalidInput

DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MAX_WINDOWS = 100
_FULL_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MIDNIGHT = 24 * 60
_RUN_OF_DAYS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """From one wall time until just before another, on some weekdays (Monday is 0).

    Both are minutes after midnight. A window that ends at or before the time it starts at runs into
    the next day and belongs to the day it starts on; 1440 is midnight at the end of that day.
    """

    days: frozenset[int]
    from_minute: int
    until_minute: int

    def __post_init__(self) -> None:
        if not self.days or not self.days <= set(range(7)):
            raise InvalidInput("windows", "Choose at least one weekday for every window: mon to sun.")
        if not (0 <= self.from_minute < _MIDNIGHT and 0 <= self.until_minute <= _MIDNIGHT):
            raise InvalidInput("windows", "A window starts at 00:00 to 23:59 and ends at 00:00 to 24:00.")
        if self.from_minute == self.until_minute:
            raise InvalidInput("windows", "A window is empty. Write 00:00 until 24:00 for the whole day.")

    def contains(self, local: datetime) -> bool:
        """Say whether this wall time is inside; the start is, the end is not."""
        minute = local.hour * 60 + local.minute
        if self.from_minute < self.until_minute:
            return local.weekday() in self.days and self.from_minute <= minute < self.until_minute
        evening = local.weekday() in self.days and minute >= self.from_minute
        return evening or ((local.weekday() - 1) % 7 in self.days and minute < self.until_minute)

    def describe(self) -> str:
        """Return the window in English: "Monday to Friday 09:00 to 18:00"."""
        hours = f"{clock(self.from_minute)} to {clock(self.until_minute or _MIDNIGHT)}"
        next_day = " the next day" if 0 < self.until_minute < self.from_minute else ""
        return f"{_days(self.days)} {hours}{next_day}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WeeklyWindows:
    """Any number of windows; a wall time that any of them holds is inside.

    Only the wall time counts: hours that a clock change repeats are inside both times.
    """

    windows: tuple[Window, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.windows) <= MAX_WINDOWS:
            raise InvalidInput("windows", f"Give the calendar at least one window and at most {MAX_WINDOWS}.")

    def label_at(self, local: datetime) -> str | None:
        """Return the window that holds this wall time, in English; None: no window does."""
        return next((window.describe() for window in self.windows if window.contains(local)), None)

    def describe(self) -> str:
        """Return the windows in English."""
        return "; ".join(window.describe() for window in self.windows)


def clock(minute: int) -> str:
    """Return minutes after midnight as HH:MM; 1440 is 24:00."""
    return f"{minute // 60:02}:{minute % 60:02}"


def _days(days: frozenset[int]) -> str:
    if len(days) == len(_FULL_NAMES):
        return "every day"
    runs = [list(run) for run in _runs(sorted(days))]
    words = [_run(run) for run in runs]
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _runs(days: list[int]) -> list[list[int]]:
    """Return the days in runs of neighbours."""
    return [
        [day for _, day in run] for _, run in groupby(enumerate(days), key=lambda pair: pair[1] - pair[0])
    ]


def _run(days: list[int]) -> str:
    if len(days) >= _RUN_OF_DAYS:
        return f"{_FULL_NAMES[days[0]]} to {_FULL_NAMES[days[-1]]}"
    return ", ".join(_FULL_NAMES[day] for day in days)

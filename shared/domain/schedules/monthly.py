"""Once a month at a time of day: on a day, on the last one, or on the n-th of some weekday."""

from dataclasses import dataclass
from datetime import time
from enum import StrEnum

from shared.domain.errors import ScheduleError
from shared.domain.schedules.days import ClampedDay, DateFields, Days, Kind, Special
from shared.domain.schedules.times import clock_text, daily_at
from shared.domain.schedules.wall_clock import WallClock
from shared.domain.schedules.words import ORDINALS, WEEKDAYS, ordinal

_LONG = 28


class ShortMonths(StrEnum):
    """What a month does that has no such day."""

    CLAMP = "clamp"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class OnDay:
    """A day of the month, 1 to 31; None is the last one."""

    day: int | None
    short_months: ShortMonths = ShortMonths.CLAMP

    def __post_init__(self) -> None:
        if self.day is not None and not 1 <= self.day <= 31:  # noqa: PLR2004 - the longest month
            raise ScheduleError("Choose a day from 1 to 31, or the last day.", part="day")

    def days(self) -> Days:
        """Return the days that it names."""
        if self.day is None:
            return DateFields(days=0, day_specials=(Special(Kind.LAST),))
        if self.short_months is ShortMonths.CLAMP:
            return ClampedDay(day=self.day)
        return DateFields(days=1 << self.day)

    def describe(self) -> str:
        """Say the day in words."""
        if self.day is None:
            return "on the last day"
        words = f"on the {ordinal(self.day)}"
        if self.day <= _LONG:
            return words
        if self.short_months is ShortMonths.CLAMP:
            return f"{words}, or the last day of shorter months,"
        return f"{words}, not in shorter months,"


@dataclass(frozen=True, slots=True, kw_only=True)
class OnWeekday:
    """The n-th of a weekday (0 is Sunday) in the month, 1 to 5; None is the last one."""

    weekday: int
    nth: int | None

    def __post_init__(self) -> None:
        if not 0 <= self.weekday <= 6:  # noqa: PLR2004 - Saturday
            raise ScheduleError("Choose a day of the week.", part="weekday")
        if self.nth is not None and not 1 <= self.nth <= 5:  # noqa: PLR2004 - no month has six
            raise ScheduleError("Choose the 1st to 5th, or the last.", part="nth")

    def days(self) -> Days:
        """Return the days that it names."""
        if self.nth is None:
            special = Special(Kind.LAST_OF, weekday=self.weekday)
        else:
            special = Special(Kind.NTH, self.nth, self.weekday)
        return DateFields(weekdays=0, weekday_specials=(special,))

    def describe(self) -> str:
        """Say the day in words."""
        which = "last" if self.nth is None else ORDINALS[self.nth]
        return f"on the {which} {WEEKDAYS[self.weekday]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Monthly:
    """Fires at `at` on one day of each month."""

    at: time
    on: OnDay | OnWeekday

    def fires(self, zone: str) -> WallClock:
        """Return its instants in a zone."""
        return daily_at(self.at, self.on.days(), zone)

    def describe(self) -> str:
        """Say the schedule in one English phrase."""
        return f"Every month {self.on.describe()} at {clock_text(self.at)}"

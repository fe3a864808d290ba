"""Which days of a month a schedule names, as bits: bit n is day n."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple, Protocol

ALL_MONTHS = (1 << 13) - 2
ALL_DAYS = (1 << 32) - 2
ALL_WEEKDAYS = (1 << 7) - 1


class Days(Protocol):
    """A rule that names days."""

    def of_month(self, year: int, month: int) -> int:
        """Return the month's days that the rule names, as bits."""


class Month(NamedTuple):
    """The shape of a month: how long it is, and the weekday of its first day (0 is Sunday)."""

    length: int
    first: int
    days: int
    """All its days as bits."""

    def weekday(self, day: int) -> int:
        """Return the weekday of a day; 0 is Sunday."""
        return (self.first + day - 1) % 7


class Kind(StrEnum):
    """The days that have to be computed for each month."""

    LAST = "L"
    """`number` days before the last one."""
    LAST_WORKDAY = "LW"
    """The weekday nearest to that."""
    WORKDAY = "W"
    """The weekday nearest to day `number`; it never leaves the month."""
    NTH = "#"
    """The `number`-th `weekday`."""
    LAST_OF = "nL"
    """The last `weekday`."""


class Special(NamedTuple):
    """A day that has to be computed for each month."""

    kind: Kind
    number: int = 0
    weekday: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DateFields:
    """Days by day of the month, month, weekday and year: what cron can say, and most calendars."""

    days: int = ALL_DAYS
    months: int = ALL_MONTHS
    weekdays: int = ALL_WEEKDAYS
    years: frozenset[int] = frozenset()
    """Empty: every year."""
    day_specials: tuple[Special, ...] = ()
    weekday_specials: tuple[Special, ...] = ()
    either: bool = False
    """A day that matches one of day and weekday is enough: cron(5)'s rule when both are restricted."""

    def of_month(self, year: int, month: int) -> int:
        """Return the month's days that the rule names, as bits."""
        if not self.months >> month & 1 or (self.years and year not in self.years):
            return 0
        shape = month_shape(year, month)
        by_day, by_weekday = self.days, _weekly(self.weekdays, shape.first)
        for special in self.day_specials:
            by_day |= special_day(special, shape)
        for special in self.weekday_specials:
            by_weekday |= special_day(special, shape)
        return (by_day | by_weekday if self.either else by_day & by_weekday) & shape.days


@dataclass(frozen=True, slots=True, kw_only=True)
class ClampedDay:
    """One day of each month: the last one where the month is too short."""

    day: int

    def of_month(self, year: int, month: int) -> int:
        """Return the month's days that the rule names, as bits."""
        return 1 << min(self.day, month_shape(year, month).length)


@dataclass(frozen=True, slots=True, kw_only=True)
class EveryDays:
    """Each `every`-th day from `start` on."""

    every: int
    start: date

    def of_month(self, year: int, month: int) -> int:
        """Return the month's days that the rule names, as bits."""
        since = date(year, month, 1).toordinal() - self.start.toordinal()
        first = max(-since, -since % self.every)
        return sum(1 << (day + 1) for day in range(first, month_shape(year, month).length, self.every))


@dataclass(frozen=True, slots=True, kw_only=True)
class EveryWeeks:
    """These weekdays in each `every`-th week from that of `start` on; a week begins on Monday."""

    weekdays: int
    every: int
    start: date

    def of_month(self, year: int, month: int) -> int:
        """Return the month's days that the rule names, as bits."""
        shape = month_shape(year, month)
        before = date(year, month, 1).toordinal() - 1
        monday = self.start.toordinal() - self.start.weekday()
        found = 0
        for day in range(1, shape.length + 1):
            weeks, ordinal = (before + day - monday) // 7, before + day
            if (
                self.weekdays >> shape.weekday(day) & 1
                and weeks % self.every == 0
                and ordinal >= self.start.toordinal()
            ):
                found |= 1 << day
        return found


@lru_cache(maxsize=4096)
def month_shape(year: int, month: int) -> Month:
    """Return how long the month is and on which weekday it begins."""
    monday_is_0, length = monthrange(year, month)
    return Month(length, (monday_is_0 + 1) % 7, (1 << length + 1) - 2)


def special_day(special: Special, shape: Month) -> int:
    """Return the day that `special` names in a month, as a bit; 0 where the month has none."""
    match special.kind:
        case Kind.LAST:
            day = shape.length - special.number
        case Kind.LAST_WORKDAY:
            day = _nearest_workday(shape.length - special.number, shape)
        case Kind.WORKDAY:
            day = _nearest_workday(special.number, shape)
        case Kind.NTH:
            day = 1 + (special.weekday - shape.first) % 7 + 7 * (special.number - 1)
        case _:  # the last of its weekday
            day = shape.length - (shape.weekday(shape.length) - special.weekday) % 7
    return 1 << day if 1 <= day <= shape.length else 0


def _nearest_workday(day: int, shape: Month) -> int:
    if not 1 <= day <= shape.length:
        return day
    match shape.weekday(day):
        case 6:
            return day - 1 if day > 1 else day + 2
        case 0:
            return day + 1 if day < shape.length else day - 2
        case _:
            return day


@lru_cache(maxsize=1024)
def _weekly(weekdays: int, first: int) -> int:
    return sum(1 << day for day in range(1, 32) if weekdays >> (first + day - 1) % 7 & 1)

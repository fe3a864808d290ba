"""Days that repeat: the part of RFC 5545's recurrence rules that calendars of days are written in.

Own code, because dateutil's rrule has no bound: a rule that never matches is searched up to the year
9999 (3.6 s for `FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30`) and INTERVAL=0 never ends. Here the caller's
first and last day bound the search, and its cost is known beforehand.
"""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import chain, islice
from typing import assert_never

from shared.domain.errors import InvalidInput

_WEEK = 7
_YEAR = 12
_LONGEST_MONTH = 31


class Frequency(StrEnum):
    """The period that a rule repeats by."""

    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    YEARLY = "YEARLY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """A rule: every `interval` periods the days that all of the given parts name (RFC 5545, 3.3.10).

    `week_days` are pairs of a place in the month and a weekday (Monday is 0): 4 counts from the start, -1
    from the end, 0 is every such day. `most` (COUNT) and `until` end the rule.
    """

    frequency: Frequency
    interval: int = 1
    most: int | None = None
    until: date | None = None
    months: frozenset[int] = frozenset()
    month_days: frozenset[int] = frozenset()
    week_days: frozenset[tuple[int, int]] = frozenset()
    positions: frozenset[int] = frozenset()
    week_start: int = 0

    def __post_init__(self) -> None:
        if self.interval < 1 or (self.most is not None and self.most < 1):
            raise InvalidInput("rule", "INTERVAL and COUNT must be 1 or more.")
        if not self.months <= set(range(1, _YEAR + 1)):
            raise InvalidInput("rule", "BYMONTH must be 1 to 12.")
        if not {abs(day) for day in self.month_days} <= set(range(1, _LONGEST_MONTH + 1)):
            raise InvalidInput("rule", "BYMONTHDAY must be 1 to 31 or -31 to -1.")
        self._check_parts()

    @property
    def is_endless(self) -> bool:
        """Whether nothing in the rule ends it."""
        return self.most is None and self.until is None

    def days_looked_at(self, start: date, first: date, last: date) -> int:
        """Return how many days `dates` has to look at, at most: its cost, known before it is paid."""
        each = {Frequency.DAILY: 1, Frequency.WEEKLY: _WEEK, Frequency.MONTHLY: _LONGEST_MONTH}
        months = _LONGEST_MONTH * len(self._months(start))
        return len(self._periods(start, first, last)) * each.get(self.frequency, months)

    def dates(self, start: date, first: date, last: date) -> Iterator[date]:
        """Yield the days of the rule from `first` to `last` in order.

        `start` is the day that the rule counts from, and always a day of it, as RFC 5545 says.
        """
        last = min(last, self.until or last)
        found = chain.from_iterable(
            self._period(start, number) for number in self._periods(start, first, last)
        )
        fitting = (day for day in found if start < day <= last)
        days = chain([start] if start <= last else [], fitting)
        return (day for day in islice(days, self.most) if day >= first)

    def _periods(self, start: date, first: date, last: date) -> range:
        """Return the numbers of the periods to look at; those before `first` only where COUNT counts them."""
        if last < start:
            return range(0)
        skipped = 0 if self.most is not None else self._number(start, max(first, start))
        return range(skipped - skipped % self.interval, self._number(start, last) + 1, self.interval)

    def _number(self, start: date, day: date) -> int:
        """Return how many periods after that of `start` the one of `day` is."""
        match self.frequency:
            case Frequency.DAILY:
                return (day - start).days
            case Frequency.WEEKLY:
                return ((day - start).days + self._into_week(start)) // _WEEK
            case Frequency.MONTHLY:
                return (day.year - start.year) * _YEAR + day.month - start.month
            case Frequency.YEARLY:
                return day.year - start.year
            case _:
                assert_never(self.frequency)

    def _period(self, start: date, number: int) -> list[date]:
        """Return the days of the rule in one period."""
        match self.frequency:
            case Frequency.DAILY:
                days = _those([start + timedelta(days=number)], self._week_day_numbers() or set(range(_WEEK)))
            case Frequency.WEEKLY:
                week = _days_from(start.toordinal() - self._into_week(start) + _WEEK * number)
                days = _those(week, self._week_day_numbers() or {start.weekday()})
            case Frequency.MONTHLY:
                years, month = divmod(start.month - 1 + number, _YEAR)
                days = self._month(start.year + years, month + 1, start)
            case Frequency.YEARLY:
                months = self._months(start)
                days = [day for month in months for day in self._month(start.year + number, month, start)]
            case _:
                assert_never(self.frequency)
        return self._picked([day for day in days if not self.months or day.month in self.months])

    def _months(self, start: date) -> list[int]:
        """Return the months of a year that hold days of the rule."""
        every = range(1, _YEAR + 1) if self.month_days else [start.month]
        return sorted(self.months or every)

    def _month(self, year: int, month: int, start: date) -> list[date]:
        length = monthrange(year, month)[1]
        given = {day if day > 0 else length + 1 + day for day in self.month_days}
        numbers = given or (range(1, length + 1) if self.week_days else {start.day})
        days = [date(year, month, day) for day in sorted(numbers) if 1 <= day <= length]
        return [day for day in days if not self.week_days or self._is_week_day(day, length)]

    def _into_week(self, start: date) -> int:
        return (start.weekday() - self.week_start) % _WEEK

    def _week_day_numbers(self) -> set[int]:
        return {day for _, day in self.week_days}

    def _is_week_day(self, day: date, length: int) -> bool:
        place, from_end = (day.day + 6) // _WEEK, -((length - day.day) // _WEEK + 1)
        return any((number, day.weekday()) in self.week_days for number in (0, place, from_end))

    def _picked(self, days: list[date]) -> list[date]:
        if not self.positions:
            return days
        size = len(days)
        return [day for at, day in enumerate(days) if at + 1 in self.positions or at - size in self.positions]

    def _check_parts(self) -> None:
        """Refuse the combinations that RFC 5545 forbids, gives no meaning, or that are not read here."""
        within = self.frequency in {Frequency.DAILY, Frequency.WEEKLY}
        if within and (self.month_days or self.positions or any(place for place, _ in self.week_days)):
            raise InvalidInput("rule", "BYMONTHDAY, BYSETPOS and places in BYDAY need months or years.")
        if self.frequency is Frequency.YEARLY and self.week_days and not self.months:
            raise InvalidInput("rule", "BYDAY in a year needs BYMONTH.")


def _days_from(ordinal: int) -> list[date]:
    """Return the seven days from this one on, as far as dates go."""
    week = range(ordinal, ordinal + _WEEK)
    return [date.fromordinal(day) for day in week if date.min.toordinal() <= day <= date.max.toordinal()]


def _those(days: list[date], weekdays: set[int]) -> list[date]:
    return [day for day in days if day.weekday() in weekdays]

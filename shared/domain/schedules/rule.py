"""A rule in local time: days and times of day, searched and counted without walking through time.

Local time is counted in seconds since 1970-01-01 00:00 on the wall clock, whatever the zone.
"""

from dataclasses import dataclass
from datetime import date

from shared.domain.schedules.days import Days, month_shape
from shared.domain.schedules.zones import DAY, LAST_YEAR

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_LAST_DAY = date(LAST_YEAR, 12, 31).toordinal() - _EPOCH_DAY
ALL_HOURS = (1 << 24) - 1
ALL_SIXTY = (1 << 60) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Days, and on each of them every combination of these hours, minutes and seconds (bit n is n)."""

    days: Days
    hours: int = ALL_HOURS
    minutes: int = ALL_SIXTY
    seconds: int = 1
    is_fixed: bool
    """Names times of day: each runs once a day, also where clocks are set. Else it follows real time."""

    def first_from(self, local: int, last: int) -> int | None:
        """Return the first local second of the rule at or after `local`.

        None if there is none in months up to that of `last`; what lies further is not searched.
        """
        day, second = divmod(max(local, 0), DAY)
        found = self._first_day(day, last)
        if found is None:
            return None
        if found == day:
            time = self._first_time(second)
            if time is not None:
                return day * DAY + time
            found = self._first_day(day + 1, last)
            if found is None:
                return None
        time = self._first_time(0)
        assert time is not None
        return found * DAY + time

    def count(self, begin: int, end: int) -> int:
        """Return how many local seconds of the rule lie in [begin, end)."""
        begin = max(begin, 0)
        return self._count_until(begin, end) if begin < end else 0

    def _count_until(self, begin: int, end: int) -> int:
        (first, since), (last, until) = divmod(begin, DAY), divmod(end, DAY)
        count = self._count_days(first, last) * self._times_before(DAY)
        if self._has_day(last):
            count += self._times_before(until)
        if self._has_day(first):
            count -= self._times_before(since)
        return count

    def _has_day(self, day: int) -> bool:
        return self._first_day(day, day * DAY) == day

    def _first_day(self, day: int, last: int) -> int | None:
        if day > _LAST_DAY:
            return None
        at = date.fromordinal(day + _EPOCH_DAY)
        year, month = at.year, at.month
        later = self.days.of_month(year, month) >> at.day
        if later:
            return day + _lowest(later)
        first_of_month = day - at.day + 1
        while True:
            first_of_month += month_shape(year, month).length
            year, month = (year + 1, 1) if month == 12 else (year, month + 1)  # noqa: PLR2004 - December
            if first_of_month > _LAST_DAY or first_of_month * DAY > last:
                return None
            found = self.days.of_month(year, month)
            if found:
                return first_of_month + _lowest(found) - 1

    def _count_days(self, first: int, last: int) -> int:
        """Return how many days of the rule lie in [first, last)."""
        count, last = 0, min(last, _LAST_DAY + 1)
        while first < last:
            at = date.fromordinal(first + _EPOCH_DAY)
            month_end = first - at.day + 1 + month_shape(at.year, at.month).length
            until = min(last, month_end)
            count += _below(self.days.of_month(at.year, at.month) >> at.day, until - first)
            first = until
        return count

    def _first_time(self, second: int) -> int | None:
        """Return the first second of the day at or after `second`."""
        hour, rest = divmod(second, 3600)
        if self.hours >> hour & 1:
            minute, rest = divmod(rest, 60)
            if self.minutes >> minute & 1:
                later = self.seconds >> rest
                if later:
                    return second + _lowest(later)
            later = self.minutes >> (minute + 1)
            if later:
                return hour * 3600 + (minute + 1 + _lowest(later)) * 60 + _lowest(self.seconds)
        later = self.hours >> (hour + 1)
        if later:
            return (hour + 1 + _lowest(later)) * 3600 + _lowest(self.minutes) * 60 + _lowest(self.seconds)
        return None

    def _times_before(self, second: int) -> int:
        """Return how many of a day's times lie before its `second`."""
        (hour, rest), in_minute = divmod(second, 3600), self.seconds.bit_count()
        in_hour = self.minutes.bit_count() * in_minute
        count = _below(self.hours, hour) * in_hour
        if self.hours >> hour & 1:
            minute, rest = divmod(rest, 60)
            count += _below(self.minutes, minute) * in_minute
            if self.minutes >> minute & 1:
                count += _below(self.seconds, rest)
        return count


def _lowest(bits: int) -> int:
    return (bits & -bits).bit_length() - 1


def _below(bits: int, limit: int) -> int:
    return (bits & ((1 << limit) - 1)).bit_count()

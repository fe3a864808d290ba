"""On days of the week, each week or every n weeks, at a time of day."""

from dataclasses import dataclass
from datetime import date, time

from shared.domain.errors import ScheduleError
from shared.domain.schedules.days import DateFields, EveryWeeks
from shared.domain.schedules.times import check_every, clock_text, daily_at
from shared.domain.schedules.wall_clock import WallClock
from shared.domain.schedules.words import on_weekdays

MOST = 52


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekly:
    """Fires at `at` on these weekdays (0 is Sunday), in each `every`-th week from that of `start` on."""

    at: time
    days: frozenset[int]
    every: int = 1
    start: date | None = None

    def __post_init__(self) -> None:
        if not self.days or not self.days <= frozenset(range(7)):
            raise ScheduleError("Choose at least one day of the week.", part="days")
        check_every(self.every, "weeks", MOST)
        if self.every > 1 and self.start is None:
            raise ScheduleError("Give the week from which to count: any of its days.", part="start")

    def fires(self, zone: str) -> WallClock:
        """Return its instants in a zone."""
        bits = sum(1 << day for day in self.days)
        if self.start is None:
            return daily_at(self.at, DateFields(weekdays=bits), zone)
        return daily_at(self.at, EveryWeeks(weekdays=bits, every=self.every, start=self.start), zone)

    def describe(self) -> str:
        """Say the schedule in one English phrase."""
        days, at = on_weekdays(sum(1 << day for day in self.days)), clock_text(self.at)
        if self.every == 1:
            return f"Every week {days} at {at}"
        return f"Every {self.every} weeks {days} at {at}, from the week of {self.start}"

"""Once a day, or every n days, at a time of day."""

from dataclasses import dataclass
from datetime import date, time

from shared.domain.errors import ScheduleError
from shared.domain.schedules.days import DateFields, EveryDays
from shared.domain.schedules.times import check_every, clock_text, daily_at
from shared.domain.schedules.wall_clock import WallClock

MOST = 366


@dataclass(frozen=True, slots=True, kw_only=True)
class Daily:
    """Fires at `at` on `start` and on each `every`-th day after it; every day needs no start."""

    at: time
    every: int = 1
    start: date | None = None

    def __post_init__(self) -> None:
        check_every(self.every, "days", MOST)
        if self.every > 1 and self.start is None:
            raise ScheduleError("Give the day from which to count, such as 2026-12-01.", part="start")

    def fires(self, zone: str) -> WallClock:
        """Return its instants in a zone."""
        days = DateFields() if self.start is None else EveryDays(every=self.every, start=self.start)
        return daily_at(self.at, days, zone)

    def describe(self) -> str:
        """Say the schedule in one English phrase."""
        if self.every == 1:
            return f"Every day at {clock_text(self.at)}"
        return f"Every {self.every} days at {clock_text(self.at)}, from {self.start}"

"""One instant, named by the wall clock of the schedule's zone."""

from dataclasses import dataclass
from datetime import datetime

from shared.domain.errors import ScheduleError
from shared.domain.schedules.days import DateFields
from shared.domain.schedules.times import clock_text, daily_at
from shared.domain.schedules.wall_clock import WallClock
from shared.domain.schedules.zones import FIRST_YEAR, LAST_YEAR


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """Fires one time, at this naive local time; in a gap right after it, in a fold the first time."""

    at: datetime

    def __post_init__(self) -> None:
        if self.at.tzinfo is not None:
            raise ScheduleError("Give the local time without an offset: the zone says the rest.", part="at")
        if not FIRST_YEAR <= self.at.year <= LAST_YEAR:
            raise ScheduleError(f"Choose a year from {FIRST_YEAR} to {LAST_YEAR}.", part="at")
        object.__setattr__(self, "at", self.at.replace(microsecond=0))

    def fires(self, zone: str) -> WallClock:
        """Return its one instant in a zone, if its wall time exists there."""
        days = DateFields(days=1 << self.at.day, months=1 << self.at.month, years=frozenset({self.at.year}))
        return daily_at(self.at.time(), days, zone)

    def describe(self) -> str:
        """Say the schedule in one English phrase."""
        return f"Once on {self.at.day} {self.at:%b %Y} at {clock_text(self.at.time())}"

"""Each hour at one minute, by real time: 23 or 25 times on a day on which clocks are set."""

from dataclasses import dataclass

from shared.domain.errors import ScheduleError
from shared.domain.schedules.days import DateFields
from shared.domain.schedules.rule import Rule
from shared.domain.schedules.wall_clock import WallClock


@dataclass(frozen=True, slots=True, kw_only=True)
class Hourly:
    """Fires in every real hour in which the local minute is `minute`."""

    minute: int

    def __post_init__(self) -> None:
        if not 0 <= self.minute <= 59:  # noqa: PLR2004 - the last minute
            raise ScheduleError("Choose a minute from 0 to 59.", part="minute")

    def fires(self, zone: str) -> WallClock:
        """Return its instants in a zone."""
        return WallClock(Rule(days=DateFields(), minutes=1 << self.minute, is_fixed=False), zone)

    def describe(self) -> str:
        """Say the schedule in one English phrase."""
        return f"Every hour at :{self.minute:02}"

"""Every n seconds of elapsed time, counted from an anchor: it cannot drift."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.domain.errors import ScheduleError
from shared.domain.schedules.timetable import Grid
from shared.domain.schedules.zones import EPOCH

_SECOND = timedelta(seconds=1)
_LONGEST = timedelta(days=366)
_UNITS = ((604_800, "week"), (86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Fires at anchor + k * every for k >= 1, never counted from when a run ended."""

    every: timedelta
    anchor: datetime

    def __post_init__(self) -> None:
        if self.every < _SECOND or self.every % _SECOND:
            raise ScheduleError("The interval must be a whole number of seconds, 1 or more.", field="every_s")
        if self.every > _LONGEST:
            raise ScheduleError("The interval is too long. Choose at most 366 days.", field="every_s")
        if self.anchor.tzinfo is None:
            raise ScheduleError("The anchor needs its offset from UTC, such as +08:00.", part="anchor")
        try:
            object.__setattr__(self, "anchor", self.anchor.astimezone(UTC).replace(microsecond=0))
        except OverflowError:
            raise ScheduleError(
                "The anchor is too far from now. Choose another instant.", part="anchor"
            ) from None

    def fires(self, zone: str) -> Grid:  # noqa: ARG002 - elapsed time is the same in every zone
        """Return its instants."""
        return Grid((self.anchor - EPOCH) // _SECOND, self.every // _SECOND)

    def describe(self) -> str:
        """Say the schedule in one English phrase."""
        seconds = int(self.every.total_seconds())
        size, unit = next(pair for pair in _UNITS if seconds % pair[0] == 0)
        count = seconds // size
        return f"Every {unit}" if count == 1 else f"Every {count} {unit}s"

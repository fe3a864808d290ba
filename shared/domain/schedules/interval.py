"""Every n seconds of elapsed time, counted from an anchor: it cannot drift."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.domain.errors import InvalidInput

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
            raise InvalidInput("every_s", "The interval must be a whole number of seconds, 1 or more.")
        if self.every > _LONGEST:
            raise InvalidInput("every_s", "The interval is too long. Choose at most 366 days.")
        if self.anchor.tzinfo is None:
            raise InvalidInput("schedule", "The anchor needs its offset from UTC, such as +08:00.")
        object.__setattr__(self, "anchor", self.anchor.astimezone(UTC).replace(microsecond=0))

    def next_after(self, instant: datetime) -> datetime | None:
        """Return the first fire strictly after `instant`, in O(1)."""
        elapsed = max(instant - self.anchor, timedelta(0))
        try:
            return self.anchor + (elapsed // self.every + 1) * self.every
        except OverflowError:
            return None

    def last_until(self, instant: datetime) -> datetime | None:
        """Return the newest fire at or before `instant`, in O(1); None before the first."""
        count = self._fires_until(instant)
        return self.anchor + count * self.every if count else None

    def count_between(self, after: datetime, until: datetime) -> int:
        """Return how many fires lie in (`after`, `until`], in O(1)."""
        return max(0, self._fires_until(until) - self._fires_until(after))

    def _fires_until(self, instant: datetime) -> int:
        return max(0, (instant - self.anchor) // self.every)

    def describe(self) -> str:
        """Say the schedule in one English phrase."""
        seconds = int(self.every.total_seconds())
        size, unit = next(pair for pair in _UNITS if seconds % pair[0] == 0)
        count = seconds // size
        return f"Every {unit}" if count == 1 else f"Every {count} {unit}s"

"""The machine on which everything runs: its clocks, and what is to happen when."""

import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

SECOND = 1_000_000
DAY = 86_400 * SECOND
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(instant: datetime) -> int:
    """Return an instant as microseconds since 1970."""
    return (instant - _EPOCH) // _MICROSECOND


def instant_of(us: int) -> datetime:
    """Return microseconds since 1970 as an instant."""
    return _EPOCH + timedelta(microseconds=us)


class Machine:
    """True time that only `pass_until` moves, a wall clock that can be wrong, and an agenda."""

    def __init__(self, start: datetime) -> None:
        self.us = micros(start)
        """True time in microseconds since 1970: what durations go by."""
        self._skew_us = 0
        self._wall = start
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()

    @property
    def wall(self) -> datetime:
        """Return what the wall clock shows."""
        return self._wall

    def true_of(self, wall: datetime) -> int:
        """Return the true time at which the wall clock will show this, as it is set now."""
        return micros(wall) - self._skew_us

    def step_wall(self, seconds: float) -> None:
        """Set the wall clock forward or back; no time passes."""
        self._skew_us += round(seconds * SECOND)
        self._set_wall()

    def correct_wall(self) -> None:
        """Let the wall clock show the true time again."""
        self._skew_us = 0
        self._set_wall()

    def leap(self, seconds: float) -> None:
        """Let time pass in which nothing at all is done, as in a suspended machine."""
        self.us += round(seconds * SECOND)
        self._set_wall()

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Have something done so many seconds from now."""
        heapq.heappush(self._agenda, (self.us + round(seconds * SECOND), next(self._order), act))

    @property
    def next_us(self) -> int | None:
        """Return when the first thing on the agenda is due."""
        return self._agenda[0][0] if self._agenda else None

    def pass_until(self, us: int) -> None:
        """Let time pass, and do what is on the agenda for then."""
        self.us = max(self.us, us)
        self._set_wall()
        while self._agenda and self._agenda[0][0] <= self.us:
            heapq.heappop(self._agenda)[2]()

    def _set_wall(self) -> None:
        self._wall = instant_of(self.us + self._skew_us)

"""The only file that asks the time or sleeps. Loops take a `Clock`; tests drive a manual one."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

_JUMP = timedelta(seconds=1)


class Clock(Protocol):
    """Wall time for due instants, monotonic time for durations."""

    def now(self) -> datetime:
        """Return the wall time as an aware UTC instant."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never step back; only differences mean anything."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` of monotonic time; at once for 0 or less."""
        ...


class SystemClock:
    """The machine's clocks; `offset_s` makes its wall clock wrong by so much, for drills."""

    def __init__(self, *, offset_s: float = 0) -> None:
        self._offset = timedelta(seconds=offset_s)

    def now(self) -> datetime:
        """Return the wall time as an aware UTC instant."""
        return datetime.now(UTC) + self._offset

    def monotonic(self) -> float:
        """Return CLOCK_BOOTTIME in seconds: it counts while the machine is suspended."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`; at once for 0 or less."""
        await asyncio.sleep(max(0.0, seconds))


class DistantClock:
    """Another machine's wall clock, carried on by our monotonic one between looks at it.

    All who look at the same clock agree on the time to a few milliseconds, whatever their own wall clocks
    say. Until the first look it is our own wall clock.
    """

    def __init__(self, local: Clock) -> None:
        self._local = local
        self._base = local.now()
        self._base_at = local.monotonic()
        self._doubt: timedelta | None = None
        self._is_set = False

    @property
    def steady(self) -> bool:
        """Say whether the newest look agreed with what we go by; if not, another look is to decide."""
        return self._is_set and self._doubt is None

    def now(self) -> datetime:
        """Return the other machine's time as an aware UTC instant."""
        return self._base + timedelta(seconds=self._local.monotonic() - self._base_at)

    def monotonic(self) -> float:
        """Return seconds of our own clock that never step back; only differences mean anything."""
        return self._local.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` by our own clock; at once for 0 or less."""
        await self._local.sleep(seconds)

    def look(self, theirs: datetime, *, asked_at: float, answered_at: float) -> None:
        """Take note that the other clock showed `theirs` between these instants of our monotonic one.

        What the delay of the answer explains is no difference. A difference of more than a second is
        believed when two looks in a row agree on it; until then we are not `steady`.
        """
        doubt_s = (answered_at - asked_at) / 2
        base, base_at = theirs, answered_at - doubt_s
        difference = base - self._base - timedelta(seconds=base_at - self._base_at)
        before, self._doubt = self._doubt, None
        if self._is_set and abs(difference).total_seconds() <= doubt_s:
            return
        is_jump = self._is_set and abs(difference) > _JUMP
        if is_jump and (before is None or abs(difference - before) > _JUMP):
            self._doubt = difference
            return
        self._base, self._base_at, self._is_set = base, base_at, True

"""The only file that asks the time or sleeps. Loops take a `Clock`; tests drive a manual one."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


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
    """The machine's clocks."""

    def now(self) -> datetime:
        """Return the wall time as an aware UTC instant."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return CLOCK_BOOTTIME in seconds: it counts while the machine is suspended."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`; at once for 0 or less."""
        await asyncio.sleep(max(0.0, seconds))

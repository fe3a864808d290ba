"""A clock that only a test moves: a day passes in no time, and never by itself."""

import asyncio
import heapq
from datetime import UTC, datetime, timedelta
from itertools import count

EPOCH = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class ManualClock:
    """Wall and monotonic time that stand still until `advance` or `step_wall`."""

    def __init__(self, now: datetime = EPOCH) -> None:
        self._now = now
        self._monotonic = 1_000.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = count()

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        """Return once the clock was moved that far."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if seconds <= 0:
            future.set_result(None)
        else:
            heapq.heappush(self._sleepers, (self._monotonic + seconds, next(self._order), future))
        await future

    def advance(self, seconds: float) -> None:
        """Let time pass, and wake whoever slept until now."""
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds
        while self._sleepers and self._sleepers[0][0] <= self._monotonic:
            future = heapq.heappop(self._sleepers)[2]
            if not future.done():
                future.set_result(None)

    def step_wall(self, seconds: float) -> None:
        """Set the wall clock forward or back, as an administrator does; no time passes."""
        self._now += timedelta(seconds=seconds)

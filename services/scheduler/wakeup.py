"""Sleeping that can be cut short: what the loops do instead of polling."""

import asyncio
import heapq
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import count
from typing import Generic, TypeVar

from shared.domain.ids import JobId
from shared.runtime.clock import Clock

Item = TypeVar("Item")

LONGEST_SLEEP_S = 60.0
"""A clock that is set while we sleep is noticed after this at the latest,"""
NEAR_SLEEP_S = 1.0
"""and after this when something is due within the longest sleep."""


class WakeUp:
    """A sleep that another loop can end."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def call(self) -> None:
        """End the sleep, or the next one if nobody sleeps."""
        self._event.set()

    async def wait(self, clock: Clock, seconds: float) -> None:
        """Return after `seconds`, or as soon as called."""
        if seconds > 0 and not self._event.is_set():
            async with asyncio.TaskGroup() as group:
                waits = (group.create_task(clock.sleep(seconds)), group.create_task(self._event.wait()))
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                for wait in waits:
                    wait.cancel()
        self._event.clear()


class Agenda(Generic[Item]):
    """Things to do, each at its instant: a heap of the near future, never of all schedules."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, int, Item]] = []
        self._order = count()
        self._wake = WakeUp()

    def put(self, at: datetime, items: Iterable[Item]) -> None:
        """Note items for `at`; whoever sleeps towards something later is woken."""
        first = self.next_at
        for item in items:
            heapq.heappush(self._heap, (at, next(self._order), item))
        if self.next_at != first:
            self._wake.call()

    def take_due(self, now: datetime, *, limit: int) -> list[Item]:
        """Remove and return what is due, in order of instants, at most `limit`."""
        due: list[Item] = []
        while self._heap and self._heap[0][0] <= now and len(due) < limit:
            due.append(heapq.heappop(self._heap)[2])
        return due

    @property
    def next_at(self) -> datetime | None:
        """Return the instant of the first item; None when there is none."""
        return self._heap[0][0] if self._heap else None

    def call(self) -> None:
        """Wake whoever sleeps, though nothing may be due."""
        self._wake.call()

    async def wait(self, clock: Clock, *, at_most_s: float = LONGEST_SLEEP_S) -> None:
        """Return when the first item is due, something earlier is noted, or after `at_most_s`."""
        await self._wake.wait(clock, nap(self.next_at, clock.now(), at_most_s=at_most_s))


class News:
    """What the dispatcher is to look at before it is due: job definitions and requests."""

    def __init__(self, *on_requests: Callable[[], None]) -> None:
        """Call each of `on_requests` as well when somebody asked for something."""
        self.wake = WakeUp()
        self._on_requests = on_requests
        self._jobs: set[JobId] = set()
        self._requests = True

    def job_changed(self, job_id: JobId) -> None:
        """Say that this job's definition has a new version."""
        self._jobs.add(job_id)
        self.wake.call()

    def requests_changed(self) -> None:
        """Say that somebody asked for something."""
        self._requests = True
        self.wake.call()
        for call in self._on_requests:
            call()

    def take_jobs(self) -> set[JobId]:
        """Return the jobs that changed since the last time."""
        jobs, self._jobs = self._jobs, set()
        return jobs

    def take_requests(self) -> bool:
        """Return whether there were requests since the last time."""
        asked, self._requests = self._requests, False
        return asked


def nap(until: datetime | None, now: datetime, *, at_most_s: float = LONGEST_SLEEP_S) -> float:
    """Return how many seconds to sleep towards `until` before the clock is to be read again."""
    if until is None:
        return at_most_s
    left = (until - now).total_seconds()
    if left > LONGEST_SLEEP_S:
        return at_most_s
    return max(0.0, min(left, NEAR_SLEEP_S, at_most_s))

"""One start of the scheduler's process. Every await of it passes a point at which it may die."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any, Protocol

from tests.simulation.machine import SECOND, Machine

ROLE: ContextVar[str] = ContextVar("role", default="nobody")
"""Which loop of the process the running coroutine belongs to; the tasks that it makes inherit it."""


class DiedError(BaseException):
    """The process is dead: nothing after this point happens. No handler for errors may take it for one."""


class Crashes(Protocol):
    """Says at which points a process dies."""

    is_on: bool

    def strikes(self, place: str) -> bool:
        """Say whether the process dies here."""
        ...


class NoCrashes:
    """Nobody dies."""

    is_on = False

    def strikes(self, place: str) -> bool:
        """Return False."""
        del place
        return False


class CrashAt:
    """The process dies at its n-th point, counted from 1 over all its starts; and then never again."""

    def __init__(self, number: int) -> None:
        self.is_on = True
        self.left = number

    def strikes(self, place: str) -> bool:
        """Return True once."""
        del place
        self.left -= 1
        return self.left == 0


class RandomCrashes:
    """Dies now and then, and rather where it has not died yet."""

    _RARE = 6

    def __init__(self, random: Random, share: float) -> None:
        self.is_on = True
        self._random = random
        self._share = share
        self.passed: Counter[str] = Counter()
        self.struck: Counter[str] = Counter()

    def strikes(self, place: str) -> bool:
        """Decide by chance."""
        self.passed[place] += 1
        share = self._share if self.struck[place] else self._share * self._RARE
        if self._random.random() >= share:
            return False
        self.struck[place] += 1
        return True


@dataclass(slots=True)
class Sleeper:
    """One coroutine that waits for time to pass."""

    role: str
    is_nap: bool
    """It looks whether there is something to do: to oversleep delays that, and nothing else."""
    until_us: int
    future: asyncio.Future[None]


class Life:
    """The process: its clock, its tasks, its open connections, its death."""

    def __init__(self, machine: Machine, crashes: Crashes, random: Random, *, yields: float = 0.02) -> None:
        self.machine = machine
        self.is_dead = False
        self.died_at: str | None = None
        self.sleepers: list[Sleeper] = []
        self.on_death: list[Callable[[], None]] = []
        self._crashes = crashes
        self._random = random
        self._yields = yields
        self._tasks: list[asyncio.Task[None]] = []
        self._roles: dict[asyncio.Task[Any], str] = {}

    async def point(self, what: str) -> None:
        """Pass one await: die here, let others run first, or go on at once."""
        if self.is_dead:
            raise DiedError
        place = f"{ROLE.get()}: {what}"
        if self._crashes.is_on and self._crashes.strikes(place):
            self.die(place)
            raise DiedError
        if self._random.random() < self._yields:
            await asyncio.sleep(0)
            if self.is_dead:
                raise DiedError

    def die(self, place: str) -> None:
        """End as by SIGKILL: what is open is dropped, and no coroutine of it does anything more."""
        self.is_dead, self.died_at = True, place
        for drop in self.on_death:
            drop()

    def start(self, role: str, loop: Coroutine[Any, Any, None]) -> None:
        """Run one of its loops."""
        token = ROLE.set(role)
        task = asyncio.get_running_loop().create_task(loop)
        ROLE.reset(token)
        self._tasks.append(task)
        self._roles[task] = role

    async def bury(self) -> None:
        """Remove the coroutines of a dead process."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def failure(self) -> BaseException | None:
        """Return what ended one of its loops, though the process lives."""
        for task in self._tasks:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                return error
        return None

    def now(self) -> datetime:
        """Return what the machine's wall clock shows."""
        return self.machine.wall

    def monotonic(self) -> float:
        """Return the true time in seconds."""
        return self.machine.us / SECOND

    async def sleep(self, seconds: float) -> None:
        """Return once the driver has let that much time pass."""
        if self.is_dead:
            raise DiedError
        future = asyncio.get_running_loop().create_future()
        # WakeUp sleeps in a task of its own: what its loop's own task sleeps is meant to the letter.
        is_nap = self._roles.get(asyncio.current_task()) is None  # type: ignore[arg-type]
        until_us = self.machine.us + round(max(seconds, 0) * SECOND)
        sleeper = Sleeper(ROLE.get(), is_nap, until_us, future)
        self.sleepers.append(sleeper)
        try:
            await future
        finally:
            self.sleepers.remove(sleeper)
        if self.is_dead:
            raise DiedError

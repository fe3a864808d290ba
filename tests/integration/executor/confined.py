"""Real scripts under real keepers: start one, watch it, and see processes die."""

import asyncio
import math
import os
import select
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

from services.executor.recovery import _pids_of
from services.executor.sandbox.command import Command
from services.executor.sandbox.fence import Level
from services.executor.sandbox.proc import children
from services.executor.sandbox.process import Ended, Order, Process, Setup, Spawner
from shared.domain.ids import new_id
from shared.messages.events import Stream

BOUND_S = 20


@dataclass
class Confined:
    """A running script and what it printed so far."""

    process: Process
    spawner: Spawner
    marker: Path
    printed: dict[Stream, bytearray]
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def out(self) -> str:
        return self.printed[Stream.STDOUT].decode()

    @property
    def keeper(self) -> int:
        """The pid of its keeper: one like the spawner, which has one more that waits for its run."""
        (pid,) = [pid for pid in _pids_of(self.marker) if pid != self.spawner.popen.pid and children(pid)]
        return pid

    async def says(self, text: str) -> None:
        """Wait until it has printed this."""
        async with asyncio.timeout(BOUND_S):
            while text not in self.out:
                self.news.clear()
                await self.news.wait()

    async def end(self) -> Ended:
        """Wait until its keeper is gone, and return how it ended."""
        async with asyncio.timeout(BOUND_S):
            ended = await self.process.ended
            await self.process.gone
        self.spawner.close()
        return ended

    def vanish(self) -> None:
        """Let go of keeper and spawner as the kernel does for an executor that was killed."""
        loop = asyncio.get_running_loop()
        for fd in (self.process.channel.fileno(), *self.process.outputs):
            loop.remove_reader(fd)
        self.process.channel.close()
        for fd in self.process.outputs:
            os.close(fd)
        self.spawner.close()

    async def pids(self, count: int) -> list[int]:
        """Wait for so many lines with a pid each."""
        async with asyncio.timeout(BOUND_S):
            while self.out.count("\n") < count:
                self.news.clear()
                await self.news.wait()
        return [int(line) for line in self.out.split()]


def start(
    folder: Path,
    *argv: str,
    timeout_s: float = BOUND_S,
    grace_s: float = 0.5,
    lease_until: float = math.inf,
    spawn_until: float = math.inf,
) -> Confined:
    """Start this program under a keeper, in `folder`/work."""
    order = an_order(folder, *argv, timeout_s=timeout_s, grace_s=grace_s)
    return started(folder, replace(order, lease_until=lease_until, spawn_until=spawn_until))


def started(folder: Path, order: Order) -> Confined:
    """Give this order to a new keeper."""
    printed = {stream: bytearray() for stream in Stream}
    news = asyncio.Event()

    def take(stream: Stream, read: bytes) -> None:
        printed[stream].extend(read)
        news.set()

    marker = folder / f"keeper-{new_id()}"
    spawner = Spawner(marker, Setup(level=Level.PROCESS, work_root=folder))
    return Confined(spawner.start(order, take), spawner, marker, printed, news)


def an_order(folder: Path, *argv: str, timeout_s: float = BOUND_S, grace_s: float = 0.5) -> Order:
    return Order(
        command=Command(argv=argv, env={"PATH": "/usr/bin:/bin"}),
        work_dir=folder / "work",
        timeout_s=timeout_s,
        kill_grace_s=grace_s,
        lease_until=math.inf,
    )


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-u", "-c", code)


def is_dead(pid: int) -> bool:
    """Wait for the process to be gone; False when it still lives after 20 s."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        return bool(poll.poll(BOUND_S * 1000))
    finally:
        os.close(pidfd)

"""One child of the supervisor: started, watched until it is ready, started again when it dies."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from services.cli.console import Console
from services.cli.errors import NotReady
from services.cli.process import Process, Program, spawn
from services.cli.record import ChildRecord

READY_BOUND_S = 120.0

_FIRST_DELAY_S = 0.5
_LONGEST_DELAY_S = 30.0
_STEADY_S = 60.0  # who lived so long begins again with the first delay
_STARTS_BEFORE_GIVING_UP = 3  # counted only until it was ready for the first time
_LAST_WORDS_S = 1.0
_READ_BYTES = 65_536
_LINE_BYTES = 16_384


class Child:
    """A program that runs until it is told to stop."""

    def __init__(self, program: Program, console: Console, changed: Callable[[], None]) -> None:
        """Take what to run; `changed` is called whenever its process is another or none."""
        self.program = program
        self._console = console
        self._changed = changed
        self._process: Process | None = None
        self._since = datetime.now(UTC)
        self._restarts = 0
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()
        self._first_ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def name(self) -> str:
        """The name in front of its lines."""
        return self.program.name

    @property
    def record(self) -> ChildRecord | None:
        """What others may know of it; None while it has no process."""
        process = self._process
        if process is None:
            return None
        return ChildRecord(
            name=self.name,
            pid=process.identity.pid,
            started=process.identity.started,
            since=self._since,
            restarts=self._restarts,
            probe=self.program.probe,
        )

    async def run(self) -> None:
        """Keep it running until `stop` or `abandon`; each death is told and followed by a longer pause."""
        delay_s = _FIRST_DELAY_S
        try:
            while not self._stopping.is_set():
                lived_s, code = await self._live_once()
                if self._stopping.is_set():
                    return
                self._restarts += 1
                self._give_up_if_hopeless()
                delay_s = _FIRST_DELAY_S if lived_s > _STEADY_S else delay_s
                self._console.step(self.name, f"ended with {code}, starts again in {delay_s:g} s")
                await self._pause(delay_s)
                delay_s = min(2 * delay_s, _LONGEST_DELAY_S)
        finally:
            self._ended.set()

    async def ready(self) -> None:
        """Return when it is ready for the first time; raise NotReady when it keeps dying before that."""
        try:
            async with asyncio.timeout(READY_BOUND_S):
                await asyncio.shield(self._first_ready)
        except TimeoutError as error:
            raise NotReady(f"{self.name} is not ready after {READY_BOUND_S:.0f} s") from error

    async def stop(self) -> None:
        """Let it drain, kill it when its time is up; return when it has ended. It is not started again."""
        self._stopping.set()
        if self._process is not None:
            await self._process.stop()
        await self._ended.wait()

    def abandon(self) -> bool:
        """Kill it and all of its group at once; return whether there was something to kill."""
        self._stopping.set()
        if self._process is None:
            return False
        self._process.kill()
        return True

    async def _live_once(self) -> tuple[float, int]:
        """Run it once; return for how many seconds and its exit code (negative: the signal's number)."""
        loop = asyncio.get_running_loop()
        began, self._since = loop.time(), datetime.now(UTC)
        self._process = process = await spawn(self.program)
        self._changed()
        try:
            async with asyncio.TaskGroup() as around:
                watching = around.create_task(self._watch(process))
                reading = around.create_task(self._read(process))
                if self._stopping.is_set():
                    process.kill()
                code = await process.child.wait()
                watching.cancel()
                # A grandchild may hold the pipe open; what the child itself wrote is there by now.
                await asyncio.wait({reading}, timeout=_LAST_WORDS_S)
                reading.cancel()
        finally:
            process.kill()
            self._process = None
            self._changed()
        return loop.time() - began, code

    async def _watch(self, process: Process) -> None:
        began = asyncio.get_running_loop().time()
        try:
            await process.ready(bound_s=READY_BOUND_S)
        except NotReady:
            return  # it has ended: `run` tells, or it is late: `ready` tells
        took_s = asyncio.get_running_loop().time() - began
        self._console.step(self.name, f"ready after {took_s:.1f} s (pid {process.identity.pid})")
        if not self._first_ready.done():
            self._first_ready.set_result(None)

    async def _read(self, process: Process) -> None:
        """Print what it prints, by lines; a line longer than 16 KB is broken."""
        stream = process.child.stdout
        if stream is None:
            return
        rest = b""
        while block := await stream.read(_READ_BYTES):
            *lines, rest = (rest + block).split(b"\n")
            if len(rest) > _LINE_BYTES:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self._console.log_line(self.name, line.decode(errors="replace").rstrip())
        if rest:
            self._console.log_line(self.name, rest.decode(errors="replace"))

    def _give_up_if_hopeless(self) -> None:
        if self._restarts >= _STARTS_BEFORE_GIVING_UP and not self._first_ready.done():
            where = self.program.output or "the lines above"
            self._first_ready.set_exception(
                NotReady(f"{self.name} ended {self._restarts} times before it was ready: see {where}")
            )

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return

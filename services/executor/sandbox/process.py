"""Has scripts started and talks to their keepers: the executor's side of `spawner.py` and `keeper.py`."""

import asyncio
import contextlib
import marshal
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from services.executor.sandbox.command import Command, NotRunnable
from services.executor.sandbox.fence import MAKERS, USERS, Level
from services.executor.sandbox.order import Order, Setup, packed
from services.executor.sandbox.paths import sealed
from services.executor.sandbox.refusals import start_error
from services.executor.sandbox.spawner import START
from services.executor.sandbox.told import Ended, FileRead, NotKept, Started, StoppedBy, TooLate, ended_of
from shared.messages.events import Stream

ROOT = Path(__file__).parents[3]
"""The folder that holds `services`."""
READ_BYTES = 65_536
FLOOD_BYTES_PER_S = 20_000_000
_FLOOD_SHARE = 0.1
"""How fast a script is read that prints beyond its cap, and how much of a core that may take: it has to
wait for us. Single bytes come together while it waits."""
_MAX_PIPE_BYTES = 1_048_576
"""What may still be in a pipe when the last process is dead; more comes from nobody we started."""
_MAX_PACKET = 262_144
_MOST_REMOVING_S = 60
_PATIENCE_S = 30
"""So long a spawner may take to start, on a machine that is busy with other starts."""


Printed = Callable[[Stream, memoryview], bool]
"""Takes what was read, in the order in which it was read, before it is written over by the next read.
Says whether this is a flood, which is then read slowly."""
_LEFT: dict[str, type[FileRead | NotKept]] = {"file": FileRead, "not kept": NotKept}
Left = Callable[[FileRead | NotKept], None]
"""Takes what the script left to be kept, a piece at a time: the keeper waits meanwhile."""


@dataclass(slots=True)
class Process:
    """One running script. Make it with `start`; every method is for the event loop's thread."""

    channel: socket.socket
    outputs: dict[int, Stream]
    printed: Printed
    left: Left
    on_gone: Callable[[], None]
    sweep: Callable[[int], None]
    """Kills what a killed keeper left; takes the script's pid."""
    command: Command
    started: asyncio.Future[Started] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    """NotRunnable when it could not be started, TooLate when it was not to be started any more."""
    ended: asyncio.Future[Ended] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    """Never an exception. Set even when the script was never started."""
    gone: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    """Set when the keeper is gone, and the run's folder with it."""
    _buffer: bytearray = field(default_factory=lambda: bytearray(READ_BYTES))
    """For every read: a new one each time is what a flood would cost most."""
    _is_flood: bool = False
    _quiet_until: float = 0.0
    _paused: dict[int, asyncio.TimerHandle] = field(default_factory=dict)

    def extend(self, lease_until: float) -> None:
        """Let the script live until this instant of CLOCK_BOOTTIME, unless it is extended again."""
        self._say(b"D%r" % lease_until)

    def stop(self) -> None:
        """Send SIGTERM to the script's group and, after the grace, SIGKILL to all of it."""
        self._say(b"S")

    def kill(self) -> None:
        """Send SIGKILL to the script and everything it started, at once."""
        self._say(b"K")

    def listen(self) -> None:
        """Start reading; called by `start`."""
        asyncio.get_running_loop().add_reader(self.channel.fileno(), self._on_packet)
        for fd in self.outputs:
            self._resume(fd)

    def _say(self, words: bytes) -> None:
        try:
            self.channel.send(words)
        except OSError:
            return  # it has ended: what it had to say is being read

    def _on_output(self, fd: int) -> None:
        before = time.thread_time()
        size = self._read(fd)
        if size and self._is_flood:
            self._pause(fd, max(size / FLOOD_BYTES_PER_S, (time.thread_time() - before) / _FLOOD_SHARE))

    def _read(self, fd: int) -> int:
        """Read once; return how many bytes there were: 0 when there are no more for now."""
        try:
            size = os.readv(fd, [self._buffer])
        except BlockingIOError:
            return 0
        if size:
            self._is_flood = self.printed(self.outputs[fd], memoryview(self._buffer)[:size])
        else:
            self._close_output(fd)
        return size

    def _pause(self, fd: int, duration_s: float) -> None:
        """Read on when this time is over and what the other stream has to wait for."""
        loop = asyncio.get_running_loop()
        self._quiet_until = max(self._quiet_until, loop.time()) + duration_s
        loop.remove_reader(fd)
        self._paused[fd] = loop.call_at(self._quiet_until, self._resume, fd)

    def _resume(self, fd: int) -> None:
        self._paused.pop(fd, None)
        asyncio.get_running_loop().add_reader(fd, self._on_output, fd)

    def _on_packet(self) -> None:
        try:
            packet = self.channel.recv(_MAX_PACKET)
        except BlockingIOError:
            return
        except ConnectionResetError:
            packet = b""
        if not packet:
            self._on_keeper_gone()
            return
        word, fact = marshal.loads(packet)  # noqa: S302 - our own keeper's words
        if word == "started":
            _settle(self.started, Started(*fact))
        elif word in _LEFT:
            self.left(_LEFT[word](*fact))
        elif word == "late":
            _fail(self.started, TooLate())
            self._finish(Ended(stopped_by=None))
        elif word == "failed":
            _fail(self.started, start_error(self.command, *fact))
            self._finish(Ended(stopped_by=None))
        else:
            self._finish(ended_of(fact))

    def _on_keeper_gone(self) -> None:
        if not self.ended.done():
            self._on_keeper_killed()
        asyncio.get_running_loop().remove_reader(self.channel.fileno())
        self.channel.close()
        self.on_gone()
        _settle(self.gone, None)

    def _on_keeper_killed(self) -> None:
        """Decide what a silent end of the keeper means; its death signal took the script with it."""
        if self.started.done() and not self.started.cancelled() and self.started.exception() is None:
            self.sweep(self.started.result().pid)
        else:
            _fail(self.started, NotRunnable("The keeper of this run could not be started; its log says why."))
        self._finish(Ended(stopped_by=StoppedBy.GONE))

    def _finish(self, ended: Ended) -> None:
        for fd in tuple(self.outputs):
            left = _MAX_PIPE_BYTES
            while left > 0 and (size := self._read(fd)):
                left -= size
            if fd in self.outputs:
                self._close_output(fd)
        _settle(self.ended, ended)

    def _close_output(self, fd: int) -> None:
        if fd in self._paused:
            self._paused.pop(fd).cancel()
        asyncio.get_running_loop().remove_reader(fd)
        del self.outputs[fd]
        os.close(fd)


class Spawner:
    """The process that forks keepers; made before the executor gives up its privileges.

    Raises:
        SystemExit: it cannot be started, or cannot fence in as it is told to; says why.
    """

    def __init__(self, marker: Path, setup: Setup) -> None:
        self.setup = setup
        self._marker = marker
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            # No preexec_fn: it gives up vfork, which is 45 times dearer with a big parent (and unsafe).
            self.popen = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", START, str(ROOT), str(marker), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
                cwd="/",
                env={},
            )
        self.first_user, self.lacks_states, self.lacks_cgroups = self._told()
        self._channel.setblocking(False)
        self._places = list(range(USERS - MAKERS))
        self._makers = list(range(USERS - MAKERS, USERS))

    def _told(self) -> tuple[int | None, str, str]:
        """Return the first of its users, if any, and why jobs keep no folders and runs have no cgroups.

        Empty: they do, and have.
        """
        self._channel.settimeout(_PATIENCE_S)
        try:
            self._channel.send(marshal.dumps(self.setup.packed()))
            word, fact = marshal.loads(self._channel.recv(_MAX_PACKET))  # noqa: S302 - our own spawner's word
        except (OSError, EOFError, ValueError) as error:
            raise SystemExit(f"the sandbox's spawner does not start: {error}.") from error
        if word != "ready":
            raise SystemExit(f"the sandbox's spawner cannot work: {fact}.")
        first_user, lacks_states, lacks_cgroups = fact
        return first_user, lacks_states, lacks_cgroups

    @property
    def is_gone(self) -> bool:
        """Say whether it has ended: it starts no more scripts."""
        return self.popen.poll() is not None

    def start(self, order: Order, printed: Printed, left: Left = lambda _: None) -> "Process":
        """Have a script started; for the event loop's thread. Takes a millisecond and blocks for none.

        Raises:
            OSError: there is no room for descriptors, or the spawner is gone.
            IndexError: every place is taken.
        """
        places = self._makers if order.makes else self._places
        place = places.pop(0)
        # Packets keep their bounds, and the end of either side is seen by the other at once.
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pipes = [os.pipe2(os.O_CLOEXEC), os.pipe2(os.O_CLOEXEC)]
        copies: list[int] = []
        try:
            ours.setblocking(False)
            for read_end, _ in pipes:
                os.set_blocking(read_end, False)
            ours.send(packed(order, place))
            if order.copy is not None:
                copies.append(sealed(order.copy))
            given = [theirs.fileno(), *(write_end for _, write_end in pipes), *copies]
            socket.send_fds(self._channel, [b"K"], given)
        except BaseException:
            ours.close()
            for read_end, _ in pipes:
                os.close(read_end)
            places.append(place)
            raise
        finally:
            theirs.close()
            for fd in (*(write_end for _, write_end in pipes), *copies):
                os.close(fd)
        process = Process(
            channel=ours,
            outputs={pipes[0][0]: Stream.STDOUT, pipes[1][0]: Stream.STDERR},
            printed=printed,
            left=left,
            on_gone=lambda: self._take_back(place, places),
            sweep=lambda pid: self._sweep(place, pid, order.state),
            command=order.command,
        )
        process.listen()
        return process

    async def remove(self, name: str) -> None:
        """Have what is in this folder of an environment removed, with no more rights than its owner has.

        Raises: see `forget`.
        """
        await self._have_removed(b"R", name)

    async def forget(self, job: str) -> None:
        """Have the folder that this job kept removed likewise, unless a run of the job goes on.

        Raises:
            OSError: the spawner is gone.
            TimeoutError: it takes more than a minute.
        """
        await self._have_removed(b"F", job)

    async def _have_removed(self, word: bytes, name: str) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with ours:
            with theirs:
                socket.send_fds(self._channel, [word + os.fsencode(name)], [theirs.fileno()])
            ours.setblocking(False)
            async with asyncio.timeout(_MOST_REMOVING_S):
                await asyncio.get_running_loop().sock_recv(ours, 1)  # its end: who removes says nothing

    def _take_back(self, place: int, places: list[int]) -> None:
        if not self.lacks_cgroups:
            with contextlib.suppress(OSError):  # it is removed with the next run's that has this place
                self._channel.send(b"C%d" % place)
        places.append(place)

    def _sweep(self, place: int, pid: int, job: str) -> None:
        if self.first_user is not None:
            with contextlib.suppress(OSError):
                self._channel.send(b"S%d %d %s" % (place, pid, job.encode()))
        elif self.setup.level is Level.PROCESS:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)

    def close(self) -> None:
        """Let it go; blocks for a moment."""
        self._channel.close()
        self.popen.wait()


def _settle(future: asyncio.Future[Any], result: object) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # retrieved: nobody is owed a warning when the run was given up


__all__ = ["Ended", "Order", "Printed", "Process", "Setup", "Spawner", "Started", "StoppedBy", "TooLate"]

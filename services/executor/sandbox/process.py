"""Starts a keeper with a script and talks to it: the executor's side of `keeper.py`."""

import asyncio
import contextlib
import errno
import importlib.util
import marshal
import math
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import CodeType
from typing import Any

from services.executor.files import replace_whole
from services.executor.sandbox.command import Command, NotRunnable
from shared.messages.events import Stream

READ_BYTES = 65_536
_MAX_PIPE_BYTES = 1_048_576
"""What may still be in a pipe when the last process is dead; more comes from nobody we started."""
_MAX_PACKET = 262_144
_UNCHECKED_HASH = (1).to_bytes(4, "little")


class StoppedBy(StrEnum):
    """What ended a script that did not end by itself."""

    TIMEOUT = "timeout"
    STOP = "stop"
    KILL = "kill"
    LEASE = "lease"
    GONE = "gone"
    """The keeper itself was killed: how the script ended is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What one keeper is to do. `..._until` are instants of CLOCK_BOOTTIME, or infinity."""

    command: Command
    work_dir: Path
    timeout_s: float
    kill_grace_s: float
    lease_until: float
    spawn_until: float = math.inf
    """An order that the keeper reads later than this starts nothing."""


class TooLate(Exception):  # noqa: N818 - what became of an order, not a fault
    """The keeper got its order after `spawn_until`: nothing was started."""


@dataclass(frozen=True, slots=True)
class Started:
    """The script's pid, and when it was started by CLOCK_BOOTTIME: the word of it may come late."""

    pid: int
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a script ended; said after its last descendant was gone and all it printed was read."""

    stopped_by: StoppedBy | None
    exit_code: int | None = None
    signal: int | None = None
    duration_s: float = 0.0
    cpu_s: float | None = None
    peak_memory_bytes: int | None = None


Printed = Callable[[Stream, bytes], None]
"""Takes what was read, in the order in which it was read."""


def compiled_keeper(compiled: Path) -> Path:
    """Compile the keeper to this file and return it: run from source it would be compiled per run.

    One that is there already, of this very source, is left as it is: a full disk hinders no start.

    Raises:
        SystemExit: it cannot be written; says what to do.
    """
    source = Path(__file__).with_name("keeper.py")
    text = source.read_bytes()
    code = compile(text, str(source), "exec", dont_inherit=True)
    # PEP 552: the hash of its source, which nobody checks when it is run.
    head = importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH + importlib.util.source_hash(text)
    if not _holds(compiled, head, code):
        try:
            replace_whole(compiled, head + marshal.dumps(code), durable=False)
        except OSError as error:
            raise SystemExit(
                f"cannot write {compiled}: {error.strerror}. Free some room there, or check PORTAL_HOME."
            ) from error
    return compiled


def _holds(compiled: Path, head: bytes, code: CodeType) -> bool:
    try:
        found = compiled.read_bytes()
        return found.startswith(head) and marshal.loads(found[len(head) :]) == code  # noqa: S302 - our own file
    except (OSError, EOFError, ValueError, TypeError):  # none, or half of one
        return False


@dataclass(slots=True)
class Process:
    """One running script. Make it with `start`; every method is for the event loop's thread."""

    keeper: subprocess.Popen[bytes]
    channel: socket.socket
    outputs: dict[int, Stream]
    printed: Printed
    started: asyncio.Future[Started] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    """NotRunnable when it could not be started, TooLate when it was not to be started any more."""
    ended: asyncio.Future[Ended] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    """Never an exception. Set even when the script was never started."""

    def extend(self, lease_until: float) -> None:
        """Let the script live until this instant of CLOCK_BOOTTIME, unless it is extended again."""
        self._say(b"D%r" % lease_until)

    def stop(self) -> None:
        """Send SIGTERM to the script's group and, after the grace, SIGKILL to all of it."""
        self._say(b"S")

    def kill(self) -> None:
        """Send SIGKILL to the script and everything it started, at once."""
        self._say(b"K")

    def reap(self) -> None:
        """Wait for the keeper to be gone; blocks for a moment, if called after `ended`."""
        self.keeper.wait()

    def listen(self) -> None:
        """Start reading; called by `start`."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self.channel.fileno(), self._on_packet)
        for fd in self.outputs:
            loop.add_reader(fd, self._on_output, fd)

    def _say(self, words: bytes) -> None:
        try:
            self.channel.send(words)
        except OSError:
            return  # it has ended: what it had to say is being read

    def _on_output(self, fd: int) -> bool:
        """Read once; say whether there may be more."""
        try:
            piece = os.read(fd, READ_BYTES)
        except BlockingIOError:
            return False
        if piece:
            self.printed(self.outputs[fd], piece)
            return True
        self._close_output(fd)
        return False

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
        elif word == "late":
            _fail(self.started, TooLate())
            self._finish(Ended(stopped_by=None))
        elif word == "failed":
            _fail(self.started, NotRunnable(_start_error(int(fact))))
            self._finish(Ended(stopped_by=None))
        else:
            self._finish(_ended(fact))

    def _on_keeper_gone(self) -> None:
        """Decide what a silent end of the keeper means; its death signal took the script with it."""
        if self.started.done() and not self.started.cancelled() and self.started.exception() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.started.result().pid, signal.SIGKILL)
        else:
            _fail(self.started, NotRunnable("The keeper of this run could not be started; its log says why."))
        self._finish(Ended(stopped_by=StoppedBy.GONE))

    def _finish(self, ended: Ended) -> None:
        for fd in tuple(self.outputs):
            left = _MAX_PIPE_BYTES // READ_BYTES
            while left and self._on_output(fd):
                left -= 1
            if fd in self.outputs:
                self._close_output(fd)
        asyncio.get_running_loop().remove_reader(self.channel.fileno())
        self.channel.close()
        _settle(self.ended, ended)

    def _close_output(self, fd: int) -> None:
        asyncio.get_running_loop().remove_reader(fd)
        del self.outputs[fd]
        os.close(fd)


@dataclass(frozen=True, slots=True)
class Keeper:
    """A keeper that waits for its order; it leaves by itself when its executor is gone."""

    popen: subprocess.Popen[bytes]
    channel: socket.socket
    outputs: dict[int, Stream]

    def obey(self, order: Order, printed: Printed) -> Process:
        """Give it its one order; for the event loop's thread.

        Raises:
            OSError: it is gone; nothing was started.
        """
        try:
            self.channel.send(_packed(order))
        except OSError:
            self.dismiss()
            raise
        process = Process(keeper=self.popen, channel=self.channel, outputs=self.outputs, printed=printed)
        process.listen()
        return process

    def dismiss(self) -> None:
        """Let it go without an order; blocks for a moment."""
        self.channel.close()
        for fd in self.outputs:
            os.close(fd)
        self.popen.wait()


def start(order: Order, *, keeper: Path, printed: Printed) -> Process:
    """Start `keeper` (see `compiled_keeper`) with the order; takes 1 to 2 ms.

    Raises:
        OSError: the machine has no room for another process or descriptor.
    """
    return start_keeper(keeper).obey(order, printed)


def start_keeper(program: Path) -> Keeper:
    """Start a keeper that has no order yet; takes 1 to 2 ms.

    Raises:
        OSError: the machine has no room for another process or descriptor.
    """
    # Packets keep their bounds, and the end of either side is seen by the other at once.
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pipes = [os.pipe2(os.O_CLOEXEC), os.pipe2(os.O_CLOEXEC)]
    try:
        ours.setblocking(False)
        for read_end, _ in pipes:
            os.set_blocking(read_end, False)
        started = _popen(program, theirs.fileno(), [write_end for _, write_end in pipes])
    except BaseException:
        ours.close()
        for read_end, _ in pipes:
            os.close(read_end)
        raise
    finally:
        theirs.close()
        for _, write_end in pipes:
            os.close(write_end)
    return Keeper(started, ours, {pipes[0][0]: Stream.STDOUT, pipes[1][0]: Stream.STDERR})


def _popen(program: Path, channel: int, outputs: list[int]) -> subprocess.Popen[bytes]:
    # No preexec_fn: it gives up vfork, which is 45 times dearer with a big parent (and unsafe).
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(program), str(channel)],
        stdin=subprocess.DEVNULL,
        stdout=outputs[0],
        stderr=outputs[1],
        pass_fds=(channel,),
        start_new_session=True,
        cwd="/",
        env={},
    )


def _packed(order: Order) -> bytes:
    wanted: dict[str, bytes | list[bytes] | dict[bytes, bytes] | float] = {
        "argv": [os.fsencode(word) for word in order.command.argv],
        "cwd": os.fsencode(order.work_dir),
        "env": {os.fsencode(key): os.fsencode(value) for key, value in order.command.env.items()},
        "timeout_s": order.timeout_s,
        "grace_s": order.kill_grace_s,
        "lease_until": order.lease_until,
        "spawn_until": order.spawn_until,
    }
    return marshal.dumps(wanted)


def _ended(account: Mapping[str, Any]) -> Ended:
    return Ended(
        stopped_by=StoppedBy(account["stopped"]) if account["stopped"] else None,
        exit_code=account["exit_code"],
        signal=account["signal"],
        duration_s=account["duration_s"],
        cpu_s=account["cpu_s"],
        peak_memory_bytes=account["peak_memory_bytes"],
    )


def _start_error(number: int) -> str:
    text = os.strerror(number)
    match number:
        case errno.ENOENT:
            return f"{text}: the program in the script's #! line does not exist on this executor."
        case errno.ENOEXEC:
            return f"{text}: the file is executable, but has no #! line and is no program."
        case errno.EACCES:
            return f"{text}: the executor may not run it. Check the file's mode."
        case _:
            return f"{text}: the system did not start the script."


def _settle(future: asyncio.Future[Any], result: object) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # retrieved: nobody is owed a warning when the run was given up

"""One process of ours: started in its own session, known by pid *and* start time, stopped within a bound.

The session keeps a terminal's Ctrl-C away from it: the supervisor stops its children in order. The
start time keeps a number that the system has given to somebody else from being signalled.
"""

import asyncio
import os
import shutil
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from services.cli import probe
from services.cli.errors import NotReady

_LISTENING = "0A"  # TCP_LISTEN
_POLL_S = 0.02
_POLL_HTTP_S = 0.1  # an HTTP probe costs a thread and a request, and there are several at a start


@dataclass(frozen=True, slots=True)
class Identity:
    """A pid and the clock ticks after boot at which it started: together unique until a reboot."""

    pid: int
    started: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to start and how to see that it is ready."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    probe: str
    drain_s: float
    """How long it may take to stop before it is killed."""
    output: Path | None = None
    """The file that takes what it prints; None: a pipe, for the supervisor's console."""


@dataclass(frozen=True, slots=True)
class Process:
    """A started program."""

    program: Program
    child: asyncio.subprocess.Process
    identity: Identity

    async def ready(self, *, bound_s: float) -> None:
        """Return once its probe answers; raise NotReady when it ended first or after `bound_s`."""
        poll_s = _POLL_HTTP_S if self.program.probe.startswith("http:") else _POLL_S
        try:
            async with asyncio.timeout(bound_s):
                while not (await probe.is_ready(self.program.probe) and self._listens()):
                    if self.child.returncode is not None:
                        raise NotReady(
                            f"{self.program.name} ended with {self.child.returncode}{self.last_words()}"
                        )
                    await asyncio.sleep(poll_s)
        except TimeoutError as error:
            raise NotReady(
                f"{self.program.name} is not ready after {bound_s:.0f} s{self.last_words()}"
            ) from error

    async def stop(self) -> None:
        """Ask it to stop, wait for its drain time, then kill what is left of its group."""
        self.send(signal.SIGTERM)
        try:
            async with asyncio.timeout(self.program.drain_s):
                await self.child.wait()
        except TimeoutError:
            pass
        finally:
            self.kill()
        await self.child.wait()

    def send(self, number: signal.Signals) -> None:
        """Signal the process; nothing if it is gone."""
        if self.child.returncode is None:
            self.child.send_signal(number)

    def kill(self) -> None:
        """SIGKILL its whole group: a node's port programs would otherwise stay behind."""
        with suppress(ProcessLookupError):
            os.killpg(self.identity.pid, signal.SIGKILL)

    def _listens(self) -> bool:
        """Return whether it is this process that answered, not another that took the port meanwhile."""
        port = urlsplit(self.program.probe).port
        return port is not None and listens(self.identity.pid, port)

    def last_words(self) -> str:
        """Return the end of what it printed to its file, on lines of their own, to end a message with."""
        if self.program.output is None:
            return ""
        lines = self.program.output.read_text(errors="replace").strip().splitlines()
        return ":\n  " + "\n  ".join(lines[-12:]) if lines else f"; see {self.program.output}"


async def spawn(program: Program) -> Process:
    """Start a program in its own session. Raises OSError when it cannot be started at all."""
    output: int = asyncio.subprocess.PIPE
    if program.output is not None:
        program.output.parent.mkdir(parents=True, exist_ok=True)
        output = os.open(program.output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        child = await asyncio.create_subprocess_exec(
            *_tethered(program.argv),
            env=dict(program.environment),
            cwd=program.folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    finally:
        if program.output is not None:
            os.close(output)
    return Process(program, child, identify(child.pid) or Identity(child.pid, 0))


def identify(pid: int) -> Identity | None:
    """Return who has this pid now; None if nobody, or only a zombie, has it."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The command name, field 2, may hold spaces and brackets: count from behind it. proc(5).
    state, *fields = stat.rpartition(")")[2].split()
    return None if state == "Z" else Identity(pid, int(fields[18]))


def is_alive(identity: Identity) -> bool:
    """Return whether this very process still runs."""
    return identify(identity.pid) == identity


def listens(pid: int, port: int) -> bool:
    """Return whether this process has an IPv4 TCP socket that listens on the port. proc_net_tcp(5)."""
    rows = (line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:])
    inodes = {row[9] for row in rows if row[3] == _LISTENING and int(row[1].rpartition(":")[2], 16) == port}
    try:
        return any(str(entry.readlink())[8:-1] in inodes for entry in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:  # it ends, or closes a descriptor, while we look
        return False


async def gone_within(identity: Identity, bound_s: float) -> bool:
    """Wait for a process that is not our child; return whether it ended in time."""
    try:
        async with asyncio.timeout(bound_s):
            while is_alive(identity):  # noqa: ASYNC110 - not our child: nothing announces its end
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        return False
    return True


def _tethered(argv: tuple[str, ...]) -> tuple[str, ...]:
    """Have the kernel send SIGTERM when the starter dies, even by SIGKILL.

    util-linux's setpriv does it in C after the fork; a preexec_fn would run Python there and is slow
    and unsafe. Where there is none, the next `portal up` ends what a dead one left.
    """
    setpriv = shutil.which("setpriv")
    return argv if setpriv is None else (setpriv, "--pdeathsig", "TERM", "--", *argv)

"""The spawner: forks a keeper for each run, from an interpreter that is there already, and one run ahead.

It is started as `python -I -S -c ... ROOT MARKER FD`, with an empty environment, before the executor gives
up its privileges, and keeps the few that fences need: to become a run's user and to hand it its folder. It
never reads a credential, holds no connection and runs one thread. Over its socket the executor says, one
packet each, first how to fence in (marshal; answered), and then `K` with the keeper's socket, the script's
stdout and stderr and, of a pinned script, its text as a fourth descriptor; or `S<place> <pid> <job>`: kill
what that run still runs; or `C<place>`: remove the cgroup of the run that had it; or, with a descriptor that
is closed when it is done, `R<name>`: empty the folder of that environment; or `F<job>`: remove the folder
that this job kept. It leaves when the executor does.
"""

import contextlib
import gc
import marshal
import os
import signal
import socket
import sys
import zlib
from collections.abc import Callable, Sequence

from services.executor.sandbox import keeper, kernel, state
from services.executor.sandbox.cgroup import tree_for
from services.executor.sandbox.fence import USERS, Fence, Level

START = (
    "import sys; sys.path.insert(0, sys.argv[1]); from services.executor.sandbox.spawner import main; main()"
)
"""The program that its interpreter is given."""

_RANGE = USERS + 1
_RANGES = 100
_BEYOND_PEOPLE, _WITHIN_16_BITS = 70_000, 20_000
"""First users of ours: between those of a system's people and those of its containers, where the machine
has them; in a container that maps only 65,536, where its image has nobody."""


def main() -> None:
    """Serve one executor until it is gone."""
    _reset_signals()
    channel = socket.socket(fileno=int(sys.argv[3]))
    channel.set_inheritable(False)
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    setup = marshal.loads(channel.recv(keeper.MAX_PACKET))  # noqa: S302 - from the executor alone
    if setup["level"] == Level.PROCESS and setup["user"] is not None:
        user, group = setup["user"]
        os.setgroups([])
        os.setresgid(group, group, group)
        os.setresuid(user, user, user)
        kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    try:
        held, first_user = _users(Level(setup["level"]))
        fence = Fence(setup, first_user=first_user)
        if fence.level is not Level.PROCESS:
            kernel.keep_capabilities(kernel.CAP_CHOWN, kernel.CAP_KILL, kernel.CAP_SETGID, kernel.CAP_SETUID)
        lacks_states = state.lacks(setup["states"], fence.user_of({"place": 0}))
        lacks = lacks_states, _find_cgroups(fence, setup["cgroup"])
    except (OSError, ValueError) as error:
        channel.send(marshal.dumps(("failed", str(error))))
        return
    channel.send(marshal.dumps(("ready", (first_user, *lacks))))
    # No zombies: who forks a keeper does not wait for it. A keeper undoes it for its own children.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.freeze()
    _serve(channel, fence)
    if fence.tree is not None:
        fence.tree.leave()
    fence.leave()
    if held is not None:
        held.close()


def _reset_signals() -> None:
    """Undo what is ignored where nohup(1) started the executor: once here, and not in each script."""
    kept = {signal.SIGKILL, signal.SIGSTOP, *keeper.IGNORED_BY_PYTHON}
    for number in signal.valid_signals() - kept:
        signal.signal(number, signal.SIG_DFL)


def _find_cgroups(fence: Fence, name: str) -> str:
    """Let runs have cgroups of their own; return why they cannot, empty: they can."""

    def become() -> None:
        order = {"user": fence.user_of({"place": 0}), "network": True}
        if fence.makes_namespaces:
            fence.enter(order)
        else:
            fence.take_user(order)

    if not name:
        return "not asked for"
    fence.tree, lacks = tree_for(name, become)
    return lacks


def _serve(channel: socket.socket, fence: Fence) -> None:
    while True:
        ahead = _Ahead(channel, fence)
        word = b""
        while word != b"K":
            packet, descriptors = _received(channel)
            word = packet[:1]
            if not packet:
                ahead.dismiss()
                return
            # No room for a process: the executor sees the socket close that came with it.
            with contextlib.suppress(OSError):
                if word != b"K" or not ahead.takes(descriptors):
                    _obey(packet, (channel, *ahead.channels), descriptors, fence)
            for fd in descriptors:
                os.close(fd)


def _received(channel: socket.socket) -> tuple[bytes, list[int]]:
    packet, descriptors, _, _ = socket.recv_fds(channel, 64, 4)
    for fd in descriptors:
        os.set_inheritable(fd, False)  # recv_fds ignores MSG_CMSG_CLOEXEC
    return packet, descriptors


class _Ahead:
    """A keeper that waits for its run: a fork is a good part of what it takes to start a script."""

    def __init__(self, spawner: socket.socket, fence: Fence) -> None:
        self._pid = 0
        self.channels: tuple[socket.socket, ...] = ()
        """The spawner's end of its socket; none, when there was no room for one."""
        with contextlib.suppress(OSError):  # no room for it: perhaps when there is a run
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self.channels = (ours,)
            with theirs:
                self._pid = os.fork()
                if self._pid == 0:
                    _be_keeper((spawner, ours), lambda: _received(theirs)[1], fence)

    def takes(self, descriptors: list[int]) -> bool:
        """Let it keep the run that these belong to; say whether it is there to do so."""
        try:
            for channel in self.channels:
                socket.send_fds(channel, [b"K"], descriptors)
        except OSError:
            return False
        finally:
            self._let_go()
        return bool(self._pid)

    def dismiss(self) -> None:
        """Let it go, and wait for its end."""
        self._let_go()
        if self._pid:
            with contextlib.suppress(ChildProcessError):  # they are waited for by nobody else
                os.waitpid(self._pid, 0)

    def _let_go(self) -> None:
        for channel in self.channels:
            channel.close()
        self.channels = ()


def _obey(packet: bytes, own: Sequence[socket.socket], descriptors: list[int], fence: Fence) -> None:
    if packet[:1] == b"S" and packet.endswith(b" "):
        # Here, so that the place is clean before another run has it; a job's user is guarded by a lock.
        _sweep(fence, packet[1:].decode())
    elif packet[:1] == b"C":
        if fence.tree is not None:
            fence.tree.remove(int(packet[1:]))
    elif os.fork():
        return
    elif packet[:1] == b"K":
        _be_keeper(own, lambda: descriptors, fence)
    else:
        _be_remover(own, packet[:1], packet[1:].decode(), fence)


def _be_remover(own: Sequence[socket.socket], word: bytes, name: str, fence: Fence) -> None:
    """Never returns; its end closes the descriptor that came with the order."""
    try:
        _close(own)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # it waits for what it starts
        if word == b"S":
            _sweep(fence, name)
        elif word == b"F":
            fence.forget(name)
        else:
            fence.empty(name)
    finally:
        os._exit(0)


def _close(own: Sequence[socket.socket]) -> None:
    # The spawner's ends: whoever is on the other one sees the spawner go when nobody else holds them.
    for channel in own:
        channel.close()


def _sweep(fence: Fence, words: str) -> None:
    place, pid, job = words.split(" ")
    fence.sweep(int(place), int(pid), job)


def _be_keeper(own: Sequence[socket.socket], given: Callable[[], list[int]], fence: Fence) -> None:
    """Never returns. What is given is the keeper's socket, the script's outputs and perhaps its text."""
    try:
        _close(own)
        os.setsid()
        if not fence.makes_namespaces:
            kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        null = os.open(os.devnull, os.O_RDONLY)
        descriptors = given()
        if descriptors:
            channel, *outputs = descriptors[:3]
            copy = descriptors[3] if len(descriptors) > len(outputs) + 1 else None
            for number, fd in enumerate((null, *outputs)):
                os.dup2(fd, number)
            for fd in (null, *outputs):
                os.close(fd)
            keeper.keep(channel, fence, copy)
    except BaseException as error:  # noqa: BLE001 - into the run's output: nobody else would hear it
        with contextlib.suppress(OSError):
            os.write(2, f"The keeper of this run failed: {error!r}\n".encode())
    finally:
        os._exit(0)


def _users(level: Level) -> tuple[socket.socket | None, int | None]:
    """Return the first of a range of users that no other spawner of this machine has, and what holds it.

    Raises:
        OSError: every range is taken.
    """
    if level is Level.PROCESS or os.geteuid() != 0:
        return None, None
    first = _BEYOND_PEOPLE if state.mapped_users() > _BEYOND_PEOPLE + _RANGES * _RANGE else _WITHIN_16_BITS
    # Containers of one host count the processes of a user together: they rather have different ones.
    start = zlib.crc32(socket.gethostname().encode()) % _RANGES
    for number in range(_RANGES):
        base = first + (start + number) % _RANGES * _RANGE
        held = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            held.bind(f"\0portal-users-{base}")  # gone with its holder, however that ends
        except OSError:
            held.close()
        else:
            return held, base
    raise OSError(f"all {_RANGES} ranges of users are taken by other executors of this machine")

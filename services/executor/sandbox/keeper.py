"""The keeper: a process, one per run, that outlives nobody and lets nothing outlive it.

It is forked from the spawner, fences in and starts the script, adopts whatever the script leaves behind
(it is a subreaper, or the first process of the run's own namespace) and kills all of it when the script
ends, when its time is up, when its lease runs out or when the executor is gone, which it sees at once as
the end of its socket.

The executor sends, one packet each: first the order (marshal, see `process.py`), then any of
`D<seconds>` (the lease now ends at this CLOCK_BOOTTIME), `S` (stop: TERM, grace, KILL), `K` (kill now).
The keeper sends marshalled tuples: `("started", (pid, CLOCK_BOOTTIME))`, then `("ended", {...})` after
the last descendant is gone and all that is to be kept of its files was said (see `harvest.py`); or
`("failed", (errno, what))` when the script could not be started,
`("late", None)` when the order came too late to start it. The end of its socket says that the run's
folder is gone, too.
"""

import contextlib
import errno
import marshal
import os
import select
import signal
import time
from typing import Any

from services.executor.sandbox import kernel
from services.executor.sandbox.cgroup import Cgroup
from services.executor.sandbox.fence import Fence, Level
from services.executor.sandbox.limits import MOST_PROCESSES, room_of
from services.executor.sandbox.meter import Meter, check_kept, note_kept
from services.executor.sandbox.proc import children

MAX_PACKET = 262_144
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
"""What is ignored stays ignored over exec(2); all other signals the spawner has reset."""
_OVER = frozenset({"memory", "processes", "disk", "cpu", "state"})

Order = dict[str, Any]


class _Watch:
    """What is known of the run at this moment."""

    def __init__(self, channel: int, main: int, order: Order, meter: Meter) -> None:
        self.channel = channel
        self.meter = meter
        self.main = main
        self.order = order
        self.user: int | None = order["user"]
        self.grace_s = order["grace_s"]
        self.began = _boottime()
        self.ended = 0.0
        self.status: int | None = None
        self.stopped = ""
        """What stopped the script: timeout, stop, kill, lease, gone, or what it used too much of (`_OVER`);
        empty when it ended by itself."""
        self.timeout_at = self.began + order["timeout_s"]
        self.lease_until = order["lease_until"]
        self.kill_at = float("inf")
        self.beat_at = self.began + meter.every_s


def keep(channel: int, fence: Fence, copy: int | None = None) -> None:
    """Read the order, run the script to its end, report, tidy up. Everything is this process's own."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # the spawner does not wait for its keepers
    packet = os.read(channel, MAX_PACKET)
    if not packet:
        return  # the executor died between its two words
    order = marshal.loads(packet)  # noqa: S302 - from the executor alone
    order["copy"] = copy
    try:
        fence.hold(order)
        check_kept(order, fence)
    except OSError as error:
        is_late = error.errno == errno.ETIMEDOUT and _boottime() >= order["spawn_until"]
        _say(channel, ("late", None) if is_late else ("failed", (error.errno or 5, "state")))
        return
    # Looked at here and not by the executor alone: it may have been stopped between its look and its word.
    if _boottime() >= order["spawn_until"]:
        _say(channel, ("late", None))
        return
    try:
        fence.hand_over(order)
        order["cgroup"] = _cgroup_of(order, fence)
        if fence.makes_namespaces:
            _fork_into_namespaces(order, fence)
        fence.make_ground(order)
    except OSError as error:
        _say(channel, ("failed", (error.errno or 5, "sandbox")))
        return
    try:
        _run(channel, order, fence)
    finally:
        fence.clear(order)
        note_kept(order, fence)


def _cgroup_of(order: Order, fence: Fence) -> Cgroup | None:
    """Make the run's cgroup, while this process may, if runs have any."""
    if fence.tree is None:
        return None
    bounds = order["resources"]
    memory_bytes, processes = bounds.get("memory_bytes"), bounds.get("processes")
    if memory_bytes is not None and fence.makes_namespaces:
        memory_bytes += room_of(bounds)  # its files are in memory: they are none of what is meant
    if processes is None and fence.level is not Level.PROCESS:
        processes = MOST_PROCESSES
    return fence.tree.cgroup(order["place"], memory_bytes=memory_bytes, processes=processes)


def _fork_into_namespaces(order: Order, fence: Fence) -> None:
    """Return in a child that is the first process of the run's namespaces; this one waits for its end.

    It stays to be found from outside, and takes the namespaces along when it is killed.
    """
    fence.enter(order)
    inner = os.fork()
    if inner:
        os.waitpid(inner, 0)
        os._exit(0)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)


def _run(channel: int, order: Order, fence: Fence) -> None:
    pid, (number, what) = _start(order, fence)
    if number:
        _say(channel, ("failed", (number, what)))
        return
    watch = _Watch(channel, pid, order, Meter(order, fence))
    _say(channel, ("started", (pid, watch.began)))
    _look_after(watch, fence)
    watch.meter.close()
    _kill_all(watch, fence)
    if watch.stopped != "gone":
        fence.collect(order, lambda words: _say(channel, words))
    _say(channel, ("ended", _account(watch)))


def _start(order: Order, fence: Fence) -> tuple[int, tuple[int, str]]:
    """Return the script's pid, or the errno with which it could not be started, and what failed."""
    failure, says_failure = os.pipe2(os.O_CLOEXEC)
    keeper = os.getpid()
    pid = os.fork()
    if pid == 0:
        _become(order, fence, keeper, says_failure)
    os.close(says_failure)
    said = os.read(failure, 64).decode()
    os.close(failure)
    if said:
        os.waitpid(pid, 0)
        number, _, what = said.partition(" ")
        return 0, (int(number), what)
    return pid, (0, "")


def _become(order: Order, fence: Fence, keeper: int, says_failure: int) -> None:
    """Turn this forked child into the script; never returns."""
    what = "sandbox"
    try:
        os.setsid()
        _join(order["cgroup"])
        fence.take_user(order)
        # Should the keeper itself be killed, the script goes with it. A change of user would undo it.
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != keeper:
            return
        # Not dumpable, /proc/self belongs to root and only root could write there.
        kernel.prctl(kernel.PR_SET_DUMPABLE, 1)
        _prefer_for_out_of_memory()
        for number in IGNORED_BY_PYTHON:
            signal.signal(number, signal.SIG_DFL)
        if order["merges_output"]:
            os.dup2(1, 2)
        os.chdir(order["cwd"])
        _furnish(order)
        if order["kept"]:
            what = "state"
            os.listdir(fence.state_of(order))  # noqa: PTH208 - whether its user can come there
            what = "sandbox"
        fence.close(order)
        what = "script"
        os.execve(order["argv"][0], order["argv"], order["env"])  # noqa: S606 - that is what it is for
    except OSError as error:
        os.write(says_failure, f"{error.errno or 5} {what}".encode())
    finally:
        os._exit(126)


def _join(cgroup: Cgroup | None) -> None:
    if cgroup is not None:
        cgroup.join()


def _furnish(order: Order) -> None:
    """Lay out what the script is given, as the run's user and where it starts."""
    _write_files(order["files"])
    if order["copy"] is not None:  # while it may still have a number as high
        os.dup2(order["copy"], order["copy_as"])
    if order["artifacts_bytes"]:
        os.mkdir(order["artifacts"], 0o700)  # noqa: PTH102 - a name of bytes


def _write_files(files: dict[bytes, bytes]) -> None:
    """Write what only the script's own user is to read, as that user, into one new folder."""
    for folder in {path.rpartition(b"/")[0] for path in files}:
        os.mkdir(folder, 0o700)  # noqa: PTH102 - a name of bytes
    for path, content in files.items():
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o400)
        rest = content
        while rest:
            rest = rest[os.write(file, rest) :]
        os.close(file)


def _prefer_for_out_of_memory() -> None:
    with contextlib.suppress(OSError):  # a wish: some containers mount /proc read-only
        score = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        os.write(score, b"1000")
        os.close(score)


def _look_after(watch: _Watch, fence: Fence) -> None:
    """Return when the script has ended or is to be killed with all it started."""
    poll = select.poll()
    poll.register(watch.channel, select.POLLIN)
    poll.register(os.pidfd_open(watch.main), select.POLLIN)
    while watch.status is None:
        now = _boottime()
        if _is_to_be_killed(watch, fence, now):
            return
        # poll(2) does not count while the machine is suspended, the deadlines do: it is never a long one.
        next_at = min(watch.beat_at, watch.lease_until, watch.kill_at)
        if not watch.stopped:
            next_at = min(next_at, watch.timeout_at)
        for fd, _ in poll.poll(max(0.0, next_at - now) * 1000 + 1):
            if fd == watch.channel:
                _obey(watch, fence)
        _reap(watch)


def _is_to_be_killed(watch: _Watch, fence: Fence, now: float) -> bool:
    if now >= watch.lease_until:
        watch.stopped = watch.stopped or "lease"
        return True
    if now >= watch.timeout_at and not watch.stopped:
        _terminate(watch, fence, "timeout")
    if now >= watch.beat_at:
        watch.beat_at = now + watch.meter.every_s
        if watch.meter.beat(now - watch.began):
            watch.stopped = watch.stopped or watch.meter.over
            return True
    return now >= watch.kill_at


def _obey(watch: _Watch, fence: Fence) -> None:
    try:
        packet = os.read(watch.channel, MAX_PACKET)
    except ConnectionResetError:
        packet = b""
    word = packet[:1]
    if word == b"D":
        watch.lease_until = float(packet[1:])
    elif word == b"S":
        if not watch.stopped:
            _terminate(watch, fence, "stop")
    else:  # killed by the executor's word, or by its end
        watch.stopped = "kill" if word == b"K" else "gone"
        watch.kill_at = 0.0


def _terminate(watch: _Watch, fence: Fence, why: str) -> None:
    watch.stopped = why
    watch.kill_at = _boottime() + watch.grace_s
    fence.signal(watch.user, -watch.main, signal.SIGTERM, signal.SIGCONT)


def _reap(watch: _Watch) -> bool:
    """Take the status of every child that has ended; say whether any child is left."""
    try:
        while True:
            pid, status, cost = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return True
            watch.meter.reaped(pid, cost)
            if pid == watch.main:
                watch.status = status
                watch.ended = _boottime()
    except ChildProcessError:
        return False


def _kill_all(watch: _Watch, fence: Fence) -> None:
    """Kill until no child is left: orphans of the killed become children of the keeper.

    Without a bound on purpose: as long as something lives, the run has not ended.
    """
    if watch.meter.cgroup is not None:
        watch.meter.cgroup.kill()
    nap = 0.0002
    while _reap(watch):
        if fence.kills_all_at_once(watch.order):
            fence.signal(watch.user, -1, signal.SIGKILL)
        else:
            for pid in children(os.getpid()):
                fence.signal(None, pid, signal.SIGKILL)
        time.sleep(nap)
        nap = min(nap * 2, 0.02)
    fence.share(watch.order)


def _account(watch: _Watch) -> dict[str, Any]:
    status, meter = watch.status or 0, watch.meter
    meter.settle()
    stopped = watch.stopped
    if not stopped and os.WIFSIGNALED(status):
        stopped = meter.ended_by(os.WTERMSIG(status))
    elif stopped in _OVER and os.WIFEXITED(status):
        stopped = ""  # it ended by itself before it could be killed
    return {
        "stopped": stopped,
        "exit_code": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
        "starved": meter.cgroup is not None and meter.cgroup.starved,
        "duration_s": watch.ended - watch.began,
        "cpu_s": meter.cpu_s,
        "peak_memory_bytes": meter.peak_bytes,
        "used": meter.used,
        "curve": meter.curve.points(),
    }


def _say(channel: int, words: tuple[str, Any]) -> None:
    with contextlib.suppress(OSError):  # the executor is gone: nobody is left to tell
        os.write(channel, marshal.dumps(words))


def _boottime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)

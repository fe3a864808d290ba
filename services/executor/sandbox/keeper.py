"""The keeper: a tiny program, one per run, that outlives nobody and lets nothing outlive it.

It starts the script, adopts whatever the script leaves behind (it is a subreaper) and kills all of it
when the script ends, when its time is up, when its lease runs out or when the executor is gone, which
it sees at once as the end of its socket. It is started as `python -I -S keeper.pyc FD`, ahead of its
run where possible: an interpreter takes longer to start than everything else on the way to a script.

Every import here is paid for by every run: `signal`, `ctypes`, `json` and `subprocess` would each cost
4 to 12 ms, so their numbers are written out and their C halves are used.

The executor sends, one packet each: first the order (marshal, see `process.py`), then any of
`D<seconds>` (the lease now ends at this CLOCK_BOOTTIME), `S` (stop: TERM, grace, KILL), `K` (kill now).
The keeper sends marshalled tuples: `("started", (pid, CLOCK_BOOTTIME))`, then `("ended", {...})` after
the last descendant is gone; or `("failed", errno)` when the script could not be started, `("late", None)`
when the order came too late to start it.
"""

import _ctypes
import _signal  # type: ignore[import-not-found]  # typeshed has none: it is signal without its enums
import marshal
import posix
import resource
import select
import sys
import time

CLOCK_BOOTTIME = 7
SIGKILL, SIGTERM, SIGCONT, SIGSTOP = 9, 15, 18, 19
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 36, 38
MAX_PACKET = 262_144
LONGEST_NAP_S = 1.0
"""poll(2) does not count while the machine is suspended, the deadlines do: look again this often."""

_PRCTL = _ctypes.dlsym(_ctypes.dlopen("", 2), "prctl")


class _Watch:
    """What is known of the run at this moment."""

    def __init__(self, channel: int, main: int, order: dict[str, float]) -> None:
        self.channel = channel
        self.main = main
        self.grace_s = order["grace_s"]
        self.began = _boottime()
        self.ended = 0.0
        self.status: int | None = None
        self.stopped = ""
        """What stopped the script: timeout, stop, kill, lease, gone; empty when it ended by itself."""
        self.timeout_at = self.began + order["timeout_s"]
        self.lease_until = order["lease_until"]
        self.kill_at = float("inf")


def main() -> None:
    """Read the order, run the script to its end, report, leave."""
    channel = int(sys.argv[1])
    posix.set_inheritable(channel, False)
    _prctl(PR_SET_DUMPABLE, 0)
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    _limit()
    packet = posix.read(channel, MAX_PACKET)
    if not packet:
        return  # kept ready for a run that never came
    order = marshal.loads(packet)  # noqa: S302 - from the executor alone
    # Looked at here and not by the executor alone: it may have been stopped between its look and its word.
    if _boottime() >= order["spawn_until"]:
        _say(channel, ("late", None))
        return
    pid, error = _start(order["argv"], order["env"], order["cwd"])
    if error:
        _say(channel, ("failed", error))
        return
    watch = _Watch(channel, pid, order)
    _say(channel, ("started", (pid, watch.began)))
    _look_after(watch)
    _kill_all(watch)
    _say(channel, ("ended", _account(watch)))


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Soft 1024 as everywhere: programs that use select(2) break with more; who needs more raises it.
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, hard) if hard > 0 else 1024, hard))


def _start(argv: list[bytes], env: dict[bytes, bytes], cwd: bytes) -> tuple[int, int]:
    """Return the script's pid, or the errno with which it could not be started."""
    failure, says_failure = posix.pipe2(posix.O_CLOEXEC)
    keeper = posix.getpid()
    pid = posix.fork()
    if pid == 0:
        _become((argv, env, cwd), keeper, says_failure)
    posix.close(says_failure)
    said = posix.read(failure, 16)
    posix.close(failure)
    if said:
        posix.waitpid(pid, 0)
        return 0, int(said)
    return pid, 0


def _become(script: tuple[list[bytes], dict[bytes, bytes], bytes], keeper: int, says_failure: int) -> None:
    """Turn this forked child into the script; never returns."""
    argv, env, cwd = script
    try:
        posix.chdir(cwd)
        posix.setsid()
        # Should the keeper itself be killed, the script goes with it.
        _prctl(PR_SET_PDEATHSIG, SIGKILL)
        if posix.getppid() != keeper:
            return
        # Not dumpable, /proc/self belongs to root and only root could write there.
        _prctl(PR_SET_DUMPABLE, 1)
        _prefer_for_out_of_memory()
        # What is ignored stays ignored over exec: two by Python, others where nohup started the executor.
        for number in range(1, 32):
            if number not in {SIGKILL, SIGSTOP}:
                _signal.signal(number, _signal.SIG_DFL)
        posix.execve(argv[0], argv, env)
    except OSError as error:
        posix.write(says_failure, b"%d" % (error.errno or 5))
    finally:
        posix._exit(126)  # noqa: SLF001 - its public name: a fork must not run the keeper's clean-up


def _prefer_for_out_of_memory() -> None:
    try:
        score = posix.open("/proc/self/oom_score_adj", posix.O_WRONLY)
        posix.write(score, b"1000")
        posix.close(score)
    except OSError:
        return  # a wish: some containers mount /proc read-only


def _look_after(watch: _Watch) -> None:
    """Return when the script has ended or is to be killed with all it started."""
    poll = select.poll()
    poll.register(watch.channel, select.POLLIN)
    poll.register(posix.pidfd_open(watch.main), select.POLLIN)
    while watch.status is None:
        now = _boottime()
        if now >= watch.lease_until:
            watch.stopped = watch.stopped or "lease"
            return
        if now >= watch.timeout_at and not watch.stopped:
            _terminate(watch, "timeout")
        if now >= watch.kill_at:
            return
        next_at = min(watch.lease_until, watch.kill_at, now if watch.stopped else watch.timeout_at)
        nap = LONGEST_NAP_S if next_at <= now else min(next_at - now, LONGEST_NAP_S)
        for fd, _ in poll.poll(nap * 1000 + 1):
            if fd == watch.channel:
                _obey(watch)
        _reap(watch)


def _obey(watch: _Watch) -> None:
    try:
        packet = posix.read(watch.channel, MAX_PACKET)
    except ConnectionResetError:
        packet = b""
    word = packet[:1]
    if word == b"D":
        watch.lease_until = float(packet[1:])
    elif word == b"S":
        if not watch.stopped:
            _terminate(watch, "stop")
    else:  # killed by the executor's word, or by its end
        watch.stopped = "kill" if word == b"K" else "gone"
        watch.kill_at = 0.0


def _terminate(watch: _Watch, why: str) -> None:
    watch.stopped = why
    watch.kill_at = _boottime() + watch.grace_s
    for number in (SIGTERM, SIGCONT):
        _kill(-watch.main, number)


def _reap(watch: _Watch) -> bool:
    """Take the status of every child that has ended; say whether any child is left."""
    try:
        while True:
            pid, status = posix.waitpid(-1, posix.WNOHANG)
            if pid == 0:
                return True
            if pid == watch.main:
                watch.status = status
                watch.ended = _boottime()
    except ChildProcessError:
        return False


def _kill_all(watch: _Watch) -> None:
    """Kill until no child is left: orphans of the killed become children of the keeper.

    Without a bound on purpose: as long as something lives, the run has not ended.
    """
    nap = 0.0002
    while _reap(watch):
        for pid in _children():
            _kill(pid, SIGKILL)
        time.sleep(nap)
        nap = min(nap * 2, 0.02)


def _children() -> list[int]:
    me = posix.getpid()
    try:
        return [int(pid) for pid in _read(f"/proc/{me}/task/{me}/children").split()]
    except FileNotFoundError:  # a kernel without CONFIG_PROC_CHILDREN
        return [pid for pid in map(int, filter(str.isdigit, posix.listdir("/proc"))) if _parent(pid) == me]


def _parent(pid: int) -> int:
    try:
        return int(_read(f"/proc/{pid}/stat").rpartition(b")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def _read(path: str) -> bytes:
    fd = posix.open(path, posix.O_RDONLY)
    try:
        pieces = []
        while piece := posix.read(fd, 65_536):
            pieces.append(piece)
        return b"".join(pieces)
    finally:
        posix.close(fd)


def _account(watch: _Watch) -> dict[str, int | float | str | None]:
    status = watch.status or 0
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "stopped": watch.stopped,
        "exit_code": posix.WEXITSTATUS(status) if posix.WIFEXITED(status) else None,
        "signal": posix.WTERMSIG(status) if posix.WIFSIGNALED(status) else None,
        "duration_s": watch.ended - watch.began,
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_memory_bytes": used.ru_maxrss * 1024,
    }


def _kill(pid: int, number: int) -> None:
    try:
        posix.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _say(
    channel: int, words: tuple[str, int | tuple[int, float] | dict[str, int | float | str | None] | None]
) -> None:
    try:
        posix.write(channel, marshal.dumps(words))
    except OSError:
        return  # the executor is gone: nobody is left to tell


def _prctl(option: int, value: int) -> None:
    _ctypes.call_function(_PRCTL, (option, value, 0, 0, 0))


def _boottime() -> float:
    return time.clock_gettime(CLOCK_BOOTTIME)


if __name__ == "__main__":
    main()
    posix._exit(0)  # noqa: SLF001 - tidying an interpreter that is about to go costs 5 ms

"""A cgroup for each run, where a subtree of version 2 is delegated to us: cgroups(7), systemd's Delegate=yes.

The kernel then bounds a run's memory and processes at the moment of asking, ends all of it in one step and
counts all that it used; where there is none, the keeper's watch does what it can (`meter.py`). The spawner
makes the tree, and knows before the first run whether it works; keepers make a run's cgroup while they may
still, and hand its open files down: whoever opened a file of a cgroup lends its rights to those who use it.

Below the delegated folder are `portal`, where our own processes go, because the kernel wants none beside
other cgroups, and a folder for each executor with those of its runs.
"""

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_OURS = "portal"
_CONTROLLERS = "+memory +pids"
_MOST_ROUNDS = 20
"""Processes that are started while others are moved need another round each."""
_EMPTY_S = 1.0
"""So long what was killed may take to be gone; what takes longer is removed with a later run."""
_CACHES = (b"file", b"slab_reclaimable")


class Cgroup:
    """One run's cgroup, by files that stay open wherever its keeper goes; a program that starts has none."""

    def __init__(self, folder: Path, *, memory_bytes: int | None, processes: int | None) -> None:
        folder.mkdir()
        self._memory_bytes = memory_bytes
        if memory_bytes is not None:
            _write(folder / "memory.max", str(memory_bytes))
            _write(folder / "memory.oom.group", "1")  # half a run is worth nothing
            with contextlib.suppress(FileNotFoundError):  # a kernel that does not count swap
                _write(folder / "memory.swap.max", "0")
        if processes is not None:
            _write(folder / "pids.max", str(processes))
        self._joins = os.open(folder / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)
        self._kills = os.open(folder / "cgroup.kill", os.O_WRONLY | os.O_CLOEXEC)
        self._cpu, self._events, self._memory = (
            os.open(folder / name, os.O_RDONLY | os.O_CLOEXEC)
            for name in ("cpu.stat", "memory.events", "memory.stat")
        )
        self._peak: int | None = None
        with contextlib.suppress(FileNotFoundError):  # before Linux 5.19
            self._peak = os.open(folder / "memory.peak", os.O_RDONLY | os.O_CLOEXEC)
        self._peak_bytes = self._cache_bytes = 0

    def join(self) -> None:
        """Move this process into it, before it becomes the script: what it starts is in it, too."""
        os.write(self._joins, b"0")

    def kill(self) -> None:
        """End all that is in it, in one step."""
        with contextlib.suppress(OSError):  # removed already, with all that was in it
            os.write(self._kills, b"1")

    @property
    def cpu_s(self) -> float:
        """Return what all its processes used, those that nobody waited for included."""
        return _numbers(self._cpu).get(b"usage_usec", 0) / 1e6

    @property
    def ran_out(self) -> bool:
        """Say whether it wanted more memory than it may have, and was ended for that."""
        found = _numbers(self._events)
        return bool(self._memory_bytes and found.get(b"oom") and found.get(b"oom_kill"))

    @property
    def starved(self) -> bool:
        """Say whether the kernel ended some of it though it had no more than it may have."""
        found = _numbers(self._events)
        return bool(found.get(b"oom_kill") and not found.get(b"oom"))

    def new_peak_bytes(self) -> int:
        """Return the most memory since the last call, without what is kept of files; 0: no more than before.

        Between two calls nobody knows how much of the peak was kept of files: no more than this was not.
        """
        found, before = _numbers(self._memory), self._cache_bytes
        if self._peak is None or not found:
            return 0
        self._cache_bytes = sum(found.get(name, 0) for name in _CACHES)
        peak = int(os.pread(self._peak, 32, 0))
        if peak <= self._peak_bytes:
            return 0
        self._peak_bytes = peak
        return max(0, peak - max(before, self._cache_bytes))


class Tree:
    """An executor's folder of cgroups; its spawner's, and its keepers' to add to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)
        for left in _folders(folder):  # of an executor that was killed together with its spawner
            _remove(left)
        _write(folder / "cgroup.subtree_control", _CONTROLLERS)

    def cgroup(self, place: int, *, memory_bytes: int | None, processes: int | None) -> Cgroup:
        """Make the cgroup of the run that has this place.

        Raises:
            OSError: the kernel refuses, say because the folder was taken away from us.
        """
        folder = self._folder / f"{place}-{os.getpid()}"
        return Cgroup(folder, memory_bytes=memory_bytes, processes=processes)

    def remove(self, place: int) -> None:
        """Remove what the runs that had this place left; ends what still lives. Waits a second at most."""
        for folder in self._folder.glob(f"{place}-*"):
            _remove(folder)

    def leave(self) -> None:
        """End all and remove all."""
        with contextlib.suppress(OSError):
            _write(self._folder / "cgroup.kill", "1")
        for folder in _folders(self._folder):
            _remove(folder)
        with contextlib.suppress(OSError):
            self._folder.rmdir()


def tree_for(name: str, become: Callable[[], None]) -> tuple[Tree | None, str]:
    """Return this executor's tree, or None and why there is none, in words for people.

    `become` makes a process what it is when it joins: a run's user, or nobody else. What the kernel
    announces is not enough: a process is put into a cgroup, counted, killed and forgotten first.
    """
    try:
        folder = _delegated()
        if folder is None:
            return None, "no cgroup v2 is delegated to this executor"
        _clear_out(folder)
        _write(folder / "cgroup.subtree_control", _CONTROLLERS)
        tree = Tree(folder / name)
        _try_out(tree, become)
    except OSError as error:
        return None, f"its cgroup v2 cannot be used: {error.strerror} ({error.filename or 'a file of it'})"
    return tree, ""


def _delegated() -> Path | None:
    """Return the folder that others leave to us: to be able to write there is not enough.

    systemd marks it; a container that has a view of its own sees nothing above it.
    """
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    own = next((line[3:] for line in lines if line.startswith("0::/")), "/..")
    if own.startswith("/.."):
        return None
    folder = _ROOT / own[1:]
    if folder.name == _OURS:
        folder = folder.parent
    if not (folder / "cgroup.type").exists():
        return None  # not mounted here, or the machine's own root
    return folder if folder == _ROOT or _is_marked(folder) else None


def _is_marked(folder: Path) -> bool:
    with contextlib.suppress(OSError):  # it has no such attribute
        return os.getxattr(folder, "user.delegate") == b"1"
    return False


def _clear_out(folder: Path) -> None:
    """Move what is in the delegated folder itself, all of it ours, one further down."""
    ours = folder / _OURS
    ours.mkdir(exist_ok=True)
    for _ in range(_MOST_ROUNDS):
        pids = (folder / "cgroup.procs").read_text().split()
        if not pids:
            return
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                _write(ours / "cgroup.procs", pid)


def _try_out(tree: Tree, become: Callable[[], None]) -> None:
    """Raise OSError unless a process can be put into a cgroup, counted and killed there, by `kill` alone."""
    with _forgotten(tree):
        tried = tree.cgroup(0, memory_bytes=100_000_000, processes=1)
        joined, says = os.pipe2(os.O_CLOEXEC)
        pid = os.fork()
        if pid == 0:
            try:
                become()
                tried.join()
                os.write(says, b"1" if not _can_fork() else b"")
                os.close(says)
                signal.pause()
            finally:
                os._exit(0)
        os.close(says)
        is_in = os.read(joined, 1)
        os.close(joined)
        tried.kill()
        dies = select.poll()
        dies.register(held := os.pidfd_open(pid), select.POLLIN)
        is_dead = bool(dies.poll(_EMPTY_S * 1000))
        os.close(held)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        if not (is_in and is_dead and tried.cpu_s and not tried.ran_out):
            raise OSError(5, "it does not do what it says")


def _can_fork() -> bool:
    try:
        if os.fork() == 0:
            os._exit(0)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _forgotten(tree: Tree) -> Iterator[None]:
    try:
        yield
    finally:
        tree.remove(0)


def _remove(folder: Path) -> None:
    """Remove a cgroup and end what is in it; what is not gone within a second stays."""
    until = time.monotonic() + _EMPTY_S
    try:
        _write(folder / "cgroup.kill", "1")
        events = os.open(folder / "cgroup.events", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return
    poll = select.poll()
    poll.register(events, select.POLLPRI)
    while _numbers(events).get(b"populated") and poll.poll(max(0.0, until - time.monotonic()) * 1000):
        pass
    os.close(events)
    with contextlib.suppress(OSError):
        folder.rmdir()


def _folders(folder: Path) -> list[Path]:
    return [one for one in folder.iterdir() if one.is_dir()]


def _numbers(file: int) -> dict[bytes, int]:
    """Read a flat-keyed file of a cgroup anew; empty when the cgroup was removed."""
    try:
        pairs = [line.split() for line in os.pread(file, 16_384, 0).splitlines()]
    except OSError:
        return {}
    return {pair[0]: int(pair[1]) for pair in pairs}


def _write(path: Path, text: str) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)

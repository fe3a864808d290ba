"""What a run uses, and whether that is more than it may: its keeper looks four times a second.

It reads what /proc says of the keeper's descendants and nothing else, which costs some 0.1 ms a look. Of a
run without bounds it looks less often the longer it takes: as often as its curve can show. What takes longer,
the pages that processes share and the files in a folder, is counted by a child that the keeper does not wait
for, as the run's user: a run that is slow to count delays nobody.
"""

import contextlib
import errno
import math
import os
import select
import signal
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from resource import struct_rusage
from typing import Any

from services.executor.sandbox import kernel
from services.executor.sandbox.cgroup import Cgroup
from services.executor.sandbox.curve import Curve
from services.executor.sandbox.fence import Fence
from services.executor.sandbox.proc import Family, Used, kib, text_of

BEAT_S = 0.25
_RARELY_S = 1.0
_JUDGED = frozenset({"memory_bytes", "processes", "disk_bytes", "cpu_s"})
"""The bounds for which it looks so often; what a job keeps is counted every other second only."""
MOST_COUNTING = 20
"""A child counts again after so many times the processor time that it took: a twentieth of one, no more."""
DISK_EVERY_S = 0.5
LONGEST_S = 5.0
LONGEST_DISK_S = 60.0
"""A run whose files take longer to count is taken for one that has more than it may."""
UNCOUNTED = -1.0
"""What it used then."""
_KEPT_EVERY_S = 2.0
_MOST_FAILURES = 3
"""At isolated a run may signal what counts it. Who prevents it so often is taken for what it seems to use,
and of files for more than it may."""
_PATIENCE_MS = 100
"""How long a beat may wait for the pages to be counted; the next one asks again."""


class Meter:
    """The meter of one run; for its keeper, whose descendants it counts."""

    def __init__(self, order: dict[str, Any], fence: Fence) -> None:
        self.over = ""
        """The bound that the run went over: memory, processes, disk, cpu or state."""
        self.used = 0.0
        """How much it used of that: bytes, tasks or seconds."""
        self.peak_bytes = 0
        self.cpu_s = 0.0
        """Of what has ended."""
        self.curve = Curve(BEAT_S)
        self._order = order
        self._bounds: dict[str, int] = order["resources"]
        if order["kept"]:
            # Where there is more already, it may remove some.
            self._bounds = {**self._bounds, "kept_bytes": max(order["state_bytes"], order["kept"].size)}
        self._fence = fence
        self._family = Family(os.getpid())
        self.cgroup: Cgroup | None = order["cgroup"]
        """Where there is one, it counts better what it counts, and bounds processes and memory by itself."""
        self._own: set[int] = set()
        """The children that count, until they are reaped: they are none of the run's."""
        self._memory: _Count | None = None
        self._failures = 0
        self._memory_after = 0.0
        self._disk = self._files("disk_bytes", DISK_EVERY_S, lambda: fence.places_of(order))
        self._kept = self._files("kept_bytes", _KEPT_EVERY_S, lambda: [fence.state_of(order)])

    @property
    def every_s(self) -> float:
        """Return how long after a beat the next one is to be."""
        if _JUDGED & self._bounds.keys():
            return BEAT_S
        return max(BEAT_S, min(_RARELY_S, self.curve.step_s / 2))

    def beat(self, at_s: float) -> bool:
        """Look, so long after the start; say whether it uses more than it may."""
        used = self._family.look(besides=self._own)
        memory, cpu_s = self._memory_of(used), self.cpu_s + used.cpu_s
        if self.cgroup is not None:
            cpu_s = self.cgroup.cpu_s
            self.peak_bytes = max(self.peak_bytes, self.cgroup.new_peak_bytes())
        self.curve.add(at_s, memory, cpu_s)
        self._judge("cpu", "cpu_s", cpu_s)
        if self.cgroup is None and not self._fence.bounds_processes(self._order):
            self._judge("processes", "processes", used.tasks)
        self._judge("memory", "memory_bytes", memory or 0)
        if "disk_bytes" in self._bounds and not self._fence.bounds_disk(self._order):
            self._judge("disk", "disk_bytes", self._disk.size())
        if "kept_bytes" in self._bounds:
            self._judge("state", "kept_bytes", self._kept.size())
        return bool(self.over)

    def reaped(self, pid: int, cost: struct_rusage) -> None:
        """Count what a child used that has ended, with all that it waited for."""
        if pid in self._own:
            self._own.discard(pid)
        else:
            self.cpu_s += cost.ru_utime + cost.ru_stime
            self.peak_bytes = max(self.peak_bytes, cost.ru_maxrss * 1024)

    def settle(self) -> None:
        """Take the last word on what was used, when nothing is left that could use more."""
        if self.cgroup is not None:
            self.cpu_s = max(self.cpu_s, self.cgroup.cpu_s)
            self.peak_bytes = max(self.peak_bytes, self.cgroup.new_peak_bytes())

    def ended_by(self, number: int) -> str:
        """Return which bound a script went over that this signal has ended: the kernel may see it first."""
        if number == signal.SIGKILL and self.cgroup is not None and self.cgroup.ran_out:
            self.over = self.over or "memory"
        if number == signal.SIGXFSZ:
            self.over = self.over or ("disk" if "disk_bytes" in self._bounds else "")
        elif number in {signal.SIGXCPU, signal.SIGKILL}:
            self._judge("cpu", "cpu_s", self.cpu_s)
        return self.over

    def close(self) -> None:
        """Stop counting; the children that did are left to be reaped."""
        for one in (self._memory, self._disk.count, self._kept.count):
            if one is not None:
                one.stop()

    def _files(self, bound: str, every_s: float, places: Callable[[], list[str]]) -> "_Files":
        most = self._bounds.get(bound, 0)
        return _Files(every_s, lambda: self._count(lambda: disk_bytes(places(), most), LONGEST_DISK_S))

    def _count(self, count: Callable[[], int], longest_s: float) -> "_Count":
        started = _as_user(self._order, self._fence, count, longest_s)
        self._own.add(started.pid)
        return started

    def _judge(self, over: str, bound: str, used: float) -> None:
        if not self.over and (used > self._bounds.get(bound, used) or used == UNCOUNTED):
            self.over, self.used = over, used

    def _memory_of(self, used: Used) -> int | None:
        """Return what they use of memory, exactly where that decides: after a fork most of it is shared.

        None while that is not known: a later beat will.
        """
        most = self._bounds.get("memory_bytes", used.memory_bytes)
        found: int | None = used.memory_bytes
        if used.memory_bytes > most and len(used.pids) > 1:
            found = self._counted(used)
        self.peak_bytes = max(self.peak_bytes, found or 0)
        return found

    def _counted(self, used: Used) -> int | None:
        if self._failures >= _MOST_FAILURES:
            return used.memory_bytes
        if self._memory is None and time.monotonic() >= self._memory_after:
            try:
                self._memory = self._count(lambda: _pages_of(used.pids), LONGEST_S)
            except OSError:  # take them for what they seem to use
                return used.memory_bytes
        if self._memory is None or (found := self._memory.answer(_PATIENCE_MS)) is None:
            return None
        self._memory_after = time.monotonic() + MOST_COUNTING * self._memory.cost_s
        self._memory = None
        self._failures = 0 if found >= 0 else self._failures + 1
        return found if found >= 0 else None


class _Files:
    """Has files counted again and again, as often as that costs little."""

    def __init__(self, every_s: float, start: Callable[[], "_Count"]) -> None:
        self.count: _Count | None = None
        self._every_s = every_s
        self._start = start
        self._after = 0.0
        self._failures = 0

    def size(self) -> float:
        """Return how many bytes there are, if that was just found, else 0; UNCOUNTED if it cannot be."""
        if self.count is None and time.monotonic() >= self._after:
            with contextlib.suppress(OSError):  # later, then
                self.count = self._start()
        if self.count is None:
            return 0
        found = self.count.answer(0)
        if found is None and not self.count.is_late:
            return 0
        self._failures = 0 if found is not None and found >= 0 else self._failures + 1
        if self.count.is_late or self._failures >= _MOST_FAILURES:
            return UNCOUNTED
        self._after = time.monotonic() + max(self._every_s, MOST_COUNTING * self.count.cost_s)
        self.count = None
        return max(0, found or 0)


class _Count:
    """A child that counts something, and is ended when it takes longer than that."""

    def __init__(self, count: Callable[[], int], longest_s: float) -> None:
        self._until = time.monotonic() + longest_s
        self.is_late = False
        self.cost_s = 0.0
        """How much of a processor it took; known with the answer."""
        self._answer, says = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self.pid = os.fork()
        if self.pid == 0:
            try:
                kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
                found = count()
                os.write(says, b"%d %f" % (found, time.process_time()))
            finally:
                os._exit(0)
        os.close(says)

    def answer(self, patience_ms: int) -> int | None:
        """Return what it found, -1 when it could not; None when it is not ready yet. Once."""
        poll = select.poll()
        poll.register(self._answer, select.POLLIN)
        if not poll.poll(patience_ms):
            if time.monotonic() >= self._until:
                self.is_late = True
                self.stop()  # its end is an answer, too
            return None
        found, _, cost_s = os.read(self._answer, 64).partition(b" ")
        os.close(self._answer)
        if not cost_s:
            return -1
        self.cost_s = float(cost_s)
        return int(found)

    def stop(self) -> None:
        """End it."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


def check_kept(order: dict[str, Any], fence: Fence) -> None:
    """Look at what the job has in its folder, before anything is made for its run.

    Raises:
        OSError: it is twice as much as may be in it. EDQUOT.
    """
    kept, most = order["kept"], _most_kept(order)
    if kept and kept.size > most:
        _note(order, fence, kept.path, is_outside=True)  # somebody may have removed some since
        if kept.size > most:
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))


def note_kept(order: dict[str, Any], fence: Fence) -> None:
    """Count what the job has in its folder after a run, and remember it for the next; for some seconds."""
    if not order["kept"]:
        return
    if fence.keeps_nothing(order):
        order["kept"].note(0)
        return
    order["kept"].release()  # who ends meanwhile is the last, and has to know
    _note(order, fence, fence.state_of(order))


def _note(order: dict[str, Any], fence: Fence, folder: str, *, is_outside: bool = False) -> None:
    most = _most_kept(order)
    try:
        count = _as_user(order, fence, lambda: disk_bytes([folder], most), LONGEST_S, is_outside=is_outside)
    except OSError:
        return  # no room for a process: what an earlier run found is known
    found = count.answer(round(LONGEST_S * 1000))
    if found is None:
        count.stop()
    else:  # what cannot be counted is too much; the next run tries again
        order["kept"].note(found if found >= 0 else most + 1)


def _most_kept(order: dict[str, Any]) -> int:
    return 2 * int(order["state_bytes"])


def _as_user(
    order: dict[str, Any],
    fence: Fence,
    count: Callable[[], int],
    longest_s: float,
    *,
    is_outside: bool = False,
) -> "_Count":
    """Have it counted by a child, with the rights of the run's user.

    Raises:
        OSError: there is no room for another process.
    """

    def as_user() -> int:
        fence.look_as(order["user"], is_outside=is_outside)
        # Anew: a change of user undid it.
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        return count()

    return _Count(as_user, longest_s)


def disk_bytes(paths: Iterable[str], most: float = math.inf) -> int:
    """Return what these take on their disks with all that is below them: links once, and not followed.

    Of more than `most` only some. Our own folders that are closed to us are opened, and stay so: who closed
    one again behind its owner's back could take it from him just when he wants to write there.

    Raises:
        OSError: what is in one of our own folders cannot be counted, say because its path is too long.
    """
    total, linked = 0, set()
    for folder in (folders := list(paths)):  # grows
        if total > most:
            break
        try:
            own = os.lstat(folder)
            total += own.st_blocks * 512
            for name, found in _entries(folder, own):
                if stat.S_ISDIR(found.st_mode):
                    folders.append(name)
                    continue
                if found.st_nlink > 1:
                    if (found.st_dev, found.st_ino) in linked:
                        continue
                    linked.add((found.st_dev, found.st_ino))
                total += found.st_blocks * 512
        except (FileNotFoundError, NotADirectoryError):
            pass  # removed meanwhile
    return total


def _entries(folder: str, own: os.stat_result) -> Iterator[tuple[str, os.stat_result]]:
    is_ours = own.st_uid == os.geteuid()
    try:
        if is_ours and stat.S_ISDIR(own.st_mode) and own.st_mode & 0o500 != 0o500:  # noqa: PLR2004 - a mode
            os.chmod(folder, 0o700)  # noqa: PTH101 - a name as it was found
        for entry in os.scandir(folder) if stat.S_ISDIR(own.st_mode) else ():
            with contextlib.suppress(FileNotFoundError):
                yield entry.path, entry.stat(follow_symlinks=False)
    except OSError:
        if is_ours:
            raise


def _pages_of(pids: Iterable[int]) -> int:
    """Return what processes use of memory, shared pages once."""
    # Twice: one that ends or forks while they are read leaves the others a larger share, not yet read.
    return min(sum(map(_own_pages, pids)) for _ in range(2))


def _own_pages(pid: int) -> int:
    """Return a process's share of its pages: what some map together counts for each in part."""
    rollup = text_of(f"/proc/{pid}/smaps_rollup")
    names = (b"Pss_Anon", b"Pss_Shmem", b"SwapPss")
    if not rollup:  # it hides them, or is gone
        rollup, names = text_of(f"/proc/{pid}/status"), (b"RssAnon", b"RssShmem", b"VmSwap")
    return sum(kib(rollup, name) for name in names) * 1024

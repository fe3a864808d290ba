"""What /proc says of a process and its descendants."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")
_KNOWS_CHILDREN = Path(f"/proc/self/task/{os.getpid()}/children").exists()
_MOST_HELD = 96
_PIECE = 4096
_SURELY_WHOLE = 3072
"""A file of /proc comes in one piece, unless that is about a page."""


class Used(NamedTuple):
    """What the processes of a run use together, at one moment."""

    memory_bytes: int
    """Their own pages and shared memory, swapped or not; what some of them share counts for each."""
    cpu_s: float
    """Of those that live, and of those that they waited for."""
    tasks: int
    """Processes and threads."""
    pids: tuple[int, ...]


class Family:
    """The descendants of a process. Files of some are kept open: to open one costs more than to read it."""

    def __init__(self, above: int) -> None:
        self._above = above
        self._held: dict[tuple[int, str], int] = {}

    def look(self, *, besides: Collection[int] = ()) -> Used:
        """Return what they use, but for these children; those that are going just now may be missed."""
        memory_kib = tasks = ticks = 0
        pids = [pid for pid in self._children(self._above, threads=1) if pid not in besides]
        for pid in pids:  # grows
            status, words = self._read(pid, "status"), self._read(pid, "stat").rpartition(b")")[2].split()
            if not status or not words:
                continue
            memory_kib += kib(status, b"RssAnon") + kib(status, b"RssShmem") + kib(status, b"VmSwap")
            threads = int(words[17])
            tasks += max(1, threads)
            ticks += int(words[11]) + int(words[12]) + int(words[13]) + int(words[14])
            pids += self._children(pid, threads=threads)
        if len(self._held) > 3 * len(pids) + 1:
            self._let_go({pid for pid, _ in self._held} - {self._above, *pids})
        return Used(memory_kib * 1024, ticks / _TICKS, tasks, tuple(pids))

    def _children(self, pid: int, *, threads: int) -> list[int]:
        if threads > 1 or not _KNOWS_CHILDREN:
            return children(pid)
        return [int(child) for child in self._read(pid, f"task/{pid}/children").split()]

    def _read(self, pid: int, name: str) -> bytes:
        """Return what a file of the process says; empty when that is gone."""
        held = self._held.get((pid, name))
        try:
            if held is None and len(self._held) < _MOST_HELD:
                held = self._held[pid, name] = os.open(f"/proc/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
            found = None if held is None else os.pread(held, _PIECE, 0)
        except OSError:  # its process is gone, and its number may be another's by now
            self._let_go({pid})
            found = None
        if found is None or len(found) >= _SURELY_WHOLE:
            return text_of(f"/proc/{pid}/{name}")
        return found

    def _let_go(self, pids: set[int]) -> None:
        for key in [key for key in self._held if key[0] in pids]:
            os.close(self._held.pop(key))


def children(pid: int) -> list[int]:
    """Return the children of a process: each of its threads has those that it forked."""
    if not _KNOWS_CHILDREN:  # a kernel without CONFIG_PROC_CHILDREN
        names = os.listdir("/proc")  # noqa: PTH208 - names, not paths
        return [one for one in map(int, filter(str.isdigit, names)) if _parent(one) == pid]
    try:
        ids = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - names, not paths
    except OSError:
        return []
    return [int(child) for one in ids for child in text_of(f"/proc/{pid}/task/{one}/children").split()]


def _parent(pid: int) -> int:
    words = text_of(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    return int(words[1]) if words else 0


def kib(text: bytes, name: bytes) -> int:
    """Return the number of this line of a file of /proc; 0: it has none."""
    mark = b"\n" + name + b":"
    at = text.find(mark)
    return 0 if at < 0 else int(text[at + len(mark) : text.index(b"k", at + len(mark))])


def text_of(path: str) -> bytes:
    """Return what a file of /proc says; empty when its process is gone, or closed to us."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    pieces = []
    try:
        while piece := os.read(file, 65_536):
            pieces.append(piece)
    except OSError:
        return b""
    finally:
        os.close(file)
    return b"".join(pieces)

"""The limits that the kernel holds a script to, by its job's resources: setrlimit(2), nice(1)."""

import contextlib
import os
import resource
from pathlib import Path

MOST_PROCESSES = 512
"""Of one run; threads count. Scripts that start more than this are rarer than those that never stop."""
MOST_BYTES = 1_000_000_000
"""What a run may write into its own root, which lies in memory."""


def room_of(bounds: dict[str, int]) -> int:
    """Return how many bytes a run may write into a root of its own."""
    return min(MOST_BYTES, bounds.get("disk_bytes", MOST_BYTES))


def limit(wanted: dict[str, int], *, others: int | None) -> None:
    """Set the limits of what is to be the script; `others` of its user run beside it, None: anything may."""
    _lower(resource.RLIMIT_CORE, 0)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Soft 1024 as everywhere: programs that use select(2) break with more; who needs more raises it.
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, hard) if hard > 0 else 1024, hard))
    if "open_files" in wanted:
        _lower(resource.RLIMIT_NOFILE, wanted["open_files"])
    if others is not None:
        most = wanted.get("processes")
        _lower(resource.RLIMIT_NPROC, MOST_PROCESSES if most is None else most + others)
    if "disk_bytes" in wanted:
        _lower(resource.RLIMIT_FSIZE, wanted["disk_bytes"])
    if "cpu_s" in wanted:  # of each process, and later than the meter of them all
        _lower(resource.RLIMIT_CPU, wanted["cpu_s"] + 1)
    if wanted.get("nice"):
        _give_way(wanted["nice"])


def _lower(kind: int, most: int) -> None:
    """Set both limits, never above what is allowed here."""
    _, hard = resource.getrlimit(kind)
    value = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (value, value))


def _give_way(nice: int) -> None:
    nice = max(nice, os.getpriority(os.PRIO_PROCESS, 0))  # never before those that its executor gives way to
    os.setpriority(os.PRIO_PROCESS, 0, nice)
    # Where the kernel groups processes by session, nice counts within one only, and the session has its own.
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(nice))

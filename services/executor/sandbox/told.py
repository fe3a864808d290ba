"""What a keeper tells of a script: that it was started, what is to be kept of its files, how it ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class StoppedBy(StrEnum):
    """What ended a script that did not end by itself."""

    TIMEOUT = "timeout"
    STOP = "stop"
    KILL = "kill"
    LEASE = "lease"
    GONE = "gone"
    """The keeper itself was killed: how the script ended is not known."""
    MEMORY = "memory"
    """This and what follows: it used more than it may."""
    PROCESSES = "processes"
    DISK = "disk"
    CPU = "cpu"
    STATE = "state"
    """Of what its job may keep."""


class TooLate(Exception):  # noqa: N818 - what became of an order, not a fault
    """The keeper got its order after `spawn_until`: nothing was started."""


@dataclass(frozen=True, slots=True)
class Started:
    """The script's pid, and when it was started by CLOCK_BOOTTIME: the word of it may come late."""

    pid: int
    at: float


@dataclass(frozen=True, slots=True)
class FileRead:
    """The next bytes of one file, at most 64 KiB; files come one after the other."""

    name: str
    data: bytes
    is_last: bool


@dataclass(frozen=True, slots=True)
class NotKept:
    """A file that is left out; empty name: `why` is how many more."""

    name: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a script ended; said after its last descendant was gone and all it printed was read."""

    stopped_by: StoppedBy | None
    exit_code: int | None = None
    signal: int | None = None
    starved: bool = False
    """The kernel ended some of it for want of memory, though it had no more than it may; as far as known."""
    duration_s: float = 0.0
    cpu_s: float | None = None
    peak_memory_bytes: int | None = None
    used: float = 0.0
    """How much it used of what it was stopped for: bytes, processes and threads, or seconds; negative: more
    than could be counted."""
    curve: tuple[int, list[int], list[int]] | None = None
    """What it used over time: see `Curve.points`."""


def ended_of(account: Mapping[str, Any]) -> Ended:
    """Return what the keeper's account says."""
    return Ended(
        stopped_by=StoppedBy(account["stopped"]) if account["stopped"] else None,
        exit_code=account["exit_code"],
        signal=account["signal"],
        starved=account["starved"],
        duration_s=account["duration_s"],
        cpu_s=account["cpu_s"],
        peak_memory_bytes=account["peak_memory_bytes"],
        used=account["used"],
        curve=account["curve"],
    )

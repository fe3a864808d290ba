"""The folder where an executor keeps what must outlive it, and with it its name.

A folder is locked for as long as its executor lives, however that ends. With a prefix the name is the
first ordinal whose folder nobody holds: replicas share one volume, and a new one takes over what a
dead one left. The locks hold across containers of one host, whatever their process namespaces.
"""

import fcntl
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from shared.domain.ids import ExecutorName

MOST = 1000
"""So many executors of one prefix share a home."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A locked folder and the name that goes with it."""

    name: ExecutorName
    folder: Path
    lock: int

    @property
    def journal(self) -> Path:
        """Return the folder of what it must not forget."""
        return self.folder / "journal"

    @property
    def spool(self) -> Path:
        """Return the folder of what was printed and is not stored yet."""
        return self.folder / "spool"

    @property
    def keeper(self) -> Path:
        """Return the path that is in the command line of this place's keepers; nothing is there."""
        return self.folder / "keeper"

    @property
    def work(self) -> Path:
        """Return the folder of the scripts' working directories."""
        return self.folder / "work"

    @property
    def unique_name(self) -> str:
        """Return a name that no place of another home on this machine has."""
        return f"{self.name}-{zlib.crc32(os.fsencode(self.folder)):08x}"

    def leave(self) -> None:
        """Let the next one take it. Without this call, the end of the process does it."""
        os.close(self.lock)


def take_named(folder: Path, name: str) -> Place:
    """Make the folder and lock it.

    Raises:
        SystemExit: another process holds it, or it cannot be written; says what to do.
    """
    place = _take(folder, name)
    if place is None:
        raise SystemExit(
            f"an executor named {name} already runs on {folder}. "
            "Give this one another PORTAL_EXECUTOR_NAME or PORTAL_EXECUTOR_HOME."
        )
    return place


def take_first_free(executors: Path, prefix: str) -> Place:
    """Lock the first of `prefix`-1, `prefix`-2, ... that nobody holds; two callers never get the same.

    Raises:
        SystemExit: none is free, or the folder cannot be written; says what to do.
    """
    for number in range(1, MOST + 1):
        name = f"{prefix}-{number}"
        place = _take(executors / name, name)
        if place is not None:
            return place
    raise SystemExit(
        f"{MOST} executors named {prefix}-1, {prefix}-2, ... run on {executors}. "
        "Give this one another PORTAL_EXECUTOR_PREFIX."
    )


def owing(executors: Path, prefix: str) -> Iterator[Place]:
    """Lock and return, one after the other, the folders that nobody holds and that still owe something.

    Raises:
        OSError: they cannot be read or locked.
    """
    for number in range(1, MOST + 1):
        name = f"{prefix}-{number}"
        folder = executors / name
        if _owes(folder) and (place := _locked(folder, name)) is not None:
            yield place


def _owes(folder: Path) -> bool:
    return any(folder.glob("journal/*.json")) or any(folder.glob("spool/*.chunks"))


def _take(folder: Path, name: str) -> Place | None:
    try:
        return _locked(folder, name)
    except OSError as error:
        raise SystemExit(
            f"cannot use {folder}: {error.strerror}. Check PORTAL_HOME and PORTAL_EXECUTOR_HOME."
        ) from error


def _locked(folder: Path, name: str) -> Place | None:
    (folder / "journal").mkdir(mode=0o700, parents=True, exist_ok=True)
    # Keepers do not inherit it: the lock lives exactly as long as the process.
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        if isinstance(error, BlockingIOError):
            return None
        raise
    return Place(name=ExecutorName(name), folder=folder, lock=lock)

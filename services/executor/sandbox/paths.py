"""Finds the script of a grant, and refuses one that is not the script its job was saved with."""

import errno
import fcntl
import os
from datetime import datetime
from pathlib import Path

from services.executor.sandbox.command import NotRunnable
from shared.domain.errors import MissingScript, UnusableScript
from shared.domain.script import MAX_SCRIPT, MOST_HASHED_BYTES, Pin
from shared.runtime.script_files import ScriptFile, read_script

_MFD_EXEC = 0x10
_SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


class ScriptChanged(NotRunnable):
    """It is not the script that the job was saved with; `found` is what it is now."""

    def __init__(self, text: str, found: ScriptFile) -> None:
        super().__init__(text)
        self.found = found


def resolve(root: Path, name: str, pin: Pin | None = None, *, keep: bool = True) -> ScriptFile:
    """Find the script `name` below `root`, read it and check what it is, and whether `pin` is of it.

    Without a pin it is started by its path: what runs is what is there a moment later. Without `keep` its
    content is let go.

    Raises:
        NotRunnable: it is missing, leads elsewhere, or is no plain file of its own; in words for people.
        ScriptChanged: it is not what was pinned.
    """
    try:
        found = read_script(root, name, keep=keep)
    except UnusableScript as error:
        raise NotRunnable(str(error)) from error
    if pin is None or found.sha256 == pin.sha256:
        return found
    size = f" It has more than {MOST_HASHED_BYTES // 1_000_000} MB now." if found.sha256 is None else ""
    raise ScriptChanged(
        f"The script {name} is not the one that was saved on {_said(pin.at)}, and nothing was run.{size} "
        "Look at what changed on the job's page and accept it there, or restore the file.",
        found,
    )


def lock_of(root: Path, name: str) -> bytes | None:
    """Return the lock beside a script; None: there is none.

    Raises:
        NotRunnable: there is one that cannot be used; without it other packages would be installed.
    """
    lock = f"{name}.lock"
    if len(lock.encode()) > MAX_SCRIPT:
        return None  # no name for a file of ours: uv does not make it either
    try:
        found = read_script(root, lock)
    except MissingScript:
        return None
    except UnusableScript as error:
        raise NotRunnable(
            f"The script's packages are locked, but the lock cannot be used. {error}"
        ) from error
    if found.content is None:
        raise NotRunnable(
            f"scripts/{lock} has {found.size / 1e6:,.0f} MB: no lock is as large. Make it anew."
        )
    return found.content


def sealed(text: bytes) -> int:
    """Return a descriptor of a file in memory that nobody can change any more, and that may be executed."""
    fd = _memory()
    try:
        rest = memoryview(text)
        while rest:
            rest = rest[os.write(fd, rest) :]
        os.lseek(fd, 0, os.SEEK_SET)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _memory() -> int:
    flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
    try:
        # Where vm.memfd_noexec is 1 such a file may be executed only if that is asked for.
        return os.memfd_create("script", flags | _MFD_EXEC)
    except OSError as error:
        # A kernel before 6.3 does not know it, and where it is 2 it is forbidden: interpreters need it not.
        if error.errno not in {errno.EINVAL, errno.EACCES}:
            raise
        return os.memfd_create("script", flags)


def _said(at: datetime) -> str:
    return f"{at:%Y-%m-%d} at {at:%H:%M} UTC"

"""Opens a script so that no name, link or race can lead outside the scripts directory, and reads it.

The kernel resolves the name below a held directory with openat2(2) (Linux 5.6); `realpath` and a
prefix check lose the race against a renamed directory, this does not. Older kernels and containers
that forbid the call get the same answer part by part, with O_NOFOLLOW.
"""

import ctypes
import errno
import hashlib
import os
import stat
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from shared.domain.errors import InvalidInput, MissingScript, UnusableScript
from shared.domain.script import MOST_HASHED_BYTES, checked_script

_OPENAT2 = 437
_RESOLVE_NO_MAGICLINKS, _RESOLVE_NO_SYMLINKS, _RESOLVE_BENEATH = 0x02, 0x04, 0x08
# Non-blocking: opening a FIFO that nobody writes to would wait for ever.
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_MISSING = frozenset({errno.ENOENT, errno.ENOTDIR})
_LEADS_AWAY = frozenset({errno.ELOOP, errno.EXDEV})
_READ_BYTES = 1_048_576
_LAST = datetime(9999, 1, 1, tzinfo=UTC)


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptFile:
    """A regular file below the scripts directory, as it was at the moment it was read."""

    path: Path
    executable: bool
    size: int
    """In bytes."""
    changed_at: datetime
    sha256: str | None
    """Of its content, in hex; None: it is larger than `MOST_HASHED_BYTES`."""
    content: bytes | None = field(repr=False)
    """None: it is as large, or not asked for."""


def read_script(root: Path, name: str, *, keep: bool = True) -> ScriptFile:
    """Find the script `name` below `root`, check what it is and read it. Blocks on the disk.

    Without `keep` its content is hashed and let go: many of them are started at once.
    Who may write into the scripts directory decides what runs: it must not be writable by scripts.

    Raises:
        UnusableScript: it leads elsewhere, or is no plain file of its own; in words for people.
        MissingScript: of these, that there is none.
    """
    try:
        checked = checked_script(name)
    except InvalidInput as error:
        raise UnusableScript(f"{error} The script's name is {name!r}.") from error
    fd = _open(root, checked)
    try:
        found = os.fstat(fd)
        _refuse_odd(found, checked)
        sha256, content = _read(fd, keep=keep) if found.st_size <= MOST_HASHED_BYTES else (None, None)
    except OSError as error:
        raise UnusableScript(f"scripts/{checked} cannot be read: {error.strerror}.") from error
    finally:
        os.close(fd)
    return ScriptFile(
        path=root / checked,
        executable=bool(found.st_mode & 0o111),
        size=found.st_size,
        changed_at=changed_at(found),
        sha256=sha256,
        content=content,
    )


def changed_at(found: os.stat_result) -> datetime:
    """Return when a file was changed; a time that no calendar has, as some file systems keep, is 9999."""
    return datetime.fromtimestamp(min(max(found.st_mtime, 0), _LAST.timestamp()), UTC)


def _refuse_odd(found: os.stat_result, name: str) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise UnusableScript(f"scripts/{name} is not a plain file. Put the script's file there.")
    if found.st_nlink != 1:
        raise UnusableScript(
            f"scripts/{name} is a hard link to a file that has other names. Copy the file instead."
        )


def _read(fd: int, *, keep: bool) -> tuple[str | None, bytes | None]:
    """Read to the end and return hash and content; None and None when it has grown too large meanwhile."""
    digest, parts, size = hashlib.sha256(), [], 0
    while part := os.read(fd, _READ_BYTES):
        digest.update(part)
        size += len(part)
        if size > MOST_HASHED_BYTES:
            return None, None
        if keep:
            parts.append(part)
    return digest.hexdigest(), b"".join(parts) if keep else None


def _open(root: Path, name: str) -> int:
    try:
        root_fd = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise UnusableScript(
            f"The scripts directory {root} cannot be opened: {error.strerror}. Check PORTAL_SCRIPTS_DIR."
        ) from error
    try:
        return open_beneath(root_fd, name)
    except OSError as error:
        kind = MissingScript if error.errno in _MISSING else UnusableScript
        raise kind(_explained(name, error)) from error
    finally:
        os.close(root_fd)


def _explained(name: str, error: OSError) -> str:
    if error.errno in _MISSING:
        return f"scripts/{name} does not exist any more. Restore it or edit the job."
    if error.errno in _LEADS_AWAY:
        return f"scripts/{name} goes through a symbolic link. Put the file itself there."
    return f"scripts/{name} cannot be opened: {error.strerror}."


def open_beneath(root_fd: int, name: str) -> int:
    """Open `name` below the directory; OSError ELOOP or EXDEV when it would leave it or meets a link."""
    try:
        return _openat2(root_fd, name)
    except OSError as error:
        if error.errno not in {errno.ENOSYS, errno.EPERM}:
            raise
    return open_part_by_part(root_fd, name)


def _openat2(root_fd: int, name: str) -> int:
    how = _OpenHow(flags=_FLAGS, resolve=_RESOLVE_BENEATH | _RESOLVE_NO_SYMLINKS | _RESOLVE_NO_MAGICLINKS)
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(
        _OPENAT2,
        root_fd,
        ctypes.c_char_p(os.fsencode(name)),
        ctypes.byref(how),
        ctypes.c_size_t(ctypes.sizeof(how)),
    )
    if fd < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)
    return int(fd)


def open_part_by_part(root_fd: int, name: str) -> int:
    """Open `name` one directory at a time, following nothing: what openat2 does, for older kernels."""
    *folders, last = name.split("/")
    if ".." in folders or last in {"..", ""}:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), name)
    held = os.dup(root_fd)
    try:
        for folder in folders:
            # Without O_PATH a symbolic link fails with ELOOP or, as a directory, with ENOTDIR.
            inner = os.open(folder, _FLAGS | os.O_DIRECTORY, dir_fd=held)
            os.close(held)
            held = inner
        return os.open(last, _FLAGS, dir_fd=held)
    finally:
        os.close(held)

"""A script on its way in: beside its place under a hidden name, then there at once and whole."""

import ctypes
import errno
import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.domain.errors import Conflict, InvalidInput, MissingScript, UnusableScript
from shared.runtime.script_files import open_beneath, read_script

PREFIX: Final = ".upload-"
"""Of the hidden name."""
_LEFT = re.compile(re.escape(PREFIX) + "[0-9a-f]{16}")
_LEFT_AFTER_S = 3_600
"""What nobody has written to for so long was left by a crash: an upload takes minutes."""
_FREE_ONLY: Final = 1
"""RENAME_NOREPLACE, renameat2(2)."""
_UNKNOWN = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP})
_EVERYBODY_READS, _EVERYBODY_RUNS = 0o644, 0o755
_NOT_OURS = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A file that nobody sees yet. Blocks on the disk."""

    root: Path
    name: str
    """Its path below the root, as `checked_script` accepts it."""
    fd: int
    folder: int
    hidden: str

    @classmethod
    def begin(cls, root: Path, name: str) -> "Incoming":
        """Open a file beside the place of `name`; `discard` it in the end, whatever became of it.

        The place is found as executors find it: no link is followed.

        Raises:
            InvalidInput: on field `script`: there is no such folder, or the portal may not write there.
        """
        with _explained(name):
            folder = _folder_of(root, name)
            hidden = f"{PREFIX}{secrets.token_hex(8)}"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            try:
                fd = os.open(hidden, flags, 0o600, dir_fd=folder)
            except OSError:
                os.close(folder)
                raise
        _tidy(folder, now=os.fstat(fd).st_mtime)
        return cls(root=root, name=name, fd=fd, folder=folder, hidden=hidden)

    def discard(self) -> None:
        """Remove what was not settled, and let go."""
        os.close(self.fd)
        with suppress(FileNotFoundError):
            os.unlink(self.hidden, dir_fd=self.folder)
        os.close(self.folder)

    def add(self, part: bytes) -> None:
        """Write what comes next.

        Raises:
            InvalidInput: the disk is full.
        """
        with _explained(self.name):
            while part:
                part = part[os.write(self.fd, part) :]

    def keep(self) -> None:
        """Have all of it on the disk, however long that takes: before `settle`, which is to be quick.

        Raises:
            InvalidInput: the disk is full.
        """
        with _explained(self.name):
            os.fsync(self.fd)

    def settle(self, *, executable: bool, replaces: str | None) -> None:
        """Put it in its place, whole: where nothing is or, with `replaces`, over the version of this hash.

        Every user may read it: runs have users of their own. Waits for nobody.

        Raises:
            Conflict: something is there already, or not the version that was to be replaced.
            InvalidInput: the portal may not write there, or the disk is full.
        """
        with _explained(self.name):
            last = self.name.rpartition("/")[2]
            mode = _EVERYBODY_RUNS if executable else _EVERYBODY_READS
            if replaces is None:
                os.fchmod(self.fd, mode)
                self._place(last)
            else:
                self._lock()
                was = _replaced(self.root, self.name, replaces)
                os.fchmod(self.fd, _EVERYBODY_RUNS if was else mode)
                os.rename(self.hidden, last, src_dir_fd=self.folder, dst_dir_fd=self.folder)
            os.fsync(self.folder)

    def _lock(self) -> None:
        # Two who replace the same version at once: the second one is to be told. Whoever may read the
        # folder can lock it, scripts too: who waited here would wait for them, and the ledger with him.
        try:
            fcntl.flock(self.folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(
                f"The folder of scripts/{self.name} is locked: another upload or a script uses it. Try again."
            ) from error

    def _place(self, last: str) -> None:
        # Neither ever overwrites. The disks of some networks know only links: for a moment the file has two
        # names then, and executors refuse it; a job that runs it found nothing there a moment before.
        try:
            if not _renamed_to_free(self.folder, self.hidden, last):
                os.link(
                    self.hidden, last, src_dir_fd=self.folder, dst_dir_fd=self.folder, follow_symlinks=False
                )
                os.unlink(self.hidden, dir_fd=self.folder)
        except FileExistsError as error:
            raise Conflict(
                f"There is already a scripts/{self.name}. Choose another name, or replace that one."
            ) from error


def _renamed_to_free(folder: int, hidden: str, last: str) -> bool:
    """Rename it where nothing has that name yet; return False where the system cannot do that."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:  # of an older C library
        return False
    if renameat2(folder, os.fsencode(hidden), folder, os.fsencode(last), _FREE_ONLY) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNKNOWN:
        return False
    raise OSError(number, os.strerror(number), last)


def _tidy(folder: int, *, now: float) -> None:
    """Remove what crashes left of other uploads. `now` is by the clock of the disk, in seconds."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if (
                _LEFT.fullmatch(entry.name)
                and now - entry.stat(follow_symlinks=False).st_mtime > _LEFT_AFTER_S
            ):
                os.unlink(entry.name, dir_fd=folder)


def _folder_of(root: Path, name: str) -> int:
    top = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    inner = name.rpartition("/")[0]
    if not inner:
        return top
    try:
        # As a directory, for a file there has no folder's descriptor to write below.
        return open_beneath(top, f"{inner}/.")
    finally:
        os.close(top)


def _replaced(root: Path, name: str, sha256: str) -> bool:
    """Compare what is there with the version that is to be replaced; say whether it is executable."""
    try:
        found = read_script(root, name, keep=False)
    except MissingScript as error:
        raise Conflict(f"scripts/{name} is gone: upload it as a new one.") from error
    except UnusableScript as error:
        raise Conflict(f"It cannot be replaced here: {error}") from error
    if found.sha256 is None:
        raise Conflict(
            f"scripts/{name} is too large to be replaced here. Replace it in the scripts directory."
        )
    if found.sha256 != sha256:
        raise Conflict(
            f"scripts/{name} was changed after you looked at it. Look at it again, then replace it."
        )
    return found.executable


@contextmanager
def _explained(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InvalidInput("script", _why(name, error)) from error


def _why(name: str, error: OSError) -> str:
    folder = name.rpartition("/")[0]
    if error.errno in _NOT_OURS:
        return f"The portal may not write scripts/{name}. Put the file into the scripts directory yourself."
    if error.errno in {errno.ENOENT, errno.ENOTDIR}:
        return (
            f"There is no folder scripts/{folder}. Make it there, or leave it out of the name."
            if folder
            else "The scripts directory is not there. Check PORTAL_SCRIPTS_DIR."
        )
    if error.errno in {errno.ELOOP, errno.EXDEV}:
        return (
            f"scripts/{folder} goes through a symbolic link. Choose a folder of the scripts directory itself."
        )
    if error.errno in _FULL:
        return "The disk with the scripts is full. Make room, then upload it again."
    return f"scripts/{name} cannot be written: {error.strerror}."

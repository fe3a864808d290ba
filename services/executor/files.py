"""Puts a new file in an old one's place, whole or not at all."""

import contextlib
import errno
import os
from pathlib import Path


def replace_whole(path: Path, body: bytes, *, durable: bool) -> None:
    """Write the file anew, for us alone; `durable`: return when it is on disk. Blocks.

    Raises:
        OSError: there is no room for it, or it cannot be written; the earlier one is still there.
    """
    fresh = path.with_suffix(".new")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        # Of what does not fit a disk takes the beginning, without an error.
        if os.write(fd, body) < len(body):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # noqa: TRY301 - one way out
        if durable:
            os.fsync(fd)
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)  # it would take room where there is none
        raise
    finally:
        os.close(fd)
    if durable:
        _sync(path.parent)


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):  # some file systems cannot; then the rename is all there is
            os.fsync(fd)
    finally:
        os.close(fd)

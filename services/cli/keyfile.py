"""The key files of secrets: one key a line, the newest first; `shared/runtime/vault.py` uses them."""

import base64
import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

_KEY_BYTES = 32
"""128 bits that sign and 128 that encrypt (Fernet)."""


def new_key() -> str:
    """Return a new random key as it stands in a file."""
    return base64.urlsafe_b64encode(os.urandom(_KEY_BYTES)).decode("ascii")


def read(path: Path) -> list[str]:
    """Return the keys, the newest first.

    Raises:
        OSError: it cannot be read.
    """
    return path.read_text("ascii").split()


def write(path: Path, keys: Sequence[str]) -> None:
    """Replace the file in one step; a new one is ours alone, another keeps its owner and its mode.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(
        os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii"
    ) as file:
        with contextlib.suppress(FileNotFoundError):
            was = path.stat()
            os.fchown(file.fileno(), was.st_uid, was.st_gid)
            os.fchmod(file.fileno(), was.st_mode & 0o777)
        file.writelines(f"{key}\n" for key in keys)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)

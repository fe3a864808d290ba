"""The key in the home: who can read that folder owns the portal anyway, and so its key is an admin's."""

import hmac
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from shared.domain.access import LOCAL, Role, Via, Who
from shared.runtime.credentials import new_secret

log = structlog.get_logger()

NAME: Final = "local.key"
WHO: Final = Who(name=LOCAL, role=Role.ADMIN, via=Via.LOCAL)


@dataclass(frozen=True, slots=True)
class LocalKey:
    """What the command line of this machine shows; None: there is none."""

    key: str | None

    def is_shown(self, secret: str) -> bool:
        """Say whether this is it; how long that takes tells nothing of it."""
        return self.key is not None and hmac.compare_digest(self.key.encode(), secret.encode())


def local_key(home: Path) -> LocalKey:
    """Return the key in a home, made at the first use and readable by its owner only.

    Where the home cannot be written there is none: then only people and tokens are let in.
    """
    path = home / NAME
    try:
        _make(path)
        return LocalKey(path.read_text("ascii").strip() or None)
    except OSError as error:
        log.warning("no key for the command line", path=str(path), error=error.strerror)
        return LocalKey(None)


def _make(path: Path) -> None:
    """Make the file, whole or not at all: of two who start at once both read the same key."""
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(new_secret())
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()

"""What must hold before the scheduler starts: a schema of this version, and no second scheduler."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.db.engine import Sessions
from shared.db.schema import problem_with_schema
from shared.runtime.settings import DatabaseSettings


@contextmanager
def only_scheduler(settings: DatabaseSettings) -> Iterator[None]:
    """Hold the lock of this home's scheduler while inside. On SQLite there is exactly one.

    The lock goes with the process, however that ends.

    Raises:
        SystemExit: when another scheduler holds it, or the home is missing; says what to do.
    """
    if not settings.ledger_url.startswith("sqlite"):
        yield
        return
    path = settings.home / "scheduler.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SystemExit(
            f"cannot open {path}: {error.strerror}. Run `portal migrate` first, or set PORTAL_HOME."
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SystemExit(
                f"another scheduler works on {settings.home}: on SQLite there is one. Stop it first."
            ) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)


async def check_schema(settings: DatabaseSettings, reading: Sessions) -> None:
    """Refuse a database that is not migrated to this version.

    Raises:
        SystemExit: with what to do.
    """
    file = _file_of(settings.ledger_url)
    problem = "there is no database" if file is not None and not file.exists() else None
    problem = problem or await problem_with_schema(reading)
    if problem is not None:
        raise SystemExit(f"{problem}. Run `portal migrate` with the same settings, then start again.")


def _file_of(url: str) -> Path | None:
    return Path(url.partition(":///")[2]) if url.startswith("sqlite") else None

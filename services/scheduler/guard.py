"""What must hold before the scheduler starts: a schema of this version, and on SQLite no second scheduler.

On PostgreSQL any number work at once, on whatever machines they are: see `shared.db.locks`.
"""

import asyncio
import fcntl
import os
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from shared.db.engine import Sessions
from shared.db.schema import not_migrated, problem_with_schema, wait_until_reached
from shared.runtime.clock import Clock
from shared.runtime.settings import DatabaseSettings

Result = TypeVar("Result")


@contextmanager
def only_scheduler(settings: DatabaseSettings) -> Iterator[None]:
    """Hold the lock of this home's scheduler while inside, on SQLite; elsewhere it is no home's matter.

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


async def usable(settings: DatabaseSettings, reading: Sessions, clock: Clock, stop: asyncio.Event) -> bool:
    """Wait until the ledger is there; False when `stop` was set before that.

    Raises:
        SystemExit: the database refuses us, or is not migrated to this version; says what to do.
    """
    return bool(await unless_stopped(stop, _became_usable(settings, reading, clock)))


async def unless_stopped(stop: asyncio.Event, work: Coroutine[Any, Any, Result]) -> Result | None:
    """Return what `work` returns; when `stop` is set before that, cancel it and return None.

    Raises:
        ExceptionGroup: of what `work` raises, except for SystemExit, which comes as it is.
    """
    async with asyncio.TaskGroup() as group:
        working = group.create_task(work)
        stopping = group.create_task(stop.wait())
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        working.cancel()
        stopping.cancel()
    return None if stop.is_set() else working.result()


async def _became_usable(settings: DatabaseSettings, reading: Sessions, clock: Clock) -> bool:
    file = _file_of(settings.ledger_url)
    if file is not None and not file.exists():
        raise not_migrated("there is no database")
    await wait_until_reached(reading, clock)
    problem = await problem_with_schema(reading)
    if problem is not None:
        raise not_migrated(problem)
    return True


def _file_of(url: str) -> Path | None:
    return Path(url.partition(":///")[2]) if url.startswith("sqlite") else None

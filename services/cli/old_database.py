"""The database of an older portal, read and never written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from services.cli.errors import CannotDo, Exit

_JOBS: Final = "SELECT * FROM scheduled_jobs ORDER BY id"
_RUNS: Final = (
    "SELECT status, count(*) AS runs, min(run_time) AS first, max(run_time) AS last"
    " FROM job_execution_logs GROUP BY status ORDER BY status"
)


@dataclass(frozen=True, slots=True)
class OldPortal:
    """What its tables hold."""

    jobs: Sequence[Mapping[str, Any]]
    runs: Sequence[Mapping[str, Any]]
    """How many runs ended how, and when the first and the last of them were."""


async def read_old_portal(url: str) -> OldPortal:
    """Return what the database at this URL, or in this file of SQLite, holds; it is only read.

    Raises:
        CannotDo: it cannot be opened, or is no older portal's.
    """
    engine = _engine(url)
    try:
        async with engine.connect() as connection:
            jobs = await _rows(connection, _JOBS)
            # A table that somebody emptied or dropped to save space is no reason to take no job.
            runs = await _rows(connection, _RUNS) if await _has_runs(connection) else []
    except (SQLAlchemyError, OSError) as error:
        said = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise CannotDo(
            f"No jobs can be read from it: {said}. Name an older portal's database: it has a table"
            " scheduled_jobs.",
            Exit.WRONG,
        ) from error
    finally:
        await engine.dispose()
    return OldPortal(jobs, runs)


async def _has_runs(connection: AsyncConnection) -> bool:
    return await connection.run_sync(lambda sync: sync.dialect.has_table(sync, "job_execution_logs"))


async def _rows(connection: AsyncConnection, statement: str) -> list[Mapping[str, Any]]:
    return [dict(row) for row in (await connection.execute(text(statement))).mappings()]


def _engine(url: str) -> AsyncEngine:
    if "://" not in url:
        url = f"sqlite:///{url}"
    try:
        at = make_url(url)
    except ArgumentError as error:
        raise CannotDo(
            "This is no URL of a database, such as postgresql://user@host/name.", Exit.WRONG
        ) from error
    match at.get_backend_name():
        case "sqlite":
            return create_async_engine(_read_only(at))
        case "postgresql":
            return create_async_engine(
                at.set(drivername="postgresql+asyncpg"),
                connect_args={"timeout": 10, "server_settings": {"default_transaction_read_only": "on"}},
            )
        case kind:
            raise CannotDo(f"{kind} is no database of an older portal: SQLite or PostgreSQL is.", Exit.WRONG)


def _read_only(at: URL) -> URL:
    path = Path(at.database or "").absolute()
    if not path.is_file():
        raise CannotDo(f"There is no file {path}.", Exit.NOT_THERE)
    # A file's URL of SQLite's own (sqlite.org/uri.html): nothing is made or written, whatever is asked.
    return URL.create("sqlite+aiosqlite", database=path.as_uri(), query={"mode": "ro", "uri": "true"})

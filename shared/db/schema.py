"""Says whether a database can be worked with, without loading what migrates it."""

from datetime import UTC, datetime
from pathlib import Path

import structlog
from sqlalchemy import DateTime, text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.engine import LOCKED_OR_DOWN, Sessions
from shared.db.postgres import refusal
from shared.runtime.clock import Clock

log = structlog.get_logger()

_VERSIONS = Path(__file__).parent / "migrations" / "versions"
_CLOCK = text("SELECT clock_timestamp() AS shown").columns(shown=DateTime(timezone=True))
_FIRST_WAIT_S = 0.1
_LONGEST_WAIT_S = 2.0


async def wait_until_reached(reading: Sessions, clock: Clock, *, bound_s: float = float("inf")) -> None:
    """Wait for a database that is not up yet, with one line in the log.

    Raises:
        SystemExit: it refuses us for good, or was not there within the bound; says what to do.
    """
    began = clock.monotonic()
    wait_s = _FIRST_WAIT_S
    while (problem := await _problem_with_reaching(reading)) is not None:
        if clock.monotonic() - began > bound_s:
            raise SystemExit(
                f"the database did not answer within {bound_s:.0f} s: {problem}. Start it first."
            )
        if wait_s == _FIRST_WAIT_S:
            log.warning("waiting for the database", error=problem)
        await clock.sleep(wait_s)
        wait_s = min(wait_s * 2, _LONGEST_WAIT_S)


async def refuse_unusable(reading: Sessions) -> None:
    """Look once whether the database would let us in; one that is down is no fault.

    Raises:
        SystemExit: it refuses us for good; says what to do.
    """
    problem = await _problem_with_reaching(reading)
    if problem is not None:
        log.warning("the database does not answer yet", error=problem)


async def problem_with_schema(reading: Sessions) -> str | None:
    """Return what is wrong with the ledger's schema, in words; None when it is this version's."""
    async with reading.begin() as session:
        return await problem_found(session)


async def problem_found(session: AsyncSession) -> str | None:
    """Return the same as `problem_with_schema`, asked in this transaction."""
    expected = newest_revision()
    try:
        async with session.begin_nested():
            found = await session.scalar(text("SELECT version_num FROM alembic_version"))
    except (ProgrammingError, OperationalError) as error:
        if isinstance(error, OperationalError) and not lacks_table(error):
            raise
        return "the database has no tables yet"
    if found == expected:
        return None
    return f"the database has schema {found}, this version needs {expected}"


def lacks_table(error: BaseException) -> bool:
    """Say whether SQLite means that a table or a column is not there: it calls that as it calls a lock."""
    said = str(error.orig) if isinstance(error, OperationalError) else ""
    return said.startswith("no such ") or " has no column named " in said


def not_migrated(problem: str) -> SystemExit:
    """Return how a service ends that finds no schema of its version."""
    return SystemExit(f"{problem}. Run `portal migrate` with the same settings, then start again.")


async def database_now(session: AsyncSession) -> datetime:
    """Return what the database's own clock shows: PostgreSQL's, for SQLite has none."""
    shown: datetime | None = await session.scalar(_CLOCK)
    assert shown is not None
    return shown.astimezone(UTC)


def newest_revision() -> str:
    """Return the newest revision: the history is linear and its files are numbered, `0001_words.py`."""
    return max(path.name.partition("_")[0] for path in _VERSIONS.glob("[0-9]*_*.py"))


async def _problem_with_reaching(reading: Sessions) -> str | None:
    try:
        async with reading.begin() as session:
            await session.execute(text("SELECT 1"))
    except LOCKED_OR_DOWN as error:
        refused = refusal(error)
        if refused is not None:
            raise SystemExit(refused) from error
        return str(error.__cause__ or error)
    return None

"""Says whether a database has this version's schema, without loading what migrates it."""

from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from shared.db.engine import Sessions

_VERSIONS = Path(__file__).parent / "migrations" / "versions"


async def problem_with_schema(reading: Sessions) -> str | None:
    """Return what is wrong with the ledger's schema, in words; None when it is this version's."""
    expected = newest_revision()
    try:
        async with reading.begin() as session:
            found = await session.scalar(text("SELECT version_num FROM alembic_version"))
    except SQLAlchemyError:
        return "the database has no tables yet"
    if found == expected:
        return None
    return f"the database has schema {found}, this version needs {expected}"


def newest_revision() -> str:
    """Return the newest revision: the history is linear and its files are numbered, `0001_words.py`."""
    return max(path.name.partition("_")[0] for path in _VERSIONS.glob("[0-9]*_*.py"))

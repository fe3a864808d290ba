"""What is searched of jobs: one folded text each, written with the definition, found by words anywhere in it.

Of an index of three letters in a row shorter words cannot be asked, and not every database can have one: then
the texts themselves are read, which takes some 50 ms for 100,000 jobs.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, column, func, select, table, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.tables import JobRow, JobTextRow
from shared.db.tags import tags_by_job
from shared.db.types import storable
from shared.domain.ids import JobId
from shared.domain.job import name_key

_MOST_WORDS = 8
_INDEXED = 3
"""Letters in a row: of a shorter word the index knows nothing."""
_HAS_INDEX = text("SELECT 1 FROM sqlite_master WHERE name = 'job_search'")
_INDEX = table("job_search", column("rowid"), column("job_search"))


async def save(session: AsyncSession, job_id: JobId) -> None:
    """Write the text of a job as it is stored by now, in place of an earlier one."""
    row = (
        await session.execute(
            select(JobRow.name, JobRow.script, JobRow.description).where(JobRow.id == job_id)
        )
    ).one()
    tags = (await tags_by_job(session, [job_id])).get(job_id, ())
    body = name_key("\n".join((row.name, row.script, row.description, *tags)))
    insert = postgresql.insert if _is_postgres(session) else sqlite.insert
    await session.execute(
        insert(JobTextRow)
        .values(job_id=job_id, body=body)
        .on_conflict_do_update(index_elements=["job_id"], set_={"body": body})
    )


def words_of(typed: str) -> tuple[str, ...]:
    """Return what to look for: folded, each word once, the first eight of them."""
    return tuple(dict.fromkeys(name_key(storable(typed)).split()))[:_MOST_WORDS]


def holds(session: AsyncSession, words: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition of texts that hold all of the words, each anywhere; it reads the texts."""
    if _is_postgres(session):
        return and_(*(JobTextRow.body.contains(word, autoescape=True) for word in words))
    return and_(*(func.instr(JobTextRow.body, word) > 0 for word in words))


async def found(session: AsyncSession, words: Sequence[str]) -> Select[Any]:
    """Return the query of the ids of jobs that hold all of the words, in no order."""
    query = select(JobTextRow.job_id)
    indexed = [word for word in words if len(word) >= _INDEXED]
    if _is_postgres(session) or not indexed or await session.scalar(_HAS_INDEX) is None:
        return query.where(holds(session, words))
    quoted = " AND ".join('"' + word.replace('"', '""') + '"' for word in indexed)
    query = query.join(_INDEX, _INDEX.c.rowid == JobTextRow.number).where(
        _INDEX.c.job_search.op("MATCH")(quoted)
    )
    rest = [word for word in words if len(word) < _INDEXED]
    return query.where(holds(session, rest)) if rest else query


def _is_postgres(session: AsyncSession) -> bool:
    return session.get_bind().dialect.name == "postgresql"

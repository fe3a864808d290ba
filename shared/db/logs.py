"""What attempts printed: chunks as the executors cut them, each stored once."""

import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple, cast
from uuid import UUID

from sqlalchemy import Table, delete, func, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.tables import ArtifactChunkRow, LogChunkRow
from shared.domain.ids import AttemptId

NOTE = "portal"
"""What is stored as the stream of the portal's own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredChunk:
    """A chunk as it came, with its text."""

    attempt_id: UUID
    run_id: UUID
    seq: int
    stream: str
    at: datetime
    text: str


class PackedChunk(NamedTuple):
    """A chunk as it lies in the store."""

    seq: int
    stream: str
    at: datetime
    text_bytes: int
    body: bytes
    """UTF-8, deflated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLog:
    """How much of one attempt's log is stored."""

    chunks: int
    highest: int
    lines: int


def packed(chunk: StoredChunk) -> dict[str, Any]:
    """Return the chunk as its row's columns; costs the time of compressing it."""
    body = chunk.text.encode("utf-8", "replace")
    return {
        "attempt_id": chunk.attempt_id,
        "seq": chunk.seq,
        "run_id": chunk.run_id,
        "stream": chunk.stream,
        "at": chunk.at,
        "text_bytes": len(body),
        "line_breaks": chunk.text.count("\n"),
        "body": zlib.compress(body, level=1),
    }


async def store(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Store packed chunks; one that is there already stays as it is."""
    dialect = session.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    # executemany, not one multi-row VALUES: measured 14 times faster.
    await session.execute(
        insert(cast("Table", LogChunkRow.__table__)).on_conflict_do_nothing(
            index_elements=["attempt_id", "seq"]
        ),
        # In one order for all: two replicas that store the same chunks must not wait for each other.
        sorted(rows, key=itemgetter("attempt_id", "seq")),
    )


async def contiguous_up_to(session: AsyncSession, attempt_id: AttemptId, after: int) -> int:
    """Return the highest n such that chunks `after` + 1 to n are all stored; `after` for none."""
    found = await session.scalars(
        select(LogChunkRow.seq)
        .where(LogChunkRow.attempt_id == attempt_id, LogChunkRow.seq > after)
        .order_by(LogChunkRow.seq)
    )
    highest = after
    for seq in found:
        if seq != highest + 1:
            break
        highest = seq
    return highest


async def chunks_after(
    session: AsyncSession, attempt_id: AttemptId, after: int, *, limit: int, stream: str | None = None
) -> list[StoredChunk]:
    """Return at most `limit` chunks after `after` in order, of both streams or of one."""
    query = select(LogChunkRow).where(LogChunkRow.attempt_id == attempt_id, LogChunkRow.seq > after)
    if stream is not None:
        query = query.where(LogChunkRow.stream == stream)
    rows = await session.scalars(query.order_by(LogChunkRow.seq).limit(limit))
    return [_unpacked(row) for row in rows]


async def packed_after(
    session: AsyncSession, attempt_id: AttemptId, after: int, *, limit: int
) -> list[PackedChunk]:
    """Return at most `limit` chunks after `after` in order, none of them inflated yet."""
    row = LogChunkRow
    query = select(row.seq, row.stream, row.at, row.text_bytes, row.body)
    found = await session.execute(
        query.where(row.attempt_id == attempt_id, row.seq > after).order_by(row.seq).limit(limit)
    )
    return [PackedChunk(*each) for each in found]


async def stored_log(session: AsyncSession, attempt_id: AttemptId) -> StoredLog:
    """Count what is stored of one attempt."""
    row = (
        await session.execute(
            select(
                func.count(),
                func.coalesce(func.max(LogChunkRow.seq), 0),
                func.coalesce(func.sum(LogChunkRow.line_breaks), 0),
            ).where(LogChunkRow.attempt_id == attempt_id)
        )
    ).one()
    return StoredLog(chunks=row[0], highest=row[1], lines=row[2])


async def last_chunk(session: AsyncSession, attempt_id: AttemptId, stream: str) -> StoredChunk | None:
    """Return the newest stored chunk of one stream."""
    row = await session.scalar(
        select(LogChunkRow)
        .where(LogChunkRow.attempt_id == attempt_id, LogChunkRow.stream == stream)
        .order_by(LogChunkRow.seq.desc())
        .limit(1)
    )
    return None if row is None else _unpacked(row)


async def runs_with_logs(session: AsyncSession, *, after: UUID | None, limit: int) -> list[UUID]:
    """Return the next runs by id of which something is stored: output, or files alone."""
    found: set[UUID] = set()
    for rows in (LogChunkRow, ArtifactChunkRow):
        runs = select(rows.run_id).distinct().order_by(rows.run_id).limit(limit)
        found |= set(await session.scalars(runs if after is None else runs.where(rows.run_id > after)))
    return sorted(found)[:limit]


async def remove_logs(session: AsyncSession, run_ids: Collection[UUID], *, limit: int) -> int:
    """Remove at most `limit` chunks of these runs; return how many there were."""
    key = tuple_(LogChunkRow.attempt_id, LogChunkRow.seq)
    chosen = (
        select(LogChunkRow.attempt_id, LogChunkRow.seq).where(LogChunkRow.run_id.in_(run_ids)).limit(limit)
    )
    found = [tuple(row) for row in await session.execute(chosen)]
    if found:
        await session.execute(delete(LogChunkRow).where(key.in_(found)))
    return len(found)


def _unpacked(row: LogChunkRow) -> StoredChunk:
    return StoredChunk(
        attempt_id=row.attempt_id,
        run_id=row.run_id,
        seq=row.seq,
        stream=row.stream,
        at=row.at,
        text=zlib.decompress(row.body).decode("utf-8", "replace"),
    )

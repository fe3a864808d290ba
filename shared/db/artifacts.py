"""The files that attempts left to be kept: pieces as the executors sent them, each stored once.

Each has a chunk without text in the log, at its place in the order of all that the attempt sent.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, delete, func, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.tables import ArtifactChunkRow


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file of which every piece is stored."""

    name: str
    size: int
    sha256: str


async def store(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Store pieces, by their columns; one that is there already stays as it is."""
    if not rows:
        return
    dialect = session.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    await session.execute(
        insert(cast("Table", ArtifactChunkRow.__table__)).on_conflict_do_nothing(
            index_elements=["attempt_id", "seq"]
        ),
        # In one order for all: two replicas that store the same pieces must not wait for each other.
        sorted(rows, key=itemgetter("attempt_id", "seq")),
    )


async def whole_files(session: AsyncSession, attempt_id: UUID) -> list[StoredFile]:
    """Return the attempt's files by name, without those of which a piece is missing."""
    size = func.max(ArtifactChunkRow.size)
    found = await session.execute(
        select(ArtifactChunkRow.name, size, func.max(ArtifactChunkRow.sha256))
        .where(ArtifactChunkRow.attempt_id == attempt_id)
        .group_by(ArtifactChunkRow.name)
        .having(func.sum(ArtifactChunkRow.length) == size)
    )
    files = [StoredFile(name=name, size=whole or 0, sha256=sha256 or "") for name, whole, sha256 in found]
    return sorted(files, key=lambda one: one.name)


async def piece_after(
    session: AsyncSession, attempt_id: UUID, name: str, after: int
) -> tuple[int, bytes] | None:
    """Return the file's next piece after chunk `after` and its number; None: there is no more."""
    row = await session.execute(
        select(ArtifactChunkRow.seq, ArtifactChunkRow.body)
        .where(
            ArtifactChunkRow.attempt_id == attempt_id,
            ArtifactChunkRow.seq > after,
            ArtifactChunkRow.name == name,
        )
        .order_by(ArtifactChunkRow.seq)
        .limit(1)
    )
    found = row.one_or_none()
    return None if found is None else (found.seq, found.body)


async def remove_files(session: AsyncSession, run_ids: Collection[UUID], *, limit: int) -> int:
    """Remove at most `limit` pieces of these runs; return how many there were."""
    key = tuple_(ArtifactChunkRow.attempt_id, ArtifactChunkRow.seq)
    chosen = select(ArtifactChunkRow.attempt_id, ArtifactChunkRow.seq)
    found = [
        tuple(row)
        for row in await session.execute(chosen.where(ArtifactChunkRow.run_id.in_(run_ids)).limit(limit))
    ]
    if found:
        await session.execute(delete(ArtifactChunkRow).where(key.in_(found)))
    return len(found)

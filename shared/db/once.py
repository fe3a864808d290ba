"""Requests that do something once, however often they are sent: a row for each key that came with one."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.statements import insert_all
from shared.db.tables import OnceRow

KEPT: Final = timedelta(days=7)
"""So long a request can be sent again without doing anything again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """A request that was sent with a key; both are SHA-256 in hex."""

    key: str
    """Of who asks, for what, and the key that they chose."""
    asked: str
    """Of what was sent."""


async def made_by(session: AsyncSession, once: Once) -> tuple[str, UUID] | None:
    """Return what was sent with the key the first time, and the id of what it made; None: it is new."""
    found = await session.execute(select(OnceRow.asked, OnceRow.made).where(OnceRow.key == once.key))
    row = found.one_or_none()
    return None if row is None else (row.asked, row.made)


async def keep(session: AsyncSession, once: Once, made: UUID, *, now: datetime) -> None:
    """Store the key with what it makes, in the transaction that makes it; those of long ago go."""
    await session.execute(delete(OnceRow).where(OnceRow.at < now - KEPT))
    await insert_all(session, OnceRow, [{"key": once.key, "asked": once.asked, "made": made, "at": now}])

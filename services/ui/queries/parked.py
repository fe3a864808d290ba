"""Messages that were parked: what each says, why nobody could handle it, and what people did about it."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.tables import ParkedMessageRow, ParkedRequestRow
from shared.domain.parked import ParkedState, ParkedWish

_MOST_LYING = 100
_MOST_DECIDED = 20
_MOST_TEXT = 4_000
_LYING = (ParkedState.PARKED, ParkedState.LEAVING)


class ParkedItem(msgspec.Struct, frozen=True, kw_only=True):
    """A parked message as a person reads it."""

    id: UUID
    state: ParkedState
    reason: str
    type: str
    """As its sender said; empty where it said none."""
    source: str
    queue: str
    exchange: str
    """Where it came from, and is put back to; empty: to the queue that the key names."""
    routing_key: str
    message_id: str
    headers: dict[str, str]
    text: str
    """The beginning of its body, at most 4 000 characters."""
    body_bytes: int
    is_whole: bool
    """False: more of it came than is kept, so it cannot be put back."""
    said_at: datetime | None
    parked_at: datetime
    parked_count: int
    decided_by: str | None
    decided_at: datetime | None
    wish: ParkedWish | None
    """What somebody asked for, and no scheduler has done yet."""
    refusal: str
    """Why the newest wish could not be fulfilled; empty when it was, or when there is none."""


class ParkedList(msgspec.Struct, frozen=True, kw_only=True):
    """What lies there, newest first, and after it what was decided lately."""

    items: tuple[ParkedItem, ...]
    lying: int
    """Undecided in all; at most 100 of them are listed."""


async def parked_count(session: AsyncSession) -> int:
    """Return how many messages wait for a decision."""
    counted = select(func.count()).select_from(ParkedMessageRow).where(ParkedMessageRow.state.in_(_LYING))
    return await session.scalar(counted) or 0


async def parked_list(session: AsyncSession) -> ParkedList:
    """Return the messages with what people want of them."""
    lying = await _rows(session, _LYING, _MOST_LYING)
    decided = await _rows(session, (ParkedState.PUT_BACK, ParkedState.DISCARDED), _MOST_DECIDED)
    rows = [*lying, *decided]
    newest = await _newest_wishes(session, [row.id for row in rows])
    return ParkedList(
        items=tuple(_item(row, newest.get(row.id)) for row in rows), lying=await parked_count(session)
    )


async def _rows(session: AsyncSession, states: tuple[ParkedState, ...], limit: int) -> list[ParkedMessageRow]:
    return list(
        await session.scalars(
            select(ParkedMessageRow)
            .where(ParkedMessageRow.state.in_(states))
            .order_by(ParkedMessageRow.parked_at.desc(), ParkedMessageRow.id)
            .limit(limit)
        )
    )


async def _newest_wishes(session: AsyncSession, ids: list[UUID]) -> dict[UUID, ParkedRequestRow]:
    wishes = await session.scalars(
        select(ParkedRequestRow).where(ParkedRequestRow.parked_id.in_(ids)).order_by(ParkedRequestRow.id)
    )
    return {wish.parked_id: wish for wish in wishes}


def _item(row: ParkedMessageRow, wish: ParkedRequestRow | None) -> ParkedItem:
    outcome = "" if wish is None or row.state is not ParkedState.PARKED else wish.outcome or ""
    return ParkedItem(
        id=row.id,
        state=row.state,
        reason=row.reason,
        type=row.type,
        source=row.source,
        queue=row.queue,
        exchange=row.exchange,
        routing_key=row.routing_key,
        message_id=row.message_id,
        headers=row.headers,
        text=row.body.decode("utf-8", "replace")[:_MOST_TEXT],
        body_bytes=row.body_bytes,
        is_whole=len(row.body) == row.body_bytes,
        said_at=row.said_at,
        parked_at=row.parked_at,
        parked_count=row.parked_count,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        wish=wish.wish if wish is not None and wish.handled_at is None else None,
        refusal=outcome.removeprefix("refused: ") if outcome.startswith("refused: ") else "",
    )

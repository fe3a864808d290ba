"""Parked messages as rows: taken in once each, decided by people, put back by one scheduler at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.statements import changed, columns_of, insert_all, table_of
from shared.db.tables import ParkedMessageRow, ParkedRequestRow
from shared.db.types import storable
from shared.domain.ids import ParkedId, RequestId
from shared.domain.parked import ParkedMessage, ParkedState, ParkedWish

MOST_PARKED = 1000
"""So many lie here undecided; what comes then stays in its queue, and is not lost."""
MOST_DECIDED = 200
LEAVES_WITHIN = timedelta(seconds=15)
"""Another scheduler takes over what one began to put back so long ago."""

_PARKED = table_of(ParkedMessageRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A wish that no scheduler has fulfilled yet."""

    id: RequestId
    parked_id: ParkedId
    wish: ParkedWish
    by: str


async def room_for_parked(session: AsyncSession) -> int:
    """Return how many more messages may be taken in."""
    lying = await session.scalar(
        select(func.count()).select_from(_PARKED).where(_PARKED.c.state == ParkedState.PARKED)
    )
    return max(0, MOST_PARKED - (lying or 0))


async def take_in(session: AsyncSession, messages: Sequence[ParkedMessage], *, now: datetime) -> int:
    """Note these messages and return how many of them are news; one that came twice is one."""
    found = {
        row.id: row
        for row in await session.execute(
            select(_PARKED.c.id, _PARKED.c.state, _PARKED.c.put_back_count)
            .where(_PARKED.c.id.in_([one.id for one in messages]))
            .with_for_update()
        )
    }
    fresh = {one.id: one for one in messages if one.id not in found}
    if fresh:
        await insert_all(session, ParkedMessageRow, [_values(one, now) for one in fresh.values()])
    again = [one for one in messages if one.id in found and _is_news(found[one.id], one)]
    for one in again:
        await changed(
            session,
            update(_PARKED)
            .where(_PARKED.c.id == one.id)
            .values(
                state=ParkedState.PARKED,
                reason=one.reason,
                parked_at=now,
                parked_count=_PARKED.c.parked_count + 1,
                taken_at=None,
                decided_by=None,
                decided_at=None,
            ),
        )
    return len(fresh) + len(again)


async def forget_decided(session: AsyncSession) -> None:
    """Delete all but the newest `MOST_DECIDED` messages that people have decided over, with their wishes."""
    decided = (ParkedState.PUT_BACK, ParkedState.DISCARDED)
    surplus = (
        select(_PARKED.c.id)
        .where(_PARKED.c.state.in_(decided))
        .order_by(_PARKED.c.parked_at.desc())
        .offset(MOST_DECIDED)
        .limit(MOST_PARKED)
    )
    ids = list(await session.scalars(surplus))
    if ids:
        await session.execute(delete(ParkedRequestRow).where(ParkedRequestRow.parked_id.in_(ids)))
        await session.execute(delete(ParkedMessageRow).where(ParkedMessageRow.id.in_(ids)))


async def ask_of_parked(
    session: AsyncSession,
    parked_id: ParkedId,
    wish: ParkedWish,
    *,
    request_id: RequestId,
    by: str,
    at: datetime,
) -> None:
    """Store what a person wants done with a parked message."""
    session.add(
        ParkedRequestRow(
            id=request_id,
            parked_id=parked_id,
            wish=wish,
            requested_by=by,
            requested_at=at,
            handled_at=None,
            outcome=None,
        )
    )
    await session.flush()


async def parked_state(session: AsyncSession, parked_id: ParkedId) -> ParkedState | None:
    """Return what became of it, or None: there is no such message."""
    return await session.scalar(select(ParkedMessageRow.state).where(ParkedMessageRow.id == parked_id))


async def is_whole(session: AsyncSession, parked_id: ParkedId) -> bool:
    """Say whether all of the message's body was kept."""
    kept = select(_PARKED.c.body, _PARKED.c.body_bytes).where(_PARKED.c.id == parked_id)
    body, body_bytes = (await session.execute(kept)).one()
    return bool(len(body) == body_bytes)


async def is_wanted(session: AsyncSession, parked_id: ParkedId, wish: ParkedWish) -> bool:
    """Say whether somebody wants this already, and no scheduler has done it yet."""
    same = select(ParkedRequestRow.id).where(
        ParkedRequestRow.parked_id == parked_id,
        ParkedRequestRow.wish == wish,
        ParkedRequestRow.handled_at.is_(None),
    )
    return await session.scalar(same.limit(1)) is not None


async def wanted(session: AsyncSession, *, limit: int) -> list[Wanted]:
    """Return the wishes that nobody fulfilled yet, oldest first."""
    rows = await session.scalars(
        select(ParkedRequestRow)
        .where(ParkedRequestRow.handled_at.is_(None))
        .order_by(ParkedRequestRow.id)
        .limit(limit)
    )
    return [
        Wanted(id=RequestId(row.id), parked_id=ParkedId(row.parked_id), wish=row.wish, by=row.requested_by)
        for row in rows
    ]


async def begin_to_leave(
    session: AsyncSession, parked_id: ParkedId, *, by: str, now: datetime
) -> ParkedMessage | None:
    """Take a message to put it back; None: it is decided already, or another scheduler is at it.

    Each time it is parked again counts one more way back; to be taken over is the same way.
    """
    mine = {"state": ParkedState.LEAVING, "taken_at": now, "decided_by": by, "decided_at": now}
    begun = update(_PARKED).where(_PARKED.c.id == parked_id, _PARKED.c.state == ParkedState.PARKED)
    over = update(_PARKED).where(
        _PARKED.c.id == parked_id,
        _PARKED.c.state == ParkedState.LEAVING,
        or_(_PARKED.c.taken_at.is_(None), _PARKED.c.taken_at < now - LEAVES_WITHIN),
    )
    is_mine = await changed(session, begun.values(**mine, put_back_count=_PARKED.c.put_back_count + 1))
    if not is_mine and not await changed(session, over.values(**mine)):
        return None
    row = await session.get_one(ParkedMessageRow, parked_id, populate_existing=True)
    return ParkedMessage(**{field.name: getattr(row, field.name) for field in fields(ParkedMessage)})


async def end_parked(
    session: AsyncSession,
    parked_id: ParkedId,
    state: ParkedState,
    *,
    was: ParkedState,
    by: str,
    now: datetime,
) -> bool:
    """Move a message on; False: it was in another state by then."""
    values: dict[str, Any] = {"state": state, "taken_at": None, "decided_by": by, "decided_at": now}
    if state is ParkedState.PARKED:
        values |= {"decided_by": None, "decided_at": None}
    moving = update(_PARKED).where(_PARKED.c.id == parked_id, _PARKED.c.state == was)
    return await changed(session, moving.values(**values)) == 1


async def let_go_again(session: AsyncSession, parked_id: ParkedId) -> None:
    """Note that it could not be published now: whoever comes first tries again."""
    leaving = update(_PARKED).where(_PARKED.c.id == parked_id, _PARKED.c.state == ParkedState.LEAVING)
    await changed(session, leaving.values(taken_at=None))


async def store_parked_outcome(
    session: AsyncSession, request_id: RequestId, outcome: str, *, now: datetime
) -> None:
    """Say what became of the wish; a second outcome changes nothing."""
    statement = update(ParkedRequestRow).where(
        ParkedRequestRow.id == request_id, ParkedRequestRow.handled_at.is_(None)
    )
    await changed(session, statement.values(outcome=outcome, handled_at=now))


def _is_news(known: Any, one: ParkedMessage) -> bool:
    """Say whether it was parked once more, and did not just come twice."""
    match known.state:
        case ParkedState.PARKED:
            return False
        case ParkedState.DISCARDED:
            return True  # nothing is dropped in silence: a person may discard it again
        case _:
            return one.put_back_count >= int(known.put_back_count)


def _values(one: ParkedMessage, now: datetime) -> dict[str, Any]:
    headers = {storable(key): storable(value) for key, value in one.headers.items()}
    more = {"state": ParkedState.PARKED, "parked_at": now, "parked_count": 1 + one.put_back_count}
    none = dict.fromkeys(("taken_at", "decided_by", "decided_at"))
    return {"id": one.id, **columns_of(one), "headers": headers, **more, **none}

"""Messages on their way: decided as rows before they are sent, claimed by whoever sends them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.statements import changed, changed_where, columns_of, insert_all, table_of
from shared.db.tables import AlertDeliveryRow, AlertNoticeRow
from shared.domain.alert import GATHERS_FOR, DeliveryState
from shared.domain.ids import new_id

CLAIM = timedelta(minutes=2)
"""Whoever has not said by then what became of a message is taken for dead."""
_KEPT = timedelta(days=90)
_MOST_FORGOTTEN = 500
_DELIVERIES = table_of(AlertDeliveryRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to tell."""

    at: datetime
    title: str
    text: str = ""
    job_id: UUID | None = None
    run_id: UUID | None = None
    with_log: bool = False
    """Whether the last lines of the run's output belong to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message on its way, or its fate."""

    id: UUID
    channel_id: UUID
    state: DeliveryState
    created_at: datetime
    send_at: datetime
    claimed_until: datetime | None
    tries: int
    done_at: datetime | None
    error: str
    notices: int
    is_trial: bool
    title: str
    body: str


async def gather(
    session: AsyncSession, channel_id: UUID, notices: Sequence[Notice], *, now: datetime, send_at: datetime
) -> UUID:
    """Add these to the message that waits for the channel, or to a new one that leaves at `send_at` at least.

    A new one leaves a minute after the one before it at the earliest. Whoever claims the message waits for
    this transaction, and reads what it tells afterwards.
    """
    is_free = or_(AlertDeliveryRow.claimed_until.is_(None), AlertDeliveryRow.claimed_until <= now)
    is_of_channel = (AlertDeliveryRow.channel_id == channel_id, AlertDeliveryRow.is_trial.is_(False))
    waiting = await session.scalar(
        select(AlertDeliveryRow.id)
        .where(*is_of_channel, AlertDeliveryRow.state == DeliveryState.WAITING, is_free)
        .order_by(AlertDeliveryRow.created_at.desc())
        .limit(1)
        .with_for_update()
    )
    if waiting is not None:
        more = update(AlertDeliveryRow).where(AlertDeliveryRow.id == waiting)
        await changed(session, more.values(notices=AlertDeliveryRow.notices + len(notices)))
    else:
        newest = await session.scalar(select(func.max(AlertDeliveryRow.created_at)).where(*is_of_channel))
        if newest is not None:
            send_at = max(send_at, newest + GATHERS_FOR)
        waiting = await _begin(session, channel_id, len(notices), now=now, send_at=send_at)
    rows = [{"id": new_id(), "delivery_id": waiting, **columns_of(one)} for one in notices]
    await insert_all(session, AlertNoticeRow, rows)
    return waiting


async def send_now(session: AsyncSession, channel_id: UUID, notice: Notice, *, now: datetime) -> UUID:
    """Make a message of its own that leaves at once: a trial."""
    delivery_id = await _begin(session, channel_id, 1, now=now, send_at=now, is_trial=True)
    row = {"id": new_id(), "delivery_id": delivery_id, **columns_of(notice)}
    await insert_all(session, AlertNoticeRow, [row])
    return delivery_id


async def _begin(
    session: AsyncSession,
    channel_id: UUID,
    count: int,
    *,
    now: datetime,
    send_at: datetime,
    is_trial: bool = False,
) -> UUID:
    delivery = Delivery(
        id=new_id(),
        channel_id=channel_id,
        state=DeliveryState.WAITING,
        created_at=now,
        send_at=send_at,
        claimed_until=None,
        tries=0,
        done_at=None,
        error="",
        notices=count,
        is_trial=is_trial,
        title="",
        body="",
    )
    await insert_all(session, AlertDeliveryRow, [columns_of(delivery)])
    return delivery.id


async def due(session: AsyncSession, now: datetime, *, limit: int) -> list[Delivery]:
    """Return what is to be sent and nobody sends, the longest due first."""
    query = (
        select(*_DELIVERIES.c)
        .where(
            _DELIVERIES.c.state == DeliveryState.WAITING,
            _DELIVERIES.c.send_at <= now,
            or_(_DELIVERIES.c.claimed_until.is_(None), _DELIVERIES.c.claimed_until <= now),
        )
        .order_by(_DELIVERIES.c.send_at)
        .limit(limit)
    )
    return [Delivery(**values) for values in (await session.execute(query)).mappings()]


async def claim(session: AsyncSession, delivery: Delivery, now: datetime) -> bool:
    """Take it to send it; False: somebody else has, or it was sent."""
    statement = update(AlertDeliveryRow).where(
        AlertDeliveryRow.id == delivery.id,
        AlertDeliveryRow.state == DeliveryState.WAITING,
        AlertDeliveryRow.tries == delivery.tries,
        or_(AlertDeliveryRow.claimed_until.is_(None), AlertDeliveryRow.claimed_until <= now),
    )
    return await changed(session, statement.values(claimed_until=now + CLAIM, tries=delivery.tries + 1)) == 1


async def notices_of(session: AsyncSession, delivery_id: UUID) -> list[Notice]:
    """Return what a message tells, in the order in which it was decided."""
    columns = [table_of(AlertNoticeRow).c[name] for name in Notice.__dataclass_fields__]
    query = (
        select(*columns)
        .where(AlertNoticeRow.delivery_id == delivery_id)
        .order_by(AlertNoticeRow.at, AlertNoticeRow.id)
    )
    return [Notice(**values) for values in (await session.execute(query)).mappings()]


async def settle(session: AsyncSession, delivery_id: UUID, values: dict[str, object]) -> None:
    """Say what became of a try; the message is nobody's afterwards."""
    await changed_where(session, AlertDeliveryRow, {"id": delivery_id}, {"claimed_until": None, **values})


async def deliveries(session: AsyncSession, *, before: UUID | None = None, limit: int) -> list[Delivery]:
    """Return messages, the newest first, from before this one on."""
    query = select(*_DELIVERIES.c).order_by(_DELIVERIES.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(_DELIVERIES.c.id < before)
    return [Delivery(**values) for values in (await session.execute(query)).mappings()]


async def forget_of_channel(session: AsyncSession, channel_id: UUID) -> None:
    """Forget every message of a channel that goes."""
    of_it = select(AlertDeliveryRow.id).where(AlertDeliveryRow.channel_id == channel_id)
    await session.execute(delete(AlertNoticeRow).where(AlertNoticeRow.delivery_id.in_(of_it)))
    await session.execute(delete(AlertDeliveryRow).where(AlertDeliveryRow.channel_id == channel_id))


async def forget_old(session: AsyncSession, now: datetime) -> int:
    """Forget some of the messages that are older than three months; return how many."""
    old = select(AlertDeliveryRow.id).where(AlertDeliveryRow.created_at < now - _KEPT).limit(_MOST_FORGOTTEN)
    ids = list(await session.scalars(old))
    if ids:
        await session.execute(delete(AlertNoticeRow).where(AlertNoticeRow.delivery_id.in_(ids)))
        await session.execute(delete(AlertDeliveryRow).where(AlertDeliveryRow.id.in_(ids)))
    return len(ids)

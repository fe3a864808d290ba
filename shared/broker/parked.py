"""Parked messages on the wire: how one is laid aside, taken out by a scheduler, and put back as it was."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

import aio_pika
from aio_pika.abc import AbstractIncomingMessage, HeadersType

from shared.broker.connection import CONNECTION_ERRORS, Broker, talking
from shared.broker.topology import asking
from shared.domain.errors import BrokerUnavailable
from shared.domain.parked import MOST_BODY, ParkedMessage
from shared.messages.topology import DEAD

_PUT_BACK = "x-put-back"
"""How often people have put the message back: by it a second parking is told from a doubled one."""
_OURS = ("x-reason", "x-queue", "x-exchange", "x-routing-key", _PUT_BACK)
_MOST_HEADERS = 20
_MOST_WORDS = 500
_MOST_SHORT = 255
"""Bytes of what AMQP calls a short string, as a routing key is: a longer one cannot be published."""
_BOUND_S = 5.0


def as_parked(incoming: AbstractIncomingMessage, *, queue: str, reason: str) -> aio_pika.Message:
    """Return the message as it is laid aside: all that was said with it, and why and whence."""
    headers: HeadersType = {
        **incoming.headers,
        "x-reason": reason[:_MOST_WORDS],
        "x-queue": queue,
        "x-exchange": incoming.exchange or "",
        "x-routing-key": incoming.routing_key or "",
    }
    return aio_pika.Message(
        incoming.body,
        headers=headers,
        message_id=incoming.message_id,
        type=incoming.type,
        timestamp=incoming.timestamp,
        app_id=incoming.app_id,
        correlation_id=incoming.correlation_id,
        content_type=incoming.content_type,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )


def as_it_was(parked: ParkedMessage) -> aio_pika.Message:
    """Return the message as it is put back: the same id, and how often that was done."""
    return aio_pika.Message(
        parked.body,
        headers={**parked.headers, _PUT_BACK: parked.put_back_count},
        message_id=parked.message_id or None,
        type=parked.type or None,
        timestamp=parked.said_at,
        app_id=parked.source or None,
        correlation_id=parked.correlation_id or None,
        content_type="application/json",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )


@asynccontextmanager
async def taken_parked(broker: Broker, *, limit: int) -> AsyncIterator[list[ParkedMessage]]:
    """Take what is parked, at most `limit`; left without an error it is acknowledged, else it comes again.

    Raises:
        BrokerUnavailable: the broker does not let us, or lost the channel before the acknowledgement.
    """
    try:
        with talking():
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(_BOUND_S):
                    channel = await stack.enter_async_context(asking(broker.consuming))
                    found = await _found(channel, limit)
                yield [_read(one) for one in found]
                if found:
                    async with asyncio.timeout(_BOUND_S):
                        await found[-1].ack(multiple=True)
    except (*CONNECTION_ERRORS, RuntimeError) as error:
        raise BrokerUnavailable(f"parked messages cannot be taken: {error!r}") from error


async def _found(channel: aio_pika.Channel, limit: int) -> list[AbstractIncomingMessage]:
    queue = await channel.get_queue(DEAD.name, ensure=False)
    found: list[AbstractIncomingMessage] = []
    while len(found) < limit and (one := await queue.get(fail=False)) is not None:
        found.append(one)
    return found


def _read(incoming: AbstractIncomingMessage) -> ParkedMessage:
    """Read what anybody may have published there: each fact may be missing."""
    said = {str(key): _words(value) for key, value in incoming.headers.items()}
    others = [(key[:_MOST_WORDS], value) for key, value in said.items() if key not in _OURS]
    count = said.get(_PUT_BACK, "")
    return ParkedMessage(
        queue=said.get("x-queue", ""),
        exchange=said.get("x-exchange", ""),
        routing_key=_short(said.get("x-routing-key")),
        reason=said.get("x-reason", "") or "it was put here without a reason",
        body=incoming.body[:MOST_BODY],
        body_bytes=len(incoming.body),
        message_id=_short(incoming.message_id),
        type=_short(incoming.type),
        source=_short(incoming.app_id),
        correlation_id=_short(incoming.correlation_id),
        said_at=_aware(incoming.timestamp),
        headers=dict(others[:_MOST_HEADERS]),
        put_back_count=int(count) if count.isdecimal() and len(count) < 6 else 0,  # noqa: PLR2004 - no count of ours has six digits
    )


def _words(value: object) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")
    return text[:_MOST_WORDS]


def _short(value: object) -> str:
    """Cut to what can be published, and not inside a character."""
    return _words(value).encode("utf-8", "replace")[:_MOST_SHORT].decode("utf-8", "ignore")


def _aware(said_at: datetime | None) -> datetime | None:
    return said_at.replace(tzinfo=UTC) if said_at is not None and said_at.tzinfo is None else said_at

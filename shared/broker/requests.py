"""Request and answer over direct reply-to (rabbitmq.com/docs/direct-reply-to).

The request is published on the channel that consumes the answers, as the broker demands. Answers
are not persistent and not mandatory: who does not get one asks again with the same id.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import structlog
from aio_pika.abc import AbstractRobustChannel
from aiormq.abc import AbstractChannel as UnderlayChannel
from aiormq.abc import DeliveredMessage

from shared.broker.connection import CONNECTION_ERRORS, Broker, close_quietly, opened, talking
from shared.broker.consumer import Delivery
from shared.broker.publisher import Outgoing, Publisher, send
from shared.domain.errors import BrokerUnavailable, MalformedMessage, UnknownMessage
from shared.messages.answers import Answer
from shared.messages.codec import decode, type_of
from shared.messages.envelope import Message
from shared.messages.topology import CLAIM_TTL_S, CLAIMS

log = structlog.get_logger()

_REPLY_TO = "amq.rabbitmq.reply-to"


class Requests:
    """Asks the schedulers. Make it with `Requests.on`; any number of askers may wait at once."""

    def __init__(self, channel: AbstractRobustChannel) -> None:
        self._channel = channel
        self._heard: UnderlayChannel | None = None
        self._turn = asyncio.Lock()
        self._waiting: dict[str, asyncio.Future[Message]] = {}

    @classmethod
    @asynccontextmanager
    async def on(cls, broker: Broker) -> AsyncIterator["Requests"]:
        """Open a channel that is kept over reconnects, and close it at the end."""
        channel: AbstractRobustChannel = broker.consuming.channel(publisher_confirms=True)
        await opened(channel)
        try:
            yield cls(channel)
        finally:
            await close_quietly(channel)

    async def ask(self, message: Message, *, timeout_s: float) -> Answer:
        """Publish the request and return its answer.

        Raises:
            BrokerUnavailable: no answer within `timeout_s`. The request may still take effect.
        """
        correlation_id = uuid4().hex
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[correlation_id] = future
        try:
            async with asyncio.timeout(timeout_s):
                with talking():
                    await self._channel.ready()
                    await self._listen()
                    await send(self._channel, _request(message, correlation_id))
                return await future  # type: ignore[return-value]
        except (*CONNECTION_ERRORS, RuntimeError) as error:
            raise BrokerUnavailable(f"no answer to {type_of(message)}: {error!r}") from error
        finally:
            del self._waiting[correlation_id]

    async def _listen(self) -> None:
        """Listen for answers on this channel, once: a request before that would cost the channel.

        Not in a callback of the reopening: a channel that is lost during one stays lost in aio-pika 10.2.
        """
        async with self._turn:
            underlay = await self._channel.get_underlay_channel()
            if underlay is not self._heard:
                await underlay.basic_consume(_REPLY_TO, self._on_answer, no_ack=True)
                self._heard = underlay

    async def _on_answer(self, delivered: DeliveredMessage) -> None:
        future = self._waiting.get(delivered.header.properties.correlation_id or "")
        if future is None or future.done():
            return
        try:
            future.set_result(decode(delivered.body))
        except (MalformedMessage, UnknownMessage) as error:
            log.warning("answer not understood", reason=str(error))


def _request(message: Message, correlation_id: str) -> Outgoing:
    return Outgoing(
        exchange=CLAIMS.exchange,
        key=CLAIMS.keys[0],
        message=message,
        persistent=False,
        expires_s=CLAIM_TTL_S,
        correlation_id=correlation_id,
        reply_to=_REPLY_TO,
    )


async def reply(publisher: Publisher, delivery: Delivery, answer: Message) -> None:
    """Send `answer` to who waits for it; a sender that is gone, or never waited, gets nothing."""
    if delivery.reply_to is None:
        return
    await publisher.answer(delivery.reply_to, delivery.correlation_id, answer)

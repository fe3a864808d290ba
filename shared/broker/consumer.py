"""Takes messages from one queue; what becomes of each is said by whoever handles it.

The callback only enqueues: aio-pika cancels callbacks that run when a channel goes, so work that
must not be cut in two never happens inside one.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
import structlog
from aio_pika.abc import AbstractIncomingMessage, AbstractQueue, AbstractRobustChannel, ConsumerTag

from shared.broker.connection import CONNECTION_ERRORS, Broker
from shared.broker.publisher import close_quietly
from shared.broker.topology import declare
from shared.domain.errors import BrokerUnavailable, MalformedMessage, UnknownMessage
from shared.messages.codec import AnyMessage, decode
from shared.messages.topology import EXCHANGE_KINDS, Exchange, Queue

log = structlog.get_logger()

MAX_PREFETCH = 1000


class Delivery:
    """One delivered message; exactly one of ack, requeue or park ends it.

    A word on a delivery whose channel is gone is void, silently: the broker delivers it again.
    """

    __slots__ = ("_consumer", "_incoming", "message")

    def __init__(self, message: AnyMessage, incoming: AbstractIncomingMessage, consumer: "Consumer") -> None:
        self.message = message
        self._incoming = incoming
        self._consumer = consumer

    @property
    def reply_to(self) -> str | None:
        """Return where the sender waits for an answer."""
        return self._incoming.reply_to

    @property
    def correlation_id(self) -> str | None:
        """Return what an answer must carry."""
        return self._incoming.correlation_id

    @property
    def is_stale(self) -> bool:
        """Say whether its channel is gone, so that the broker delivers it again."""
        try:
            return bool(self._incoming.channel.is_closed)
        except aio_pika.exceptions.ChannelInvalidStateError:
            return True

    async def ack(self, *, up_to_here: bool = False) -> None:
        """Say that its effect is stored; `up_to_here` says it of every earlier delivery too."""
        await self._say(self._incoming.ack(multiple=up_to_here))

    async def requeue(self) -> None:
        """Give it back, for another consumer or a later try."""
        await self._say(self._incoming.nack(requeue=True))

    async def park(self, reason: str) -> None:
        """Move it to the parking queue with the reason, so that a person can look at it."""
        await self._consumer._park(self._incoming, reason)  # noqa: SLF001 - one story in two classes

    async def _say(self, word: object) -> None:
        try:
            await word  # type: ignore[misc]
        except (*CONNECTION_ERRORS, RuntimeError) as error:
            log.debug("word on a stale delivery", error=repr(error))


class Consumer:
    """Deliveries of one queue, at most `prefetch` of them unacknowledged."""

    def __init__(self, channel: AbstractRobustChannel, queue: AbstractQueue) -> None:
        self._channel = channel
        self._queue = queue
        self._arrived: asyncio.Queue[Delivery] = asyncio.Queue(MAX_PREFETCH)
        self._tag: ConsumerTag | None = None

    @classmethod
    @asynccontextmanager
    async def on(
        cls, broker: Broker, queue: Queue, *, prefetch: int, start: bool = True
    ) -> AsyncIterator["Consumer"]:
        """Declare `queue` and consume it on a channel of its own; `start=False` waits for `resume`."""
        if not 1 <= prefetch <= MAX_PREFETCH:
            raise ValueError(f"prefetch must be 1 to {MAX_PREFETCH}, not {prefetch}")
        channel = broker.consuming.channel(publisher_confirms=True)
        await channel.initialize()
        await channel.set_qos(prefetch_count=prefetch)
        await channel.declare_exchange(Exchange.DEAD, EXCHANGE_KINDS[Exchange.DEAD], durable=True)
        consumer = cls(channel, await declare(channel, queue))
        if start:
            await consumer.resume()
        try:
            yield consumer
        finally:
            await consumer._stop(channel)

    async def next(self) -> Delivery:
        """Wait for the next delivery whose channel still stands."""
        while (delivery := await self._arrived.get()).is_stale:
            self._forget_stale()
        return delivery

    async def batch(self, *, limit: int, within_s: float) -> list[Delivery]:
        """Wait for one delivery, then return it with what else arrives `within_s`, at most `limit`."""
        deliveries = [await self.next()]
        try:
            async with asyncio.timeout(within_s):
                while len(deliveries) < limit:
                    deliveries.append(await self.next())
        except TimeoutError:
            self._forget_stale()
        return deliveries

    async def bind(self, exchange: Exchange, key: str) -> None:
        """Feed the queue with one more key; kept over reconnects."""
        await self._queue.bind(exchange, key)

    async def unbind(self, exchange: Exchange, key: str) -> None:
        """Stop feeding the queue with this key."""
        await self._queue.unbind(exchange, key)

    @property
    def paused(self) -> bool:
        """Say whether the broker is asked to send nothing."""
        return self._tag is None

    async def pause(self) -> None:
        """Ask the broker to send nothing more; what has arrived is still to be handled."""
        if self._tag is not None:
            tag, self._tag = self._tag, None
            try:
                async with asyncio.timeout(5):
                    await self._queue.cancel(tag)
            except (*CONNECTION_ERRORS, RuntimeError) as error:
                log.debug("consumer was gone already", error=repr(error))

    async def resume(self) -> None:
        """Ask the broker to send again.

        Raises:
            BrokerUnavailable: not confirmed within 5 s.
        """
        if self._tag is None:
            try:
                async with asyncio.timeout(5):
                    await self._channel.ready()
                    self._tag = await self._queue.consume(self._on_message)
            except (*CONNECTION_ERRORS, RuntimeError) as error:
                raise BrokerUnavailable(f"cannot consume {self._queue.name}: {error!r}") from error

    async def _on_message(self, incoming: AbstractIncomingMessage) -> None:
        try:
            message = decode(incoming.body)
        except (MalformedMessage, UnknownMessage) as error:
            await self._park(incoming, str(error))
            return
        if self._arrived.full():
            self._forget_stale()
        self._arrived.put_nowait(Delivery(message, incoming, self))

    def _forget_stale(self) -> None:
        """Make room: what came over channels that are gone comes again; the live ones fit by the prefetch."""
        waiting = [self._arrived.get_nowait() for _ in range(self._arrived.qsize())]
        for delivery in waiting:
            if not delivery.is_stale:
                self._arrived.put_nowait(delivery)

    async def _park(self, incoming: AbstractIncomingMessage, reason: str) -> None:
        log.warning("message parked", queue=self._queue.name, reason=reason, message_id=incoming.message_id)
        try:
            async with asyncio.timeout(5):
                dead = await self._channel.get_exchange(Exchange.DEAD, ensure=False)
                await dead.publish(
                    aio_pika.Message(
                        incoming.body,
                        headers={
                            "x-reason": reason[:500],
                            "x-queue": self._queue.name,
                            "x-exchange": incoming.exchange or "",
                            "x-routing-key": incoming.routing_key or "",
                        },
                        message_id=incoming.message_id,
                        type=incoming.type,
                        content_type=incoming.content_type,
                        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                    ),
                    routing_key="",
                )
                await incoming.ack()
        except (*CONNECTION_ERRORS, RuntimeError) as error:
            # Still unacknowledged: it comes again with the next channel and is parked then.
            log.warning("message could not be parked yet", error=repr(error))

    async def _stop(self, channel: aio_pika.abc.AbstractChannel) -> None:
        # It ends the consumer too; to cancel that first would wait 5 s for a broker that is away.
        await close_quietly(channel)

"""Publishes with confirms: what returns without an error is in a queue."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import aio_pika
import structlog
from aio_pika.abc import AbstractRobustChannel, AbstractRobustConnection, DeliveryMode
from aiormq.abc import AbstractChannel as UnderlayChannel

from shared.broker.connection import CONNECTION_ERRORS, Broker, close_quietly, opened, talking
from shared.broker.parked import as_it_was
from shared.broker.topology import asking, declare
from shared.domain.errors import BrokerUnavailable, MalformedMessage, PortalError, Unroutable
from shared.domain.parked import ParkedMessage
from shared.messages.codec import CONTENT_TYPE, encode, type_of
from shared.messages.envelope import Message
from shared.messages.topology import EXCHANGE_KINDS, LASTING, Exchange, Queue

log = structlog.get_logger()

PUBLISH_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message and where it goes. `mandatory`: no queue for it is an error, not a shrug."""

    exchange: Exchange
    key: str
    message: Message
    mandatory: bool = True
    persistent: bool = True
    expires_s: float | None = None
    correlation_id: str | None = None
    reply_to: str | None = None


class Publisher:
    """Publishes on one channel with confirms. Make it with `Publisher.on`."""

    def __init__(self, channel: AbstractRobustChannel, connection: AbstractRobustConnection) -> None:
        self._channel = channel
        self._connection = connection
        self._declared: dict[str, Queue] = {}
        self._declares = False
        self._prepared: UnderlayChannel | None = None
        self._turn = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def on(cls, broker: Broker, *, declares: bool = False) -> AsyncIterator["Publisher"]:
        """Open a channel and close it at the end.

        `declares`: declare all that lasts, now and after each reconnect, as only the scheduler may.
        """
        channel: AbstractRobustChannel = broker.publishing.channel(
            publisher_confirms=True, on_return_raises=True
        )
        await opened(channel)
        publisher = cls(channel, broker.publishing)
        try:
            if declares:
                publisher._declares = True
                publisher._declared |= {queue.name: queue for queue in LASTING}
                await publisher._prepare()
            yield publisher
        finally:
            await close_quietly(channel)

    async def declare(self, queue: Queue) -> None:
        """Declare a queue, such as a new pool's; `keep_declared` sees to it from then on.

        Raises:
            BrokerUnavailable: when the broker refuses it, or does not confirm it in time.
        """
        try:
            await self._declare_until_refused(deque([queue]))
        except (*CONNECTION_ERRORS, RuntimeError) as error:
            raise BrokerUnavailable(f"cannot declare {queue.name}: {error!r}") from error

    async def keep_declared(self, *queues: Queue) -> None:
        """Declare the exchanges, these, and what was ever declared here: people delete such by hand.

        One that the broker refuses is logged and keeps no other from being declared.

        Raises:
            BrokerUnavailable: when the broker does not answer in time.
        """
        known = self._declared | {queue.name: queue for queue in queues}
        left: deque[Exchange | Queue] = deque((*EXCHANGE_KINDS, *known.values()))
        while left:
            try:
                await self._declare_until_refused(left)
            except aio_pika.exceptions.ChannelClosed as error:
                refused = left.popleft()
                log.warning(
                    "queue or exchange refused; if it is there with other arguments, delete it by hand",
                    name=_name_of(refused),
                    error=str(error),
                )
            except (*CONNECTION_ERRORS, RuntimeError) as error:
                raise BrokerUnavailable(f"cannot declare {_name_of(left[0])}: {error!r}") from error

    async def _ready(self) -> None:
        await self._channel.ready()
        if self._declares:
            await self._prepare()

    async def _prepare(self) -> None:
        """Declare all that lasts, once per life of the channel: the broker may have come back without it.

        Not by the channel itself: one queue that somebody made again with other arguments would be refused,
        and the channel would never come back.
        """
        underlay = await self._channel.get_underlay_channel()
        if underlay is self._prepared:
            return
        async with self._turn:
            if underlay is not self._prepared:
                await self.keep_declared()
                self._prepared = underlay

    async def _declare_until_refused(self, left: deque[Exchange | Queue]) -> None:
        """Declare from the left on a channel of its own, for a refusal costs the channel."""
        with talking():
            async with asyncio.timeout(PUBLISH_TIMEOUT_S), asking(self._connection) as channel:
                while left:
                    await declare(channel, left[0])
                    declared = left.popleft()
                    if isinstance(declared, Queue):
                        self._declared[declared.name] = declared

    async def publish(self, outgoing: Outgoing) -> None:
        """Publish and wait for the broker's confirm, at most `PUBLISH_TIMEOUT_S`.

        Raises:
            Unroutable: no queue took it (only if mandatory); it is nowhere.
            BrokerUnavailable: no confirm in time, or a full queue refused it. It may still arrive:
                publish the same message again, its id is unchanged.
        """
        with _confirmed(type_of(outgoing.message), outgoing.key, outgoing.exchange):
            async with asyncio.timeout(PUBLISH_TIMEOUT_S):
                with talking():
                    await self._ready()
                    await send(self._channel, outgoing)

    async def is_taken(self) -> bool:
        """Say whether the broker takes messages now: with a memory or disk alarm it does not.

        Nobody gets what is sent for it. It takes up to `PUBLISH_TIMEOUT_S` to say no.
        """
        feeler = aio_pika.Message(b"", delivery_mode=DeliveryMode.NOT_PERSISTENT)
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT_S):
                with talking():
                    await self._ready()
                    control = await self._channel.get_exchange(Exchange.CONTROL, ensure=False)
                    await control.publish(feeler, routing_key="nobody", mandatory=False)
        except (*CONNECTION_ERRORS, RuntimeError, BrokerUnavailable):
            return False
        return True

    async def put_back(self, parked: ParkedMessage) -> None:
        """Publish a parked message to where it came from, and wait for the confirm as `publish` does.

        Raises:
            MalformedMessage: it cannot be published: its exchange is none of ours, or a property of it
                is too long, for instance.
            Unroutable, BrokerUnavailable: as `publish`.
        """
        if parked.exchange and parked.exchange not in set(Exchange):
            # Anybody may have parked it. Published all the same, it would cost the channel.
            raise MalformedMessage(f"the portal has no exchange {parked.exchange!r}")
        with _confirmed(parked.type or "a message", parked.routing_key, parked.exchange):
            async with asyncio.timeout(PUBLISH_TIMEOUT_S):
                with talking():
                    await self._ready()
                    exchange = self._channel.default_exchange
                    if parked.exchange:
                        exchange = await self._channel.get_exchange(parked.exchange, ensure=False)
                    try:
                        await exchange.publish(
                            as_it_was(parked), routing_key=parked.routing_key, mandatory=True
                        )
                    except (ValueError, TypeError) as error:  # from the encoder: nothing was sent
                        raise MalformedMessage(f"it cannot be published: {error}") from error

    async def publish_all(self, batch: Sequence[Outgoing]) -> list[PortalError | None]:
        """Publish together and return, in order, None for each confirmed one or its error."""
        results: list[PortalError | None] = [None] * len(batch)

        async def one(index: int, outgoing: Outgoing) -> None:
            try:
                await self.publish(outgoing)
            except (Unroutable, BrokerUnavailable) as error:
                results[index] = error

        async with asyncio.TaskGroup() as group:
            for index, outgoing in enumerate(batch):
                group.create_task(one(index, outgoing))
        return results

    async def answer(self, reply_to: str, correlation_id: str | None, message: Message) -> None:
        """Send an answer to a direct reply-to address; not confirmed: a lost answer is asked for again."""
        amqp = aio_pika.Message(
            encode(message),
            message_id=str(message.id),
            type=type_of(message),
            timestamp=message.time,
            app_id=message.source,
            content_type=CONTENT_TYPE,
            correlation_id=correlation_id,
        )
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT_S):
                with talking():
                    await self._channel.ready()
                    await self._channel.default_exchange.publish(amqp, routing_key=reply_to, mandatory=False)
        except (*CONNECTION_ERRORS, RuntimeError) as error:
            log.warning("answer not sent", type=type_of(message), error=repr(error))

    async def depth(self, queue: Queue) -> int:
        """Return how many messages are ready in `queue`, as the broker counts them now.

        Raises:
            BrokerUnavailable: when it cannot be asked.
        """
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT_S):
                with talking():
                    async with asking(self._connection) as channel:
                        found = await channel.get_queue(queue.name)
        except (*CONNECTION_ERRORS, RuntimeError) as error:
            raise BrokerUnavailable(f"cannot ask for the depth of {queue.name}: {error!r}") from error
        return found.declaration_result.message_count or 0


async def send(channel: AbstractRobustChannel, outgoing: Outgoing) -> None:
    """Publish on this channel with aio-pika's own errors; waits for the confirm."""
    message = outgoing.message
    exchange = await channel.get_exchange(outgoing.exchange, ensure=False)
    await exchange.publish(
        aio_pika.Message(
            encode(message),
            message_id=str(message.id),
            type=type_of(message),
            timestamp=message.time,
            app_id=message.source,
            content_type=CONTENT_TYPE,
            correlation_id=outgoing.correlation_id,
            reply_to=outgoing.reply_to,
            expiration=outgoing.expires_s,
            delivery_mode=DeliveryMode.PERSISTENT if outgoing.persistent else DeliveryMode.NOT_PERSISTENT,
        ),
        routing_key=outgoing.key,
        mandatory=outgoing.mandatory,
    )


@contextmanager
def _confirmed(what: str, key: str, exchange: str) -> Iterator[None]:
    try:
        yield
    except aio_pika.exceptions.PublishError as error:
        raise Unroutable(f"no queue takes {what} with key {key!r} of {exchange}") from error
    except (*CONNECTION_ERRORS, RuntimeError) as error:
        raise BrokerUnavailable(f"{what} not confirmed: {error!r}") from error


def _name_of(lasting: Exchange | Queue) -> str:
    return lasting if isinstance(lasting, Exchange) else lasting.name

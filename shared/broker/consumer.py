"""Takes messages from one queue; what becomes of each is said by whoever handles it.

The callback only enqueues: aio-pika cancels callbacks that run when a channel goes, so work that
must not be cut in two never happens inside one.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aio_pika
import structlog
from aio_pika.abc import (
    AbstractIncomingMessage,
    AbstractQueue,
    AbstractRobustChannel,
    AbstractRobustConnection,
    ConsumerTag,
)
from aiormq import spec
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_exponential_jitter

from shared.broker.connection import (
    CONNECTION_ERRORS,
    Broker,
    close_quietly,
    is_to_be_tried_again,
    opened,
    talking,
)
from shared.broker.parked import as_parked
from shared.broker.topology import asking, until_there
from shared.domain.errors import MalformedMessage, UnknownMessage
from shared.messages.codec import AnyMessage, decode
from shared.messages.topology import Exchange, Queue

log = structlog.get_logger()

MAX_PREFETCH = 1000
_BOUND_S = 5.0


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
        return _is_stale(self._incoming)

    async def ack(self, *, up_to_here: bool = False) -> None:
        """Say that its effect is stored; `up_to_here` says it of every earlier delivery too."""
        await self._say(self._incoming.ack(multiple=up_to_here))

    async def requeue(self) -> None:
        """Give it back, for another consumer or a later try."""
        await self._say(self._incoming.nack(requeue=True))

    async def park(self, reason: str) -> None:
        """Move it to the parking queue with the reason, so that a person can look at it.

        Returns when it is there, however long that takes, or when its channel is gone.
        """
        await self._consumer._park(self._incoming, reason)  # noqa: SLF001 - one story in two classes

    async def _say(self, word: object) -> None:
        try:
            await word  # type: ignore[misc]
        except (*CONNECTION_ERRORS, RuntimeError) as error:
            log.debug("word on a stale delivery", error=repr(error))


@dataclass(frozen=True, slots=True)
class _Malformed:
    """What arrived and is no message; parked in its turn, for an ack may cover what came before it alone."""

    incoming: AbstractIncomingMessage
    reason: str

    @property
    def is_stale(self) -> bool:
        return _is_stale(self.incoming)


class Consumer:
    """Deliveries of one queue, at most `prefetch` of them unacknowledged.

    Whoever waits for the next delivery also sees to it that the queue is consumed: when it is not there
    yet, when its channel or the broker was lost, when somebody deleted it. aio-pika's own way would close
    and open the whole connection, each second, for one queue that may never come.
    """

    def __init__(
        self, connection: AbstractRobustConnection, channel: AbstractRobustChannel, queue: Queue
    ) -> None:
        self._connection = connection
        self._channel = channel
        self._queue = queue
        self._bindings = {(queue.exchange, key) for key in queue.keys} if queue.exclusive else set()
        self._arrived: deque[Delivery | _Malformed] = deque()
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()
        self._tag: ConsumerTag | None = None
        self._is_wanted = False

    @classmethod
    @asynccontextmanager
    async def on(
        cls, broker: Broker, queue: Queue, *, prefetch: int, start: bool = True
    ) -> AsyncIterator["Consumer"]:
        """Consume `queue` on a channel of its own, from now or, with `start=False`, from `resume` on.

        An exclusive queue is declared here; a durable one is waited for, as long as it takes.
        """
        if not 1 <= prefetch <= MAX_PREFETCH:
            raise ValueError(f"prefetch must be 1 to {MAX_PREFETCH}, not {prefetch}")
        # What is parked and no queue takes must be an error: its ack would lose it.
        channel: AbstractRobustChannel = broker.consuming.channel(
            publisher_confirms=True, on_return_raises=True
        )
        await opened(channel, prefetch=prefetch)
        consumer = cls(broker.consuming, channel, queue)
        channel.reopen_callbacks.add(consumer._on_reopen)
        try:
            if start:
                consumer.resume()
                await consumer._consume()
            yield consumer
        finally:
            # It ends the consumer too; to cancel that first would wait 5 s for a broker that is away.
            await close_quietly(channel)

    async def next(self) -> Delivery:
        """Wait for the next delivery whose channel still stands."""
        while True:
            await self._consume()
            match self._first():
                case None:
                    self._wake.clear()
                    await self._wake.wait()
                case Delivery() as delivery:
                    self._arrived.popleft()
                    return delivery
                case malformed:
                    self._arrived.popleft()
                    await self._park(malformed.incoming, malformed.reason)

    async def batch(self, *, limit: int, within_s: float) -> list[Delivery]:
        """Wait for one delivery, then return it with what else arrives `within_s`, at most `limit`.

        What is no message ends the batch: it is parked before the next one.
        """
        deliveries = [await self.next()]
        try:
            async with asyncio.timeout(within_s):
                while len(deliveries) < limit and (delivery := await self._arrival()) is not None:
                    deliveries.append(delivery)
        except TimeoutError:
            pass
        return deliveries

    async def bind(self, exchange: Exchange, key: str) -> None:
        """Feed the queue, one of our own, with one more key; kept over reconnects."""
        with talking():
            underlay = await self._channel.get_underlay_channel()
            await underlay.queue_bind(self._queue.name, exchange, key, timeout=_BOUND_S)
        self._bindings.add((exchange, key))

    async def unbind(self, exchange: Exchange, key: str) -> None:
        """Stop feeding the queue with this key."""
        self._bindings.discard((exchange, key))
        with talking():
            underlay = await self._channel.get_underlay_channel()
            await underlay.queue_unbind(self._queue.name, exchange, key, timeout=_BOUND_S)

    @property
    def paused(self) -> bool:
        """Say whether nothing is wanted."""
        return not self._is_wanted

    @property
    def is_consuming(self) -> bool:
        """Say whether the broker may send."""
        return self._tag is not None

    async def pause(self) -> None:
        """Ask the broker to send nothing more; what has arrived is still to be handled."""
        self._is_wanted = False
        async with self._turn:
            tag, self._tag = self._tag, None
            if tag is None:
                return
            try:
                async with asyncio.timeout(_BOUND_S):
                    with talking():
                        underlay = await self._channel.get_underlay_channel()
                        await underlay.basic_cancel(tag)
            except (*CONNECTION_ERRORS, RuntimeError) as error:
                log.debug("consumer was gone already", error=repr(error))

    def resume(self) -> None:
        """Want deliveries again: whoever waits for the next one asks the broker for them."""
        self._is_wanted = True
        self._wake.set()

    @until_there
    async def _consume(self) -> None:
        if not self._is_wanted or self._tag is not None:
            return
        async with self._turn, asyncio.timeout(_BOUND_S):
            with talking():
                await self._channel.ready()
                queue = await (self._own_queue() if self._queue.exclusive else self._shared_queue())
                underlay = await self._channel.get_underlay_channel()
                underlay.on_consumer_cancel_callbacks.add(self._on_cancel)
                if self._is_wanted:
                    self._tag = await queue.consume(self._on_message)

    async def _shared_queue(self) -> AbstractQueue:
        async with asking(self._connection) as channel:
            await channel.get_queue(self._queue.name)
        return await self._channel.get_queue(self._queue.name, ensure=False)

    async def _own_queue(self) -> AbstractQueue:
        async with asking(self._connection) as channel:
            await channel.get_exchange(self._queue.exchange)
        queue = await self._channel.declare_queue(
            self._queue.name,
            exclusive=True,
            auto_delete=True,
            arguments=dict(self._queue.arguments),
            robust=False,
        )
        for exchange, key in tuple(self._bindings):
            await queue.bind(exchange, key)
        return queue

    async def _arrival(self) -> Delivery | None:
        """Wait for what arrives by itself: this may be cancelled, which asking the broker may not.

        None: it is no message, and stays where it is.
        """
        while (first := self._first()) is None:
            self._wake.clear()
            await self._wake.wait()
        if isinstance(first, _Malformed):
            return None
        self._arrived.popleft()
        return first

    def _first(self) -> Delivery | _Malformed | None:
        """Return what is next and leave it there; what came over a channel that is gone is dropped."""
        while self._arrived and self._arrived[0].is_stale:
            self._arrived.popleft()
        return self._arrived[0] if self._arrived else None

    def _on_reopen(self, *_: object) -> None:
        self._tag = None
        self._wake.set()

    def _on_cancel(self, frame: spec.Basic.Cancel) -> None:
        if frame.consumer_tag == self._tag:
            self._tag = None
            self._wake.set()

    async def _on_message(self, incoming: AbstractIncomingMessage) -> None:
        arrived: Delivery | _Malformed
        try:
            arrived = Delivery(decode(incoming.body), incoming, self)
        except (MalformedMessage, UnknownMessage) as error:
            arrived = _Malformed(incoming, str(error))
        if len(self._arrived) >= MAX_PREFETCH:
            # What came over channels that are gone comes again; the live ones fit by the prefetch.
            self._arrived = deque(waiting for waiting in self._arrived if not waiting.is_stale)
        self._arrived.append(arrived)
        self._wake.set()

    async def _park(self, incoming: AbstractIncomingMessage, reason: str) -> None:
        """Park it; one whose channel goes meanwhile comes again, and is parked then."""
        trying = AsyncRetrying(
            retry=retry_if_exception(is_to_be_tried_again),
            wait=wait_exponential_jitter(multiplier=0.1, max=1, jitter=0.1),
            stop=lambda _: _is_stale(incoming),
            before_sleep=_say_not_parked,
            retry_error_callback=_say_not_parked,
        )
        await trying(self._park_once, incoming, reason)

    async def _park_once(self, incoming: AbstractIncomingMessage, reason: str) -> None:
        async with asyncio.timeout(_BOUND_S):
            with talking():
                await self._publish_parked(incoming, reason)
                await incoming.ack()
        log.warning("message parked", queue=self._queue.name, reason=reason, message_id=incoming.message_id)

    async def _publish_parked(self, incoming: AbstractIncomingMessage, reason: str) -> None:
        dead = await self._channel.get_exchange(Exchange.DEAD, ensure=False)
        await dead.publish(as_parked(incoming, queue=self._queue.name, reason=reason), routing_key="")


def _is_stale(incoming: AbstractIncomingMessage) -> bool:
    try:
        return bool(incoming.channel.is_closed)
    except aio_pika.exceptions.ChannelInvalidStateError:
        return True


def _say_not_parked(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome is not None else None
    log.warning("message could not be parked yet", attempt=state.attempt_number, error=repr(error))

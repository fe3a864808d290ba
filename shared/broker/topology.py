"""Declares what lasts, and waits for it where one may not declare: only the scheduler may.

To declare takes the right to delete, so executors and ui have it for queues of their own alone. To ask
whether something is there takes no right; but the answer "no" closes the channel that asked.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
import structlog
from aio_pika.abc import AbstractChannel, AbstractRobustConnection, HeadersType
from tenacity import RetryCallState, retry, retry_if_exception, wait_exponential_jitter

from shared.broker.connection import Broker, close_quietly, is_to_be_tried_again, talking
from shared.messages.topology import COMMON, EXCHANGE_KINDS, Exchange, Queue

log = structlog.get_logger()

_FIRST_WORD = 3
"""The attempt at which waiting is said first: what takes less is a start side by side, and no news."""
_SAY_EVERY = 60


async def declare(channel: AbstractChannel, lasting: Exchange | Queue) -> None:
    """Declare an exchange, or a durable queue with its exchange and bindings; repeating it changes nothing.

    A refusal, such as of a queue that has other arguments, closes the channel.
    """
    name = lasting if isinstance(lasting, Exchange) else lasting.exchange
    exchange = await channel.declare_exchange(name, EXCHANGE_KINDS[name], durable=True)
    if isinstance(lasting, Exchange):
        return
    queue = lasting
    arguments: HeadersType = dict(queue.arguments)  # type: ignore[arg-type]  # ours are numbers and words
    declared = await channel.declare_queue(queue.name, durable=True, arguments=arguments)
    for key in queue.keys:
        await declared.bind(exchange, key)


def _say_waiting(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome is not None else None
    if state.attempt_number != _FIRST_WORD and state.attempt_number % _SAY_EVERY:
        return
    if isinstance(error, aio_pika.exceptions.ChannelNotFoundEntity):
        log.warning("waiting for a scheduler to declare its queues", missing=str(error))
    else:
        log.warning("cannot reach what it needs of the broker", error=repr(error))


until_there = retry(
    retry=retry_if_exception(is_to_be_tried_again),
    wait=wait_exponential_jitter(multiplier=0.1, max=1, jitter=0.1),
    before_sleep=_say_waiting,
)
"""Decorates what needs a queue or an exchange that is not there, or not yet again: tried each second."""


@until_there
async def until_declared(broker: Broker) -> None:
    """Return once a scheduler has declared what every service counts on; says that it waits."""
    with talking():
        async with asking(broker.consuming) as channel:
            for exchange in EXCHANGE_KINDS:
                await channel.get_exchange(exchange)
            for queue in COMMON:
                await channel.get_queue(queue.name)


@asynccontextmanager
async def asking(connection: AbstractRobustConnection) -> AsyncIterator[aio_pika.Channel]:
    """Open a channel that may be lost by a question, and is not opened again; close it at the end.

    Opening waits for as long as its caller does; closing is bounded, for who is blocked gets no answer.
    """
    await connection.ready()
    channel = aio_pika.Channel(connection, publisher_confirms=False)
    try:
        await channel.initialize()
        yield channel
    finally:
        await close_quietly(channel)

"""Declares what lasts, and waits for it where one may not declare: only the scheduler may.

To declare takes the right to delete, so executors and ui have it for queues of their own alone. To ask
whether something is there takes no right; but the answer "no" closes the channel that asked.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
import structlog
from aio_pika.abc import AbstractChannel, AbstractRobustChannel, AbstractRobustConnection, HeadersType
from tenacity import RetryCallState, retry, retry_if_exception_type, wait_exponential_jitter

from shared.broker.connection import CONNECTION_ERRORS, Broker, talking
from shared.messages.topology import COMMON, EXCHANGE_KINDS, LASTING, Queue

log = structlog.get_logger()

_FIRST_WORD = 3
"""The attempt at which waiting is said first: what takes less is a start side by side, and no news."""
_SAY_EVERY = 60


async def declare_lasting(channel: AbstractRobustChannel) -> None:
    """Declare every exchange and what `LASTING` holds; the channel does it again after a reconnect."""
    for exchange, kind in EXCHANGE_KINDS.items():
        await channel.declare_exchange(exchange, kind, durable=True)
    for queue in LASTING:
        await declare(channel, queue)


async def declare(channel: AbstractChannel, queue: Queue) -> None:
    """Declare a durable queue with its exchange and bindings; repeating it changes nothing.

    A refusal, such as of a queue that has other arguments, closes the channel.
    """
    kind = EXCHANGE_KINDS[queue.exchange]
    exchange = await channel.declare_exchange(queue.exchange, kind, durable=True)
    arguments: HeadersType = dict(queue.arguments)  # type: ignore[arg-type]  # ours are numbers and words
    declared = await channel.declare_queue(queue.name, durable=True, arguments=arguments)
    for key in queue.keys:
        await declared.bind(exchange, key)


def _say_waiting(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome is not None else None
    is_time = state.attempt_number == _FIRST_WORD or state.attempt_number % _SAY_EVERY == 0
    if is_time and isinstance(error, aio_pika.exceptions.ChannelNotFoundEntity):
        log.warning("waiting for a scheduler to declare its queues", missing=str(error))


until_there = retry(
    retry=retry_if_exception_type((*CONNECTION_ERRORS, RuntimeError)),
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
    """Open a channel that may be lost by a question, and is not opened again; close it at the end."""
    await connection.ready()
    async with aio_pika.Channel(connection, publisher_confirms=False) as channel:
        yield channel

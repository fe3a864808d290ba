"""Declares what `shared.messages.topology` says, on a channel that declares it again after a loss."""

from typing import Any

from aio_pika.abc import AbstractChannel, AbstractQueue

from shared.messages.topology import COMMON, EXCHANGE_KINDS, Queue


async def declare(channel: AbstractChannel, queue: Queue) -> AbstractQueue:
    """Declare a queue with its exchange and bindings; repeating it changes nothing.

    A robust channel declares all of it again when the broker comes back without its data.
    """
    exchange = await channel.declare_exchange(queue.exchange, EXCHANGE_KINDS[queue.exchange], durable=True)
    arguments: dict[str, Any] = dict(queue.arguments)
    declared = await channel.declare_queue(
        queue.name,
        durable=not queue.exclusive,
        exclusive=queue.exclusive,
        auto_delete=queue.exclusive,
        arguments=arguments,
    )
    for key in queue.keys:
        await declared.bind(exchange, key)
    return declared


async def declare_common(channel: AbstractChannel, *queues: Queue) -> None:
    """Declare every exchange and the queues that all services count on, and `queues` besides."""
    for exchange, kind in EXCHANGE_KINDS.items():
        await channel.declare_exchange(exchange, kind, durable=True)
    for queue in (*COMMON, *queues):
        await declare(channel, queue)

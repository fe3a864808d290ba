"""Who may not declare waits for who may: at the start, for a pool of its own, after a deletion by hand."""

import asyncio

import aio_pika
import pytest
from structlog.testing import capture_logs

from shared.broker import Consumer, Outgoing, Publisher, connect, until_declared
from shared.domain.ids import new_id
from shared.messages.commands import JobDue
from shared.messages.topology import CLAIMS, Exchange, due_key, due_queue
from shared.runtime.clock import SystemClock
from tests.support.eventually import until
from tests.support.node import SessionBroker

CLOCK = SystemClock()
WAITING = "waiting for a scheduler to declare its queues"


def due(pool: str) -> Outgoing:
    message = JobDue(
        source="test", time=CLOCK.now(), job_id=new_id(), run_id=new_id(), attempt_id=new_id(), token=1
    )
    return Outgoing(exchange=Exchange.DUE, key=due_key(pool, urgent=False), message=message)


async def test_on_an_empty_broker_a_service_says_that_it_waits_and_goes_on(
    broker_node: SessionBroker,
) -> None:
    empty = broker_node.fresh_vhost({})
    async with connect(empty, name="executor") as executor, connect(empty, name="scheduler") as scheduler:
        with capture_logs() as said:
            waiting = asyncio.create_task(until_declared(executor))
            await until(lambda: any(line["event"] == WAITING for line in said))
            was_waiting = not waiting.done()
            async with Publisher.on(scheduler, declares=True):
                await waiting

    assert was_waiting
    broker_node.drop_vhost(empty)


async def test_a_queue_that_is_not_there_yet_keeps_no_other_waiting(amqp_url: str) -> None:
    gpu = due_queue("gpu", urgent=False)
    async with (
        connect(amqp_url, name="test") as broker,
        Publisher.on(broker, declares=True) as publisher,
        Consumer.on(broker, gpu, prefetch=1, start=False) as patient,
        Consumer.on(broker, due_queue("default", urgent=False), prefetch=1) as busy,
    ):
        patient.resume()
        first = asyncio.create_task(patient.next())
        await publisher.publish(due("default"))
        await (await busy.next()).ack()
        was_waiting = not first.done()

        await publisher.declare(gpu)
        await publisher.publish(sent := due("gpu"))
        taken = await first

    assert was_waiting
    assert taken.message == sent.message


@pytest.mark.parametrize("deleted", [CLAIMS.name, "portal.due.default"])
async def test_what_was_deleted_by_hand_is_declared_and_consumed_again(amqp_url: str, deleted: str) -> None:
    queue = CLAIMS if deleted == CLAIMS.name else due_queue("default", urgent=False)
    async with (
        connect(amqp_url, name="test") as broker,
        Publisher.on(broker, declares=True) as publisher,
        Consumer.on(broker, queue, prefetch=1) as consumer,
    ):
        taking = asyncio.create_task(consumer.next())
        async with await aio_pika.connect(amqp_url) as person, person.channel() as channel:
            await channel.queue_delete(deleted)
        await until(lambda: not consumer.is_consuming)

        await publisher.keep_declared()
        await until(lambda: consumer.is_consuming)
        sent = due("default")
        await publisher.publish(
            Outgoing(exchange=queue.exchange, key=queue.keys[0], message=sent.message, expires_s=60)
        )

        assert (await taking).message == sent.message


async def test_a_queue_that_cannot_be_declared_stops_no_other_pool(amqp_url: str) -> None:
    gpu, late = due_queue("gpu", urgent=False), due_queue("late", urgent=False)
    async with (
        connect(amqp_url, name="test") as broker,
        Publisher.on(broker, declares=True) as publisher,
        await aio_pika.connect(amqp_url) as person,
        person.channel() as channel,
    ):
        await publisher.keep_declared(gpu)
        await channel.queue_delete(gpu.name)
        await channel.declare_queue(gpu.name, durable=True, arguments={"x-max-length": 1})

        with capture_logs() as said:
            await publisher.keep_declared(gpu, late)
        await publisher.publish(due("default"))
        await publisher.publish(due("late"))
        await channel.queue_delete(gpu.name)
        await publisher.keep_declared(gpu, late)
        await publisher.publish(due("gpu"))

        assert [line["name"] for line in said if line["log_level"] == "warning"] == [gpu.name]
        assert await publisher.depth(gpu) == 1
        assert await publisher.depth(late) == 1

"""The adapter while its broker really goes away: stopped, killed, and back without its data."""

import asyncio
import shutil
from pathlib import Path
from uuid import UUID

from services.cli.broker_node import running_node
from shared.broker import Consumer, Outgoing, Publisher, Requests, connect, reply
from shared.domain.errors import BrokerUnavailable
from shared.domain.ids import new_id
from shared.messages.answers import ReleaseAnswer
from shared.messages.commands import AttemptRelease, JobDue
from shared.messages.topology import CLAIMS, Exchange, due_queue
from shared.runtime.clock import SystemClock

CLOCK = SystemClock()
DUE = due_queue("default", urgent=False)


def due() -> Outgoing:
    return Outgoing(
        exchange=Exchange.DUE,
        key="default",
        message=JobDue(
            source="test", time=CLOCK.now(), job_id=new_id(), run_id=new_id(), attempt_id=new_id(), token=1
        ),
    )


async def until_confirmed(publisher: Publisher, outgoing: Outgoing) -> None:
    """Publish as a service does: the same message again until it is confirmed."""
    while True:
        try:
            await publisher.publish(outgoing)
        except BrokerUnavailable:
            continue
        return


async def answered(requests: Requests) -> ReleaseAnswer:
    request = AttemptRelease(source="test", time=CLOCK.now(), executor="a", boot=new_id(), attempts=())
    while True:
        try:
            answer = await requests.ask(request, timeout_s=1)
        except BrokerUnavailable:
            continue
        assert isinstance(answer, ReleaseAnswer)
        return answer


async def test_a_service_goes_on_by_itself_when_the_broker_is_back(tmp_path: Path) -> None:
    async with running_node(tmp_path / "node") as node:
        async with (
            connect(node.amqp_url, name="test") as broker,
            Publisher.on(broker, DUE) as publisher,
            Consumer.on(broker, DUE, prefetch=10) as consumer,
            Consumer.on(broker, CLAIMS, prefetch=10) as claims,
            Requests.on(broker) as requests,
        ):
            answering = asyncio.create_task(answer_all(claims, publisher))
            for data_is_lost in (False, True):
                await until_confirmed(publisher, kept := due())
                held = await consumer.next()  # unacknowledged when the broker goes

                await node.kill()
                if data_is_lost:
                    shutil.rmtree(node.config.folder / "data")
                await node.restart()
                await until_confirmed(publisher, sent := due())
                await held.ack()  # void: its channel is gone

                received = await received_until(consumer, sent)
                assert received - {sent.message.id} == (set() if data_is_lost else {kept.message.id})
                assert (await answered(requests)).source == "scheduler"
            answering.cancel()


async def received_until(consumer: Consumer, last: Outgoing) -> set[UUID]:
    received: set[UUID] = set()
    while last.message.id not in received:
        delivery = await consumer.next()
        received.add(delivery.message.id)
        await delivery.ack()
    return received


async def answer_all(claims: Consumer, publisher: Publisher) -> None:
    while True:
        delivery = await claims.next()
        await reply(publisher, delivery, ReleaseAnswer(source="scheduler", time=CLOCK.now(), attempts=()))
        await delivery.ack()

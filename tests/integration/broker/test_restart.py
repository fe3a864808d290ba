"""The adapter while its broker really goes away: stopped, killed, and back without its data."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.cli import broker_config
from services.cli.broker_definitions import of_vhost
from services.cli.broker_node import BrokerNode, find_server, running_node
from shared.broker import Consumer, Outgoing, Publisher, Requests, connect, reply, until_declared
from shared.domain.errors import BrokerUnavailable, Unroutable
from shared.domain.ids import BootId, ExecutorName, new_id
from shared.messages.answers import ReleaseAnswer
from shared.messages.commands import AttemptRelease, JobDue, LogStored
from shared.messages.topology import CLAIMS, Exchange, control_key, control_queue, due_queue
from shared.runtime.clock import SystemClock
from tests.support.eventually import until_found

CLOCK = SystemClock()
DUE = due_queue("default", urgent=False)
NAME = ExecutorName("alpha")


def due() -> Outgoing:
    return Outgoing(
        exchange=Exchange.DUE,
        key="default",
        message=JobDue(
            source="test", time=CLOCK.now(), job_id=new_id(), run_id=new_id(), attempt_id=new_id(), token=1
        ),
    )


def stored() -> Outgoing:
    message = LogStored(source="test", time=CLOCK.now(), attempt_id=new_id(), seq=1)
    return Outgoing(exchange=Exchange.CONTROL, key=control_key(NAME), message=message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """A scheduler that answers, and an executor: each with connections of its own."""

    publisher: Publisher
    runs: Consumer
    control: Consumer
    requests: Requests


@asynccontextmanager
async def both_sides(url: str) -> AsyncIterator[Sides]:
    async with AsyncExitStack() as stack:
        scheduler = await stack.enter_async_context(connect(url, name="scheduler"))
        publisher = await stack.enter_async_context(Publisher.on(scheduler, declares=True))
        claims = await stack.enter_async_context(Consumer.on(scheduler, CLAIMS, prefetch=10))
        executor = await stack.enter_async_context(connect(url, name="executor"))
        await until_declared(executor)
        control = control_queue(NAME, BootId(new_id()))
        sides = Sides(
            publisher=publisher,
            runs=await stack.enter_async_context(Consumer.on(executor, DUE, prefetch=10)),
            control=await stack.enter_async_context(Consumer.on(executor, control, prefetch=10)),
            requests=await stack.enter_async_context(Requests.on(executor)),
        )
        answering = asyncio.create_task(answer_all(claims, publisher))
        stack.callback(answering.cancel)
        yield sides


async def answer_all(claims: Consumer, publisher: Publisher) -> None:
    while True:
        delivery = await claims.next()
        await reply(publisher, delivery, ReleaseAnswer(source="scheduler", time=CLOCK.now(), attempts=()))
        await delivery.ack()


async def until_arrived(publisher: Publisher, outgoing: Outgoing, consumer: Consumer) -> None:
    """Publish as a service does, the same message again until it is confirmed; return when it has come."""
    async with asyncio.TaskGroup() as both:
        both.create_task(until_heard(consumer, outgoing))
        both.create_task(until_confirmed(publisher, outgoing))


async def until_confirmed(publisher: Publisher, outgoing: Outgoing) -> None:
    while True:
        try:
            await publisher.publish(outgoing)
        except (BrokerUnavailable, Unroutable):
            continue
        return


async def until_heard(consumer: Consumer, outgoing: Outgoing) -> None:
    heard = None
    while heard != outgoing.message:
        delivery = await consumer.next()
        await delivery.ack()
        heard = delivery.message


async def answered(requests: Requests) -> ReleaseAnswer:
    request = AttemptRelease(source="test", time=CLOCK.now(), executor="a", boot=new_id(), attempts=())
    while True:
        try:
            answer = await requests.ask(request, timeout_s=1)
        except BrokerUnavailable:
            continue
        assert isinstance(answer, ReleaseAnswer)
        return answer


async def test_what_was_not_acknowledged_comes_again_when_the_broker_is_back(tmp_path: Path) -> None:
    async with running_node(tmp_path) as node, both_sides(node.amqp_url) as sides:
        await sides.publisher.publish(kept := due())
        held = await sides.runs.next()

        await node.kill()
        await node.restart()
        again = await sides.runs.next()
        await held.ack()  # void: its channel is gone
        await again.ack()

        assert again.message == kept.message
        assert (await answered(sides.requests)).source == "scheduler"


@pytest.mark.parametrize("queues_come_with_the_boot", [True, False])
async def test_services_go_on_by_themselves_when_the_broker_has_lost_its_data(
    tmp_path: Path, *, queues_come_with_the_boot: bool
) -> None:
    content = of_vhost() if queues_come_with_the_boot else {}
    async with running_node(tmp_path, content) as node, both_sides(node.amqp_url) as sides:
        await until_arrived(sides.publisher, due(), sides.runs)
        await until_arrived(sides.publisher, stored(), sides.control)

        await node.kill()
        shutil.rmtree(node.config.folder / "data")
        await node.restart()

        await until_arrived(sides.publisher, due(), sides.runs)
        await until_arrived(sides.publisher, stored(), sides.control)
        assert (await answered(sides.requests)).source == "scheduler"


async def test_with_a_memory_alarm_nothing_waits_for_ever_and_what_was_sent_arrives(tmp_path: Path) -> None:
    async with running_node(tmp_path) as node, both_sides(node.amqp_url) as sides:
        sent = due()
        await let_use(node, "0.00001")
        await until_found(lambda: is_refused(sides.publisher, sent), within_s=20)
        with pytest.raises(BrokerUnavailable, match="cannot declare"):
            await sides.publisher.keep_declared()

        await let_use(node, "0.4")
        await until_heard(sides.runs, sent)  # though nobody said it again
        await sides.publisher.keep_declared()
        await node.kill()  # an ordered stop takes 6 s


async def is_refused(publisher: Publisher, outgoing: Outgoing) -> bool:
    try:
        await publisher.publish(outgoing)
    except BrokerUnavailable:
        return True
    return False


async def let_use(node: BrokerNode, share: str) -> None:
    """Let the node use so much of the machine's memory before it raises its alarm."""
    server = find_server()
    assert server is not None
    command = [str(server.with_name("rabbitmqctl")), "set_vm_memory_high_watermark", share]
    environment = dict(broker_config.environment(node.config))
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    assert await process.wait() == 0

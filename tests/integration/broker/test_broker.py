"""The adapter against a real RabbitMQ: confirms, returns, parking, pausing, requests."""

import asyncio
from contextlib import suppress
from urllib.parse import urlsplit

import aio_pika
import pytest
from structlog.testing import capture_logs

from shared.broker import Broker, Consumer, Delivery, Outgoing, Publisher, Requests, connect, reply
from shared.domain.errors import BrokerUnavailable, Unroutable
from shared.domain.ids import new_id
from shared.messages.answers import ReleaseAnswer
from shared.messages.commands import AttemptRelease, JobDue
from shared.messages.events import JobChanged
from shared.messages.topology import CLAIMS, DEAD, LOG_STORE, Exchange, due_queue
from shared.runtime.clock import SystemClock
from tests.support.eventually import until, until_found
from tests.support.node import SessionBroker

CLOCK = SystemClock()
DUE = due_queue("default", urgent=False)
NOT_PARKED = "message could not be parked yet"


def job_due() -> JobDue:
    return JobDue(
        source="test", time=CLOCK.now(), job_id=new_id(), run_id=new_id(), attempt_id=new_id(), token=1
    )


def due(message: JobDue, *, pool: str = "default") -> Outgoing:
    return Outgoing(exchange=Exchange.DUE, key=pool, message=message)


async def publish_raw(broker: Broker, body: bytes) -> None:
    async with broker.publishing.channel() as channel:
        await channel.default_exchange.publish(aio_pika.Message(body), routing_key=DUE.name)


async def test_what_is_confirmed_arrives_as_it_was_sent(amqp_url: str) -> None:
    message = job_due()
    async with connect(amqp_url, name="test") as broker, Publisher.on(broker) as publisher:
        async with Consumer.on(broker, DUE, prefetch=10) as consumer:
            await publisher.publish(due(message))

            delivery = await consumer.next()
            await delivery.ack()

        assert delivery.message == message
        assert await publisher.depth(DUE) == 0


async def test_a_message_that_no_queue_takes_is_an_error(amqp_url: str) -> None:
    async with connect(amqp_url, name="test") as broker, Publisher.on(broker) as publisher:
        gpu = due_queue("gpu", urgent=False)
        with pytest.raises(Unroutable, match=r"portal\.due"):
            await publisher.publish(due(job_due(), pool="gpu"))

        await publisher.declare(gpu)
        await publisher.publish(due(job_due(), pool="gpu"))

        assert await publisher.depth(gpu) == 1


async def test_an_event_that_nobody_wants_is_no_error(amqp_url: str) -> None:
    message = JobChanged(source="test", time=CLOCK.now(), job_id=new_id(), version=1)
    async with connect(amqp_url, name="test") as broker, Publisher.on(broker) as publisher:
        await publisher.publish(
            Outgoing(exchange=Exchange.EVENTS, key="nobody.listens", message=message, mandatory=False)
        )


async def test_publish_all_says_which_of_many_failed(amqp_url: str) -> None:
    async with connect(amqp_url, name="test") as broker, Publisher.on(broker) as publisher:
        lost = Outgoing(exchange=Exchange.DUE, key="no-such-pool", message=job_due())
        results = await publisher.publish_all([due(job_due()), lost, due(job_due())])

        assert [type(result) for result in results] == [type(None), Unroutable, type(None)]
        assert await publisher.depth(DUE) == 2


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"{not json", "not a valid message"), (b'{"type":"run.paused"}', "unknown message type")],
)
async def test_what_cannot_be_understood_is_parked_with_its_reason(
    amqp_url: str, body: bytes, reason: str
) -> None:
    async with connect(amqp_url, name="test") as broker, Publisher.on(broker) as publisher:
        async with Consumer.on(broker, DUE, prefetch=1) as consumer:
            await publish_raw(broker, body)
            await publisher.publish(due(job_due()))
            await (await consumer.next()).ack()  # the broken message does not block the next

        async with broker.consuming.channel() as channel:
            parked = await (await channel.get_queue(DEAD.name)).get(timeout=5)

        assert parked is not None
        assert parked.body == body
        assert reason in str(parked.headers["x-reason"])
        assert parked.headers["x-queue"] == DUE.name


async def test_what_is_given_back_comes_again(amqp_url: str) -> None:
    message = job_due()
    async with connect(amqp_url, name="test") as broker, Publisher.on(broker) as publisher:
        async with Consumer.on(broker, DUE, prefetch=1) as consumer:
            await publisher.publish(due(message))
            await (await consumer.next()).requeue()

            again = await consumer.next()
            await again.ack()

        assert again.message == message


async def test_a_paused_consumer_leaves_messages_to_others(amqp_url: str) -> None:
    async with connect(amqp_url, name="test") as broker, Publisher.on(broker) as publisher:
        async with Consumer.on(broker, DUE, prefetch=1) as one, Consumer.on(broker, DUE, prefetch=1) as other:
            await one.pause()
            sent = [job_due() for _ in range(4)]
            for message in sent:
                await publisher.publish(due(message))
            received = []
            for _ in sent:
                delivery = await other.next()
                await delivery.ack()
                received.append(delivery.message)

            assert received == sent
            await other.pause()
            one.resume()
            await publisher.publish(due(job_due()))
            await (await one.next()).ack()


async def test_one_ack_covers_a_batch(amqp_url: str) -> None:
    async with connect(amqp_url, name="test") as broker, Publisher.on(broker) as publisher:
        await publisher.publish_all([due(job_due()) for _ in range(50)])
        async with Consumer.on(broker, DUE, prefetch=100) as consumer:
            taken: list[Delivery] = []
            while len(taken) < 50:
                taken += await consumer.batch(limit=100, within_s=0.05)
            await taken[-1].ack(up_to_here=True)

        assert await publisher.depth(DUE) == 0


async def test_many_requests_at_once_each_get_their_own_answer(amqp_url: str) -> None:
    async with (
        connect(amqp_url, name="test") as broker,
        Publisher.on(broker) as publisher,
        Requests.on(broker) as requests,
        Consumer.on(broker, CLAIMS, prefetch=50) as consumer,
    ):

        async def answer_all() -> None:
            while True:
                delivery = await consumer.next()
                asked = delivery.message
                assert isinstance(asked, AttemptRelease)
                await reply(
                    publisher,
                    delivery,
                    ReleaseAnswer(source="test", time=CLOCK.now(), attempts=(asked.boot,)),
                )
                await delivery.ack()

        async def ask() -> bool:
            request = AttemptRelease(
                source="test", time=CLOCK.now(), executor="alpha", boot=new_id(), attempts=()
            )
            answer = await requests.ask(request, timeout_s=10)
            return isinstance(answer, ReleaseAnswer) and answer.attempts == (request.boot,)

        answering = asyncio.create_task(answer_all())
        results = await asyncio.gather(*(ask() for _ in range(30)))
        answering.cancel()

        assert results == [True] * 30


async def test_a_request_that_nobody_answers_ends_at_its_timeout(amqp_url: str) -> None:
    request = AttemptRelease(source="test", time=CLOCK.now(), executor="alpha", boot=new_id(), attempts=())
    async with connect(amqp_url, name="test") as broker, Requests.on(broker) as requests:
        with pytest.raises(BrokerUnavailable, match=r"attempt\.release"):
            await requests.ask(request, timeout_s=0.2)


async def test_what_waits_from_lost_channels_makes_room_for_what_comes_again(
    amqp_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.broker.consumer.MAX_PREFETCH", 2)
    async with connect(amqp_url, name="test") as broker, Publisher.on(broker) as publisher:
        async with Consumer.on(broker, DUE, prefetch=2) as consumer:
            sent = [job_due(), job_due()]
            await publisher.publish_all([due(message) for message in sent])
            for _ in range(3):
                await until_both_wait(consumer)
                underlay = await consumer._channel.get_underlay_channel()
                with suppress(aio_pika.exceptions.ChannelClosed):  # an error costs the channel
                    await underlay.queue_declare("there is no such queue", passive=True)
                await until(lambda: not consumer.is_consuming)
                await consumer._consume()  # as whoever waits for the next one does
            await until_both_wait(consumer)
            received = [(await consumer.next()).message for _ in sent]

        assert {message.id for message in received} == {message.id for message in sent}


async def until_both_wait(consumer: Consumer) -> None:
    def both_wait() -> bool:
        waiting = list(consumer._arrived)
        return len(waiting) == 2 and not any(one.is_stale for one in waiting)

    await until(both_wait)


async def test_what_is_parked_beside_good_messages_is_not_acknowledged_with_them(amqp_url: str) -> None:
    async with connect(amqp_url, name="test") as broker, Publisher.on(broker) as publisher:
        async with Consumer.on(broker, DUE, prefetch=100) as consumer:
            channel = await consumer._channel.get_underlay_channel()
            for _ in range(20):
                await publish_raw(broker, b"{not json")
                await publisher.publish(due(job_due()))
            for _ in range(20):
                await (await consumer.next()).ack(up_to_here=True)

            assert await consumer._channel.get_underlay_channel() is channel

        assert await publisher.depth(DEAD) == 20
        assert await publisher.depth(DUE) == 0


async def test_what_cannot_be_parked_yet_is_not_lost(amqp_url: str) -> None:
    async with connect(amqp_url, name="test") as broker, Publisher.on(broker) as publisher:
        async with Consumer.on(broker, DUE, prefetch=10) as consumer, broker.consuming.channel() as channel:
            await (await channel.get_queue(DEAD.name)).delete(if_unused=False, if_empty=False)
            await publish_raw(broker, b"{not json")
            await publisher.publish(due(job_due()))
            with capture_logs() as said:
                taken = asyncio.create_task(consumer.next())
                await until(lambda: any(line["event"] == NOT_PARKED for line in said))
                await publisher.declare(DEAD)
                await (await taken).ack(up_to_here=True)

        assert await publisher.depth(DEAD) == 1


async def test_a_queue_made_again_with_other_arguments_does_not_keep_the_publisher_away(
    amqp_url: str,
) -> None:
    async with connect(amqp_url, name="test") as broker, Publisher.on(broker, declares=True) as publisher:
        async with broker.consuming.channel() as channel:
            await (await channel.get_queue(LOG_STORE.name)).delete(if_unused=False, if_empty=False)
            await channel.declare_queue(LOG_STORE.name, durable=True, arguments={"x-max-length": 10})
        underlay = await publisher._channel.get_underlay_channel()
        with suppress(aio_pika.exceptions.ChannelClosed):  # an error costs the channel
            await underlay.queue_declare("there is no such queue", passive=True)
        with capture_logs() as said:
            await until_found(lambda: is_confirmed(publisher, due(job_due())), within_s=10)

        assert await publisher.depth(DUE) == 1
        assert [line["name"] for line in said if "refused" in line["event"]] == [LOG_STORE.name]


async def test_connections_that_a_person_closed_come_back(broker_node: SessionBroker, amqp_url: str) -> None:
    with broker_node.service_users(amqp_url) as users:
        async with (
            connect(users["scheduler"], name="test") as broker,
            Publisher.on(broker, declares=True) as publisher,
            Consumer.on(broker, CLAIMS, prefetch=1) as consumer,
            asyncio.timeout(30),
        ):
            taking = asyncio.create_task(consumer.next())
            user = urlsplit(users["scheduler"]).username
            broker_node.thread.run(broker_node.management.call("DELETE", f"connections/username/{user}"))
            await until(lambda: not broker.connected)
            sent = job_due()
            again = Outgoing(exchange=Exchange.CLAIMS, key="claims", message=sent)

            await until_found(lambda: is_confirmed(publisher, again), within_s=20)

            assert (await taking).message == sent


async def is_confirmed(publisher: Publisher, outgoing: Outgoing) -> bool:
    with suppress(BrokerUnavailable):
        await publisher.publish(outgoing)
        return True
    return False

"""What is parked: in the ledger once, put back where it came from, discarded, never dropped in silence."""

from pathlib import Path

import aio_pika
import pytest
from sqlalchemy import select, update

from services.cli.broker_node import running_node
from services.scheduler.parking import Parking
from shared.broker import Consumer, Outgoing
from shared.db.parked import ask_of_parked, begin_to_leave
from shared.db.tables import ParkedMessageRow, ParkedRequestRow
from shared.domain.errors import BrokerUnavailable
from shared.domain.ids import ParkedId, RequestId, new_id
from shared.domain.parked import ParkedState, ParkedWish
from shared.messages.events import RequestsChanged
from shared.messages.topology import DEAD, SCHEDULER_EVENTS, Exchange
from tests.integration.broker.test_restart import let_use
from tests.integration.scheduler.stage import Desk, Stage, at
from tests.support.eventually import until_found

BODY = b'{"type":"run.paused"}'


def parking(stage: Stage) -> Parking:
    return Parking(stage.ledger, stage.broker, stage.publisher)


async def say(stage: Stage, key: str = "run.finished") -> None:
    """Say what no scheduler understands."""
    async with stage.broker.publishing.channel() as channel:
        events = await channel.get_exchange(Exchange.EVENTS, ensure=False)
        message = aio_pika.Message(BODY, message_id="the one", app_id="stranger", type="run.paused")
        await events.publish(message, routing_key=key)


async def let_park(stage: Stage) -> None:
    """Let who consumes the events park what it does not understand, before it takes the next."""
    word = RequestsChanged(source="ui", time=at(0), request_id=RequestId(new_id()))
    await stage.publisher.publish(Outgoing(exchange=Exchange.EVENTS, key="requests.changed", message=word))
    async with Consumer.on(stage.broker, SCHEDULER_EVENTS, prefetch=2) as consumer:
        await (await consumer.next()).ack()


async def the_one(stage: Stage) -> ParkedMessageRow:
    async with stage.desk.database.reading.begin() as session:
        return (await session.scalars(select(ParkedMessageRow))).one()


async def want(stage: Stage, wish: ParkedWish) -> None:
    parked_id = ParkedId((await the_one(stage)).id)
    async with stage.desk.database.ledger.begin() as session:
        await ask_of_parked(
            session, parked_id, wish, request_id=RequestId(new_id()), by="somebody", at=stage.desk.clock.now()
        )


async def outcomes(stage: Stage) -> list[str | None]:
    async with stage.desk.database.reading.begin() as session:
        return list(await session.scalars(select(ParkedRequestRow.outcome).order_by(ParkedRequestRow.id)))


async def test_what_is_parked_is_in_the_ledger_once_and_not_in_the_queue(stage: Stage) -> None:
    await say(stage)
    await let_park(stage)

    await parking(stage).step()
    await say(stage)  # as after a lost acknowledgement
    await let_park(stage)
    await parking(stage).step()

    one = await the_one(stage)
    assert (one.state, one.parked_count, one.parked_at) == (ParkedState.PARKED, 1, at(0))
    assert (one.queue, one.exchange, one.routing_key) == (
        SCHEDULER_EVENTS.name,
        Exchange.EVENTS,
        "run.finished",
    )
    assert (one.body, one.message_id, one.source, one.type) == (BODY, "the one", "stranger", "run.paused")
    assert "unknown message type" in one.reason
    assert await stage.publisher.depth(DEAD) == 0


async def test_put_back_it_is_where_it_came_from_and_counts_when_it_is_parked_again(stage: Stage) -> None:
    await say(stage)
    await let_park(stage)
    await parking(stage).step()

    await want(stage, ParkedWish.PUT_BACK)
    await parking(stage).step()
    back, depth = await the_one(stage), await stage.publisher.depth(SCHEDULER_EVENTS)
    await let_park(stage)
    await parking(stage).step()

    assert (back.state, back.decided_by, depth) == (ParkedState.PUT_BACK, "somebody", 1)
    assert await outcomes(stage) == ["put back"]
    again = await the_one(stage)
    assert (again.state, again.parked_count, again.decided_by) == (ParkedState.PARKED, 2, None)


async def test_a_wish_that_is_made_twice_has_its_effect_once(stage: Stage) -> None:
    await say(stage)
    await let_park(stage)
    await parking(stage).step()

    await want(stage, ParkedWish.PUT_BACK)
    await want(stage, ParkedWish.PUT_BACK)
    await want(stage, ParkedWish.DISCARD)
    await parking(stage).step()

    assert await stage.publisher.depth(SCHEDULER_EVENTS) == 1
    assert await outcomes(stage) == ["put back", *["refused: it is not parked any more"] * 2]


async def test_what_is_discarded_and_comes_once_more_is_shown_again(stage: Stage) -> None:
    await say(stage)
    await let_park(stage)
    await parking(stage).step()
    await want(stage, ParkedWish.DISCARD)
    await parking(stage).step()
    discarded = await the_one(stage)

    await say(stage)
    await let_park(stage)
    await parking(stage).step()

    assert discarded.state is ParkedState.DISCARDED
    assert (await the_one(stage)).state is ParkedState.PARKED


async def test_what_nobody_waits_for_any_more_stays_parked_with_the_reason(stage: Stage) -> None:
    async with stage.broker.publishing.channel() as channel:
        dead = await channel.get_exchange(Exchange.DEAD, ensure=False)
        headers = {"x-queue": "portal.control.gone", "x-exchange": "portal.control", "x-routing-key": "gone"}
        await dead.publish(aio_pika.Message(BODY, headers=headers), routing_key="")
    await parking(stage).step()

    await want(stage, ParkedWish.PUT_BACK)
    await parking(stage).step()

    assert (await the_one(stage)).state is ParkedState.PARKED
    (outcome,) = await outcomes(stage)
    assert outcome is not None
    assert outcome.startswith("refused: no queue takes a message with key 'gone' of portal.control")


@pytest.mark.parametrize("too_long", [{"routing_key": "k" * 300}, {"message_id": "é" * 200}])
async def test_what_cannot_be_published_stays_parked_and_ends_nobody(
    stage: Stage, too_long: dict[str, str]
) -> None:
    await say(stage)
    await let_park(stage)
    await parking(stage).step()
    async with stage.desk.database.ledger.begin() as session:
        await session.execute(update(ParkedMessageRow).values(**too_long))

    await want(stage, ParkedWish.PUT_BACK)
    await parking(stage).step()

    assert (await the_one(stage)).state is ParkedState.PARKED
    (outcome,) = await outcomes(stage)
    assert outcome is not None
    assert outcome.startswith("refused: it cannot be published: ")


async def test_what_names_an_exchange_that_is_not_ours_goes_to_no_queue(stage: Stage) -> None:
    async with stage.broker.publishing.channel() as channel:
        dead = await channel.get_exchange(Exchange.DEAD, ensure=False)
        headers = {"x-exchange": "somewhere", "x-routing-key": SCHEDULER_EVENTS.name}
        await dead.publish(aio_pika.Message(BODY, headers=headers), routing_key="")
    await parking(stage).step()

    await want(stage, ParkedWish.PUT_BACK)
    await parking(stage).step()

    assert (await the_one(stage)).state is ParkedState.PARKED
    assert await outcomes(stage) == ["refused: the portal has no exchange 'somewhere'. Discard it."]
    assert await stage.publisher.depth(SCHEDULER_EVENTS) == 0


async def test_a_forged_key_is_cut_to_what_can_be_published(stage: Stage) -> None:
    async with stage.broker.publishing.channel() as channel:
        dead = await channel.get_exchange(Exchange.DEAD, ensure=False)
        await dead.publish(aio_pika.Message(BODY, headers={"x-routing-key": "é" * 200}), routing_key="")

    await parking(stage).step()

    assert (await the_one(stage)).routing_key == "é" * 127  # 254 bytes: one more would be half a character


async def test_what_a_dead_scheduler_began_to_put_back_another_one_does(stage: Stage) -> None:
    await say(stage)
    await let_park(stage)
    await parking(stage).step()
    await want(stage, ParkedWish.PUT_BACK)
    parked_id = ParkedId((await the_one(stage)).id)
    clock = stage.desk.clock
    await stage.desk.do(lambda s, _: begin_to_leave(s, parked_id, by="somebody", now=clock.now()))

    await parking(stage).step()
    before = await stage.publisher.depth(SCHEDULER_EVENTS)
    clock.advance(16)
    await parking(stage).step()

    assert (before, await stage.publisher.depth(SCHEDULER_EVENTS)) == (0, 1)
    assert (await the_one(stage)).state is ParkedState.PUT_BACK


async def test_when_too_many_lie_there_the_rest_stays_in_its_queue(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.db.parked.MOST_PARKED", 1)
    async with stage.broker.publishing.channel() as channel:
        dead = await channel.get_exchange(Exchange.DEAD, ensure=False)
        for number in range(3):
            await dead.publish(aio_pika.Message(b"%d" % number), routing_key="")

    await parking(stage).step()
    await parking(stage).step()

    assert (await the_one(stage)).body == b"0"
    assert await stage.publisher.depth(DEAD) == 2


async def test_without_its_queue_it_waits(stage: Stage) -> None:
    async with stage.broker.publishing.channel() as channel:
        await (await channel.get_queue(DEAD.name)).delete(if_unused=False, if_empty=False)

    with pytest.raises(BrokerUnavailable, match=r"portal\.dead"):
        await parking(stage).step()

    await stage.publisher.keep_declared()
    await parking(stage).step()


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_broker_that_takes_nothing_is_not_sent_one_more_copy_in_each_step(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.broker.publisher.PUBLISH_TIMEOUT_S", 2.0)
    async with running_node(tmp_path / "broker") as node, Stage.on(desk, node.amqp_url) as stage:
        parks = parking(stage)
        await park_three(stage)
        await parks.step()
        await want_all_back(stage)

        await let_use(node, "0.00001")
        await until_found(lambda: takes_nothing(stage))
        await parks.step()
        await parks.step()
        await let_use(node, "0.4")
        await until_found(lambda: are_put_back(stage, parks))

        assert await stage.publisher.depth(SCHEDULER_EVENTS) == 1 + 3  # the first found out, then each once
        await node.kill()  # an ordered stop takes 6 s


async def park_three(stage: Stage) -> None:
    async with stage.broker.publishing.channel() as channel:
        dead = await channel.get_exchange(Exchange.DEAD, ensure=False)
        headers = {"x-exchange": Exchange.EVENTS.value, "x-routing-key": "run.finished"}
        for number in range(3):
            await dead.publish(aio_pika.Message(b"%d" % number, headers=headers), routing_key="")


async def want_all_back(stage: Stage) -> None:
    async with stage.desk.database.ledger.begin() as session:
        for parked_id in list(await session.scalars(select(ParkedMessageRow.id))):
            await ask_of_parked(
                session,
                ParkedId(parked_id),
                ParkedWish.PUT_BACK,
                request_id=RequestId(new_id()),
                by="somebody",
                at=stage.desk.clock.now(),
            )


async def takes_nothing(stage: Stage) -> bool:
    return not await stage.publisher.is_taken()


async def are_put_back(stage: Stage, parks: Parking) -> bool:
    await parks.step()
    return await outcomes(stage) == ["put back"] * 3

"""The outbox: what is due is published at its instant, and again for as long as it lies unheard."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika

from services.scheduler.ledger import Ledger
from services.scheduler.relay import Relay, wait_before_republish
from shared.broker import Consumer
from shared.domain.ids import new_id
from shared.domain.job import DEFAULT_POOL
from shared.domain.run import Reason, RunState
from shared.domain.schedules import Interval
from shared.messages.commands import JobDue
from shared.messages.topology import CLAIMS, due_queue
from tests.integration.scheduler.stage import RULE, Holder, Stage, at, manual, ref, seconds
from tests.support.manual_clock import EPOCH


@asynccontextmanager
async def due_messages(stage: Stage, *, urgent: bool = False) -> AsyncIterator[Consumer]:
    async with Consumer.on(stage.broker, due_queue(DEFAULT_POOL, urgent=urgent), prefetch=100) as consumer:
        yield consumer


async def next_due(consumer: Consumer) -> JobDue:
    async with asyncio.timeout(10):
        delivery = await consumer.next()
    await delivery.ack()
    assert isinstance(delivery.message, JobDue)
    return delivery.message


async def say_asked_for(stage: Stage, count: int) -> None:
    """Publish so many runs that somebody asked for, confirmed and marked."""
    desk = stage.desk
    for _ in range(count):
        await desk.ask(await desk.job(manual()))
    await stage.relay.sweep(due_by=desk.clock.now())
    await stage.publish_due()
    await stage.relay.mark()


async def sweep(stage: Stage) -> int:
    """Look for what was overlooked and publish it; return how many attempts that were."""
    await stage.relay.sweep(due_by=stage.desk.clock.now() - seconds(1))
    return await stage.publish_due()


async def test_a_due_attempt_goes_out_with_nothing_but_ids_and_token(stage: Stage) -> None:
    desk = stage.desk
    await desk.job()
    desk.clock.advance(9)
    await stage.plan()
    assert await stage.publish_due() == 0

    desk.clock.advance(1)
    assert await stage.publish_due() == 1

    attempt = await desk.attempt()
    async with due_messages(stage) as consumer:
        due = await next_due(consumer)
    assert (due.attempt_id, due.run_id, due.token) == (attempt.id, attempt.run_id, 1)


async def test_what_somebody_asked_for_goes_to_the_urgent_queue(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(manual())
    await desk.store_request(job_id, "run_now", new_id())  # type: ignore[arg-type]

    await stage.dispatcher._handle_requests()
    await stage.publish_due()

    async with due_messages(stage, urgent=True) as consumer:
        assert (await next_due(consumer)).job_id == job_id


async def test_a_confirmed_attempt_is_marked(stage: Stage) -> None:
    desk = stage.desk
    await desk.job()
    desk.clock.advance(10)
    await stage.plan()
    await stage.publish_due()

    await stage.relay.mark()

    attempt = await desk.attempt()
    assert (attempt.published_at, attempt.publish_count) == (at(10), 1)
    assert not stage.relay.has_marks


async def test_a_job_shows_its_next_instant_once_the_one_before_is_out(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job()
    desk.clock.advance(9)
    await stage.plan()
    assert (await desk.ledger_of(job_id)).next_due_at == at(10)
    desk.clock.advance(1)
    await stage.publish_due()

    await stage.relay.mark()

    assert (await desk.ledger_of(job_id)).next_due_at == at(20)


async def test_after_a_crash_between_insert_and_publish_the_next_start_publishes(stage: Stage) -> None:
    desk = stage.desk
    await desk.job()
    desk.clock.advance(9)
    await stage.plan()
    # The process dies here: its agenda is gone, the ledger is not.
    ledger = Ledger(desk.database.ledger, desk.clock, stage.announcer)
    restarted = Relay(ledger, stage.publisher, grace=RULE.grace)

    await restarted.sweep(due_by=desk.clock.now() + seconds(5))
    desk.clock.advance(1)
    await restarted.publish(ledger.attempts.take_due(desk.clock.now(), limit=10))

    async with due_messages(stage) as consumer:
        assert (await next_due(consumer)).attempt_id == (await desk.attempt()).id


async def test_what_is_confirmed_and_not_marked_yet_is_not_published_again(stage: Stage) -> None:
    await stage.desk.job()
    stage.desk.clock.advance(10)
    await stage.plan()
    await stage.publish_due()
    stage.desk.clock.advance(2)

    assert await sweep(stage) == 0


async def test_a_published_attempt_that_vanished_is_published_again_with_growing_patience(
    stage: Stage,
) -> None:
    desk = stage.desk
    await say_asked_for(stage, 1)
    async with due_messages(stage, urgent=True) as consumer:
        await next_due(consumer)  # acked and forgotten: nobody has it any more

        desk.clock.advance(10)
        assert await sweep(stage) == 0
        desk.clock.advance(0.1)
        assert await sweep(stage) == 1
        await stage.relay.mark()
        await next_due(consumer)

        desk.clock.advance(19)
        assert await sweep(stage) == 0
        desk.clock.advance(2)
        assert await sweep(stage) == 1


async def test_what_was_said_again_and_is_not_marked_yet_is_not_said_once_more(stage: Stage) -> None:
    await say_asked_for(stage, 1)
    async with due_messages(stage, urgent=True) as consumer:
        await next_due(consumer)
        stage.desk.clock.advance(11)
        assert await sweep(stage) == 1
        await next_due(consumer)

        assert await sweep(stage) == 0


async def test_what_still_lies_in_its_queue_is_not_published_again(stage: Stage) -> None:
    desk = stage.desk
    await say_asked_for(stage, 1)
    assert await stage.depth(urgent=True) == 1

    desk.clock.advance(600)

    assert await sweep(stage) == 0


async def test_one_message_lost_from_a_queue_that_is_not_empty_is_noticed(stage: Stage) -> None:
    desk = stage.desk
    await say_asked_for(stage, 3)
    async with due_messages(stage, urgent=True) as consumer:
        await next_due(consumer)  # acked and forgotten: nobody has it any more
    desk.clock.advance(11)

    assert await sweep(stage) == 0
    desk.clock.advance(5)
    assert await sweep(stage) == 3
    await stage.relay.mark()

    desk.clock.advance(30)
    assert await sweep(stage) == 0
    assert await stage.depth(urgent=True) == 5


async def test_a_pool_without_a_queue_gets_one(stage: Stage) -> None:
    desk = stage.desk
    await desk.job(pool="gpu")
    desk.clock.advance(10)
    await stage.plan()

    await stage.publish_due()
    desk.clock.advance(1)
    await stage.publish_due()

    assert await stage.publisher.depth(due_queue("gpu", urgent=False)) == 1
    assert stage.relay.stuck_since is None


async def test_published_late_only_the_newest_instant_still_runs(stage: Stage) -> None:
    desk = stage.desk
    await desk.job(Interval(every=seconds(50), anchor=EPOCH), overlap="allow")
    for _ in range(4):
        desk.clock.advance(50)
        await stage.plan()
    # Until now no broker took anything: 50 and 100 are older than the grace, 150 and 200 are not.

    await stage.publish_due()

    assert await desk.states() == [
        (RunState.MISSED, Reason.DOWNTIME),
        (RunState.MISSED, Reason.DOWNTIME),
        (RunState.QUEUED, None),
        (RunState.QUEUED, None),
    ]
    assert await stage.depth() == 2


async def test_published_late_a_run_goes_if_nothing_newer_does(stage: Stage) -> None:
    desk = stage.desk
    await desk.job()
    desk.clock.advance(10)
    await stage.plan()
    for _ in range(10):
        desk.clock.advance(10)
        await stage.plan()
        await stage.decide()

    await stage.publish_due()

    states = await desk.states()
    assert states[0] == (RunState.QUEUED, None)
    assert set(states[1:]) == {(RunState.SKIPPED, Reason.OVERLAP)}
    assert await stage.depth() == 1


async def test_what_another_scheduler_published_in_time_is_not_late(stage: Stage) -> None:
    desk = stage.desk
    await desk.job(Interval(every=seconds(50), anchor=EPOCH), overlap="allow")
    desk.clock.advance(50)
    await stage.plan()
    ledger = Ledger(desk.database.ledger, desk.clock, stage.announcer)
    frozen = Relay(ledger, stage.publisher, grace=RULE.grace)
    await frozen.sweep(due_by=desk.clock.now())
    await stage.publish_due()
    await stage.relay.mark()
    desk.clock.advance(100)
    await stage.plan()

    await frozen.publish(ledger.attempts.take_due(desk.clock.now(), limit=10))

    assert (await desk.states())[0] == (RunState.QUEUED, None)


async def test_a_released_attempt_is_published_under_its_new_token(stage: Stage) -> None:
    desk = stage.desk
    await desk.ask(await desk.job(manual()))
    holder = Holder()
    await desk.granted(holder, await desk.attempt())
    await desk.release(holder.release(ref(await desk.attempt())))

    desk.clock.advance(2)
    assert await sweep(stage) == 1

    async with due_messages(stage, urgent=True) as consumer:
        assert (await next_due(consumer)).token == 2


def test_patience_doubles_from_ten_seconds_to_five_minutes() -> None:
    waits = [wait_before_republish(count).total_seconds() for count in range(8)]

    assert waits == [10, 10, 20, 40, 80, 160, 300, 300]


async def test_what_was_deleted_by_hand_is_declared_again(stage: Stage, amqp_url: str) -> None:
    async with await aio_pika.connect(amqp_url) as person, person.channel() as channel:
        await channel.queue_delete(CLAIMS.name)

    await stage.relay.declare_queues()

    assert await stage.publisher.depth(CLAIMS) == 0

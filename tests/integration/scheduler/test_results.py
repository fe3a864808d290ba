"""What executors report and people do, as it arrives over the broker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.scheduler.results import PREFETCH, Results
from shared.broker import Consumer, Outgoing
from shared.db.attempts import note_on_attempt
from shared.domain.ids import JobId, RequestId, new_id
from shared.domain.run import RunState
from shared.messages.envelope import Message
from shared.messages.events import JobChanged, RequestsChanged, RunChanged, RunFinished
from shared.messages.topology import DEAD, SCHEDULER_EVENTS, Exchange, live_queue
from tests.integration.scheduler.stage import Desk, Holder, Stage, at, manual


@asynccontextmanager
async def listening(stage: Stage) -> AsyncIterator[None]:
    """The results loop, running."""
    async with (
        Consumer.on(stage.broker, SCHEDULER_EVENTS, prefetch=PREFETCH) as consumer,
        asyncio.TaskGroup() as group,
    ):
        loop = group.create_task(Results(stage.ledger, stage.news).run(consumer))
        yield
        loop.cancel()


async def say(stage: Stage, key: str, message: Message) -> None:
    await stage.publisher.publish(Outgoing(exchange=Exchange.EVENTS, key=key, message=message))


async def until_ended(desk: Desk) -> RunState:
    async with asyncio.timeout(10):
        while (state := (await desk.runs())[0].state) in (RunState.QUEUED, RunState.RUNNING):
            pass
    return state


async def test_the_end_of_a_lost_run_takes_nothing_back_that_its_start_told(desk: Desk) -> None:
    holder = Holder()
    await desk.ask(await desk.job(manual()))
    grant = await desk.granted(holder, await desk.attempt())
    told = {"prepared_ms": 1_500, "script_sha256": "ab" * 32}
    await desk.do(lambda session, _: note_on_attempt(session, grant.attempt_id, told))

    await desk.report(holder.report(grant, RunState.LOST))

    attempt = await desk.attempt()
    assert {name: getattr(attempt, name) for name in told} == told


async def test_when_an_end_was_noted_is_kept_apart_from_when_it_was(desk: Desk) -> None:
    holder = Holder()
    await desk.ask(await desk.job(manual()))
    grant = await desk.granted(holder, await desk.attempt())
    report = holder.report(grant, RunState.FAILED)
    (going,) = await desk.runs()

    desk.clock.advance(3_600)  # nobody took the report for so long
    await desk.report(report)

    (run,) = await desk.runs()
    assert going.noted_at is None
    assert (run.finished_at, run.noted_at) == (report.finished_at, desk.clock.now())


async def test_a_report_over_the_broker_ends_the_run_and_is_announced(stage: Stage) -> None:
    desk, holder = stage.desk, Holder()
    await desk.ask(await desk.job(manual()))
    grant = await desk.granted(holder, await desk.attempt())

    async with (
        Consumer.on(stage.broker, live_queue("test"), prefetch=10) as watching,
        listening(stage),
        asyncio.TaskGroup() as group,
    ):
        announcing = group.create_task(stage.announcer.run())
        await say(stage, "run.finished", holder.report(grant, RunState.FAILED, exit_code=3))
        await until_ended(desk)
        hearing = group.create_task(watching.next())
        async with asyncio.timeout(10):
            while not hearing.done():
                desk.clock.advance(0.01)
                await asyncio.sleep(0)
        change = hearing.result().message
        announcing.cancel()

    assert isinstance(change, RunChanged)
    assert (change.state, change.exit_code, change.run_number) == (RunState.FAILED, 3, 1)


async def test_a_report_that_cannot_be_handled_is_parked_and_takes_no_other_with_it(
    stage: Stage,
) -> None:
    desk, holder = stage.desk, Holder()
    await desk.ask(await desk.job(manual()))
    grant = await desk.granted(holder, await desk.attempt())
    senseless = holder.report(grant, RunState.QUEUED)
    await say(stage, "run.finished", senseless)
    await say(stage, "run.finished", holder.report(grant))

    async with listening(stage), Consumer.on(stage.broker, DEAD, prefetch=1) as parked:
        state = await until_ended(desk)
        async with asyncio.timeout(10):
            message = (await parked.next()).message

    assert state is RunState.SUCCEEDED
    assert isinstance(message, RunFinished)
    assert message.id == senseless.id
    assert await stage.publisher.depth(SCHEDULER_EVENTS) == 0


async def test_news_wakes_the_dispatcher(stage: Stage) -> None:
    job_id = await stage.desk.job(manual())
    stage.news.take_requests()
    asked = RequestsChanged(source="ui", time=at(0), request_id=RequestId(new_id()))
    changed = JobChanged(source="ui", time=at(0), job_id=job_id, version=1)
    jobs: set[JobId] = set()

    async with listening(stage), asyncio.timeout(10):
        await say(stage, "requests.changed", asked)
        await say(stage, "job.changed", changed)
        while not jobs:
            await stage.news.wake.wait(stage.desk.clock, 3_600)
            jobs = stage.news.take_jobs()

    assert jobs == {job_id}
    assert stage.news.take_requests()

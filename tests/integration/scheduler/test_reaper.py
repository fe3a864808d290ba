"""Silence, looked at over a real broker: who falls silent loses what it held, and nobody else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace

from services.scheduler.claims import PREFETCH, Claims
from services.scheduler.reaper import TICK_S, Reaper
from shared.broker import Consumer, Publisher, Requests
from shared.domain.run import Reason, RunState
from shared.messages.answers import Standing
from shared.messages.envelope import AttemptRef
from shared.messages.topology import CLAIMS
from tests.integration.scheduler.stage import KEY, Holder, Stage, at, manual

PATIENCE = "services.scheduler.reaper._LOOPBACK_S"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is busy with other things answers late: that must not look like no answer."""
    monkeypatch.setattr(PATIENCE, 20.0)


@asynccontextmanager
async def reaper(stage: Stage) -> AsyncIterator[tuple[Reaper, Consumer]]:
    """A reaper, and the consumer by which its own questions are answered."""
    async with (
        Publisher.on(stage.broker) as publisher,
        Consumer.on(stage.broker, CLAIMS, prefetch=PREFETCH) as consumer,
        Requests.on(stage.broker) as requests,
        asyncio.TaskGroup() as group,
    ):
        answering = group.create_task(Claims(stage.ledger, publisher, key=KEY).run(consumer))
        yield Reaper(stage.ledger, requests, lost_after_s=20), consumer
        answering.cancel()


async def looks(reaper: Reaper, stage: Stage, count: int) -> None:
    for _ in range(count):
        await reaper.look()
        stage.desk.clock.advance(TICK_S)


async def test_an_executor_that_falls_silent_loses_its_runs_after_twenty_seconds(stage: Stage) -> None:
    desk = stage.desk
    await desk.ask(await desk.job(manual()))
    holder = Holder()
    grant = await desk.granted(holder, await desk.attempt())
    await desk.renew(holder.renewal(AttemptRef(grant.attempt_id, grant.token)))

    async with reaper(stage) as (looking, _):
        await looks(looking, stage, 10)
        assert await desk.states() == [(RunState.RUNNING, None)]
        await looks(looking, stage, 1)

    assert await desk.states() == [(RunState.LOST, Reason.SILENT)]
    assert not (await desk.executor()).online


async def test_who_claims_after_a_long_silence_has_a_whole_lease_from_then_on(stage: Stage) -> None:
    desk = stage.desk
    await desk.ask(await desk.job(manual()))
    holder = Holder()
    await desk.renew(holder.renewal())

    async with reaper(stage) as (looking, _):
        await looks(looking, stage, 10)
        await desk.granted(holder, await desk.attempt())
        await looks(looking, stage, 10)
        assert await desk.states() == [(RunState.RUNNING, None)]
        await looks(looking, stage, 1)

    assert await desk.states() == [(RunState.LOST, Reason.SILENT)]


async def test_an_executor_that_falls_silent_while_it_drains_has_not_left(stage: Stage) -> None:
    desk = stage.desk
    await desk.renew(replace(Holder().renewal(), draining=True))

    async with reaper(stage) as (looking, _):
        await looks(looking, stage, 11)

    row = await desk.executor()
    assert (row.online, row.draining) == (False, False)


async def test_what_is_left_of_an_executor_that_left_is_lost_after_twenty_seconds(stage: Stage) -> None:
    desk = stage.desk
    await desk.ask(await desk.job(manual()))
    holder = Holder()
    await desk.granted(holder, await desk.attempt())
    await desk.renew(replace(holder.renewal(), leaving=True))

    async with reaper(stage) as (looking, _):
        await looks(looking, stage, 11)

    assert await desk.states() == [(RunState.LOST, Reason.SILENT)]
    row = await desk.executor()
    assert (row.online, row.draining) == (False, True)


async def test_an_executor_that_beats_keeps_its_runs(stage: Stage) -> None:
    desk = stage.desk
    await desk.ask(await desk.job(manual()))
    holder = Holder()
    grant = await desk.granted(holder, await desk.attempt())

    async with reaper(stage) as (looking, _):
        for beat in range(1, 20):
            await desk.renew(holder.renewal(AttemptRef(grant.attempt_id, grant.token), beat=beat))
            await looks(looking, stage, 3)

    assert await desk.states() == [(RunState.RUNNING, None)]
    assert (await desk.executor()).online


async def test_while_the_broker_carries_nothing_nobody_is_lost(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = stage.desk
    await desk.ask(await desk.job(manual()))
    holder = Holder()
    await desk.granted(holder, await desk.attempt())
    await desk.renew(holder.renewal())

    async with reaper(stage) as (looking, answering):
        await looks(looking, stage, 10)
        await answering.pause()
        monkeypatch.setattr(PATIENCE, 0.2)
        await looks(looking, stage, 3)

    assert await desk.states() == [(RunState.RUNNING, None)]


async def test_a_scheduler_that_was_stopped_for_an_hour_takes_nobody_for_lost(stage: Stage) -> None:
    desk = stage.desk
    await desk.ask(await desk.job(manual()))
    holder = Holder()
    await desk.granted(holder, await desk.attempt())
    await desk.renew(holder.renewal())

    async with reaper(stage) as (looking, _):
        await looks(looking, stage, 2)
        desk.clock.advance(3_600)
        await looks(looking, stage, 2)

    assert await desk.states() == [(RunState.RUNNING, None)]


async def test_who_is_heard_in_the_last_moment_is_not_lost(stage: Stage) -> None:
    desk = stage.desk
    await desk.ask(await desk.job(manual()))
    holder = Holder()
    grant = await desk.granted(holder, await desk.attempt())
    held = AttemptRef(grant.attempt_id, grant.token)
    await desk.renew(holder.renewal(held))

    async with (
        reaper(stage) as (looking, answering),
        Requests.on(stage.broker) as requests,
        asyncio.timeout(30),
    ):
        await looks(looking, stage, 10)
        await answering.pause()
        async with asyncio.TaskGroup() as group:
            # The renewal lies before our own question, and is read after we have looked.
            group.create_task(requests.ask(holder.renewal(held, beat=2), timeout_s=20))
            while await stage.publisher.depth(CLAIMS) < 1:
                pass
            group.create_task(looking.look())
            while await stage.publisher.depth(CLAIMS) < 2:
                pass
            answering.resume()

    assert await desk.states() == [(RunState.RUNNING, None)]
    assert (await desk.executor()).online


async def test_who_claimed_and_never_beat_is_noticed_too(stage: Stage) -> None:
    desk = stage.desk
    await desk.ask(await desk.job(manual()))
    await desk.granted(Holder(), await desk.attempt())

    async with reaper(stage) as (looking, _):
        await looks(looking, stage, 11)

    assert await desk.states() == [(RunState.LOST, Reason.SILENT)]


async def test_what_an_older_boot_held_is_lost_though_the_new_one_beats(stage: Stage) -> None:
    desk = stage.desk
    await desk.ask(await desk.job(manual()))
    old, new = Holder(), Holder(started_at=at(1))
    await desk.granted(old, await desk.attempt())

    async with reaper(stage) as (looking, _):
        for _ in range(11):
            await desk.renew(new.renewal(beat=1))
            await looks(looking, stage, 1)

    assert await desk.states() == [(RunState.LOST, Reason.EXECUTOR_GONE)]


async def test_an_executor_that_comes_back_is_online_and_its_run_goes_on(stage: Stage) -> None:
    desk = stage.desk
    await desk.ask(await desk.job(manual()))
    holder = Holder()
    grant = await desk.granted(holder, await desk.attempt())
    held = AttemptRef(grant.attempt_id, grant.token)
    await desk.renew(holder.renewal(held))
    async with reaper(stage) as (looking, _):
        await looks(looking, stage, 11)

    assert await desk.standing(holder.renewal(held, beat=2)) is Standing.RENEWED

    assert (await desk.executor()).online
    assert await desk.states() == [(RunState.RUNNING, None)]


async def test_a_lost_run_that_may_be_tried_again_is_published_again(stage: Stage) -> None:
    desk = stage.desk
    await desk.ask(await desk.job(manual(), on_lost="retry"))
    await desk.granted(Holder(), await desk.attempt())

    async with reaper(stage) as (looking, _):
        await looks(looking, stage, 11)
    published = await stage.publish_due()

    assert published == 1
    assert [(one.number, one.state) for one in await desk.attempts()] == [
        (1, RunState.LOST),
        (2, RunState.QUEUED),
    ]
    assert await stage.depth(urgent=True) == 1

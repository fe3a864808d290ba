"""Several schedulers on one ledger: what they do at the same moment is done once, and one after the other."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.claims import Claims
from services.scheduler.definitions import follow_jobs
from services.scheduler.endings import apply_report
from services.scheduler.leases import renew_leases
from services.scheduler.ledger import Effects
from services.scheduler.reaper import TICK_S, Reaper
from shared.broker import Consumer, Publisher, Requests
from shared.db import jobs
from shared.db.attempts import attempts_by_id
from shared.db.engine import LOCKED_OR_DOWN, Database, open_database
from shared.db.locks import lock_executors, lock_jobs, lock_jobs_of_attempts, lock_new_jobs
from shared.db.tables import CursorRow, JobLedgerRow
from shared.domain.ids import JobId, RunId, new_id
from shared.domain.job import Definition
from shared.domain.run import Reason, RunState
from shared.domain.schedules import Interval
from shared.messages.answers import ClaimAnswer, RenewAnswer
from shared.messages.commands import Command
from shared.messages.envelope import AttemptRef
from shared.messages.topology import CLAIMS, DEAD
from shared.runtime.settings import DatabaseSettings
from tests.integration.scheduler.stage import ALLOW, KEY, RULE, Desk, Holder, Stage, at, manual, ref, seconds
from tests.support.eventually import until_found
from tests.support.manual_clock import EPOCH, ManualClock

pytestmark = pytest.mark.parametrize("store", ["postgresql"], indirect=True)

_WAITING = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
Two = tuple[Stage, Stage]
Lock = Callable[[AsyncSession], Awaitable[None]]


@pytest.fixture
async def two(store: DatabaseSettings, amqp_url: str) -> AsyncIterator[Two]:
    """Two schedulers' parts on one ledger, with one clock and one broker."""
    clock = ManualClock()
    async with (
        open_database(store, schedules=True) as one,
        open_database(store, schedules=True) as other,
        Stage.on(Desk(one, clock), amqp_url) as first,
        Stage.on(Desk(other, clock), amqp_url) as second,
    ):
        yield first, second


async def at_once(store: DatabaseSettings, lock: Lock, *works: Coroutine[Any, Any, Any]) -> list[Any]:
    """Let these begin at the same moment: each waits for the lock that is let go when all do."""
    async with open_database(store) as third, asyncio.TaskGroup() as group:
        async with third.ledger.begin() as session:
            await lock(session)
            tasks = [group.create_task(work) for work in works]
            await until_found(lambda: all_wait(third, len(works)), within_s=10)
    return [task.result() for task in tasks]


async def all_wait(database: Database, count: int) -> bool:
    async with database.reading.begin() as session:
        return bool(await session.scalar(_WAITING) == count)


@asynccontextmanager
async def answering(*stages: Stage) -> AsyncIterator[Requests]:
    """Let each of these schedulers answer one question at a time; yield by what to ask."""

    async def answer(stage: Stage) -> None:
        async with (
            Publisher.on(stage.broker) as publisher,
            Consumer.on(stage.broker, CLAIMS, prefetch=1) as consumer,
        ):
            await Claims(stage.ledger, publisher, key=KEY).run(consumer)

    async with Requests.on(stages[0].broker) as requests, asyncio.TaskGroup() as group:
        tasks = [group.create_task(answer(stage)) for stage in stages]
        yield requests
        for task in tasks:
            task.cancel()


async def answers(store: DatabaseSettings, two: Two, lock: Lock, *asked: Command) -> list[Any]:
    """Ask two schedulers at once, each one thing."""
    async with answering(*two) as requests:
        return await at_once(store, lock, *(requests.ask(one, timeout_s=20) for one in asked))


def locking(job_id: JobId) -> Lock:
    return lambda session: lock_jobs(session, {job_id})


async def test_of_two_runs_that_must_not_overlap_two_schedulers_start_one(
    two: Two, store: DatabaseSettings
) -> None:
    first, _ = two
    desk = first.desk
    job_id = await desk.job()
    desk.clock.advance(9)
    await first.plan()
    await desk.ask(job_id)
    desk.clock.advance(1)
    planned, asked_for = await desk.attempts()

    heard = await answers(
        store, two, locking(job_id), Holder().claim(ref(planned)), Holder().claim(ref(asked_for))
    )

    assert all(isinstance(answer, ClaimAnswer) for answer in heard)
    assert sorted(len(answer.grants) for answer in heard) == [0, 1]
    assert sorted(await desk.states()) == [(RunState.RUNNING, None), (RunState.SKIPPED, Reason.OVERLAP)]


async def test_an_attempt_that_two_schedulers_are_asked_for_is_granted_once(
    two: Two, store: DatabaseSettings
) -> None:
    desk = two[0].desk
    job_id = await desk.job(manual())
    await desk.ask(job_id)
    attempt = ref(await desk.attempt())

    heard = await answers(store, two, locking(job_id), Holder().claim(attempt), Holder().claim(attempt))

    assert sorted(len(answer.grants) for answer in heard) == [0, 1]


async def test_an_executor_whose_first_words_reach_two_schedulers_is_one(
    two: Two, store: DatabaseSettings
) -> None:
    holder = Holder()

    heard = await answers(
        store,
        two,
        lambda session: lock_executors(session, (holder.name,)),
        holder.renewal(beat=2),
        holder.renewal(beat=1),
    )

    assert all(isinstance(answer, RenewAnswer) for answer in heard)
    row = await two[0].desk.executor()
    assert (row.beat_seq, row.online) == (2, True)
    assert await two[0].publisher.depth(DEAD) == 0


async def test_who_is_heard_by_one_scheduler_is_not_silent_for_another(
    two: Two, store: DatabaseSettings
) -> None:
    first, second = two
    desk, holder = first.desk, Holder()
    await desk.ask(await desk.job(manual()))
    grant = await desk.granted(holder, await desk.attempt())
    held = AttemptRef(grant.attempt_id, grant.token)
    await desk.renew(holder.renewal(held, beat=1))
    async with answering(first) as requests, open_database(store) as third:
        looking = Reaper(first.ledger, requests, lost_after_s=20)
        for _ in range(10):
            await looking.look()
            desk.clock.advance(TICK_S)

        async with asyncio.TaskGroup() as group:

            async def renew(session: AsyncSession, effects: Effects) -> None:
                await lock_jobs_of_attempts(session, {grant.attempt_id}, executors={holder.name})
                await lock_executors(session, {holder.name})
                group.create_task(looking.look())
                await until_found(lambda: all_wait(third, 1), within_s=10)
                await renewing(session, effects)

            renewing = renewal_of(second, holder, held, beat=2)
            await second.desk.do(renew)

    assert await desk.states() == [(RunState.RUNNING, None)]
    assert (await desk.executor()).online


async def test_a_new_job_that_two_schedulers_follow_has_one_ledger_and_one_cursor(
    two: Two, store: DatabaseSettings
) -> None:
    clock = two[0].desk.clock
    job_id = JobId(new_id())

    async def follow(stage: Stage) -> int:
        return await stage.ledger.write(
            lambda s, e: follow_jobs(s, e, {job_id}, misfire=RULE, now=clock.now())
        )

    async with two[0].desk.database.ledger.begin() as session:
        await jobs.insert(session, job_id, Definition(name="new", script="hello.py"), now=clock.now())
        await jobs.replace_schedule(
            session, job_id, Interval(every=seconds(10), anchor=EPOCH), "UTC", now=clock.now()
        )

    followed = await at_once(
        store, lambda session: lock_new_jobs(session, {job_id}), *(follow(stage) for stage in two)
    )

    async with two[0].desk.database.reading.begin() as session:
        versions = list(await session.scalars(select(JobLedgerRow.seen_version)))
        cursors = await session.scalar(select(func.count()).select_from(CursorRow))
    assert sorted(followed) == [0, 1]
    assert (versions, cursors) == ([1], 1)


async def test_what_is_asked_of_a_job_is_done_once_and_in_order(two: Two, store: DatabaseSettings) -> None:
    first, second = two
    desk = first.desk
    job_id = await desk.job(manual())
    run_id = RunId(new_id())
    await desk.store_request(job_id, "run_now", run_id)
    await desk.store_request(job_id, "cancel", run_id)

    await at_once(store, locking(job_id), desk.handle(), second.desk.handle())

    assert [request.outcome for request in await desk.requests()] == ["queued as #1", "cancelled"]
    assert await desk.states() == [(RunState.CANCELLED, Reason.REQUESTED)]


async def test_a_run_that_is_held_is_decided_once_while_the_one_before_it_ends(
    two: Two, store: DatabaseSettings
) -> None:
    first, second = two
    desk, holder = first.desk, Holder()
    job_id = await desk.job()
    desk.clock.advance(10)
    await first.plan()
    grant = await desk.granted(holder, await desk.attempt())
    desk.clock.advance(9)
    await first.plan()
    desk.clock.advance(1)

    async def end(session: AsyncSession, effects: Effects) -> bool:
        await lock_jobs_of_attempts(session, {grant.attempt_id})
        (attempt,) = (await attempts_by_id(session, {grant.attempt_id})).values()
        return await apply_report(session, effects, attempt, holder.report(grant), now=desk.clock.now())

    await at_once(store, locking(job_id), desk.do(end), second.dispatcher.decide({job_id}))

    before, after = await desk.runs()
    assert before.state is RunState.SUCCEEDED
    assert after.state in (RunState.QUEUED, RunState.SKIPPED)
    assert len(await desk.attempts()) == (2 if after.state is RunState.QUEUED else 1)


async def test_a_planner_passes_over_what_another_has_and_comes_back_to_it(
    two: Two, store: DatabaseSettings
) -> None:
    first, second = two
    desk = first.desk
    held, free = await desk.job(**ALLOW), await desk.job(**ALLOW)
    desk.clock.advance(9)

    async with open_database(store) as third, third.ledger.begin() as session:
        await lock_jobs(session, {held})
        next_at = await second.dispatcher.plan_due()
        meanwhile = await desk.runs()
    again_at = await second.dispatcher.plan_due()

    assert [run.job_id for run in meanwhile] == [free]
    assert (next_at, again_at) == (at(10), at(20))
    assert [[run.nominal_at for run in await desk.runs(job)] for job in (held, free)] == [[at(10)], [at(10)]]


async def test_two_planners_promise_each_instant_once(two: Two) -> None:
    first, second = two
    desk = first.desk
    ids = [await desk.job(**ALLOW) for _ in range(20)]

    for _ in range(5):
        desk.clock.advance(10)
        async with asyncio.TaskGroup() as group:
            for stage in two:
                group.create_task(stage.plan())
        await second.plan()

    for job_id in ids:
        runs = await desk.runs(job_id)
        assert [run.nominal_at for run in runs] == [at(10 * n) for n in range(1, 6)]
        assert [run.number for run in runs] == [1, 2, 3, 4, 5]


async def test_what_is_published_is_marked_without_waiting_for_another_scheduler(
    two: Two, store: DatabaseSettings
) -> None:
    first, _ = two
    desk = first.desk
    held, free = await desk.job(**ALLOW), await desk.job(**ALLOW)
    desk.clock.advance(10)
    await first.plan()
    await first.publish_due()

    async with open_database(store) as third, third.ledger.begin() as session:
        await lock_jobs(session, {held})
        await first.relay.mark()
        meanwhile = {one.job_id for one in await desk.attempts() if one.published_at is not None}
    await first.relay.mark()

    assert meanwhile == {free}
    assert [one.publish_count for one in await desk.attempts()] == [1, 1]
    assert not first.relay.has_marks


async def test_a_scheduler_that_is_frozen_in_a_transaction_loses_its_locks_to_the_others(
    two: Two, store: DatabaseSettings
) -> None:
    first, second = two
    job_id = await first.desk.job()

    async def has_lock() -> bool:
        try:
            await second.desk.do(lambda session, _: lock_jobs(session, {job_id}))
        except LOCKED_OR_DOWN:
            return False
        return True

    async def freeze(session: AsyncSession, _: Effects) -> None:
        await lock_jobs(session, {job_id})
        await until_found(has_lock, within_s=30)
        await session.execute(text("SELECT 1"))

    with pytest.raises(LOCKED_OR_DOWN):
        await first.desk.do(freeze)


def renewal_of(
    stage: Stage, holder: Holder, held: AttemptRef, *, beat: int
) -> Callable[[AsyncSession, Effects], Awaitable[object]]:
    return lambda s, e: renew_leases(s, e, holder.renewal(held, beat=beat), now=stage.desk.clock.now())

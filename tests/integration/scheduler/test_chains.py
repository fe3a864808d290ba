"""Jobs that run after others: each end is told once, with what ended, and starts what it is to start."""

import asyncio
from dataclasses import dataclass

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.chains import Chains
from services.scheduler.endings import apply_report
from services.scheduler.ledger import Effects
from shared.db import edges, jobs
from shared.db.attempts import attempts_by_id
from shared.db.engine import open_database
from shared.db.tables import ChainArrivalRow, RunRow
from shared.domain.chain import AFTER_NOTHING, ChainOn, Join, RunsAfter, Upstream
from shared.domain.ids import JobId, RunId
from shared.domain.retry import RetryRule
from shared.domain.run import Cause, Reason, RunState
from shared.messages.answers import Grant
from shared.messages.envelope import AttemptRef
from shared.runtime.settings import DatabaseSettings
from tests.integration.scheduler.stage import RULE, Desk, Holder, Stage, at, manual
from tests.integration.scheduler.test_several import at_once, locking
from tests.support.eventually import until_found

ALL_ON = tuple(ChainOn)


@dataclass(frozen=True)
class Chained:
    """A stage whose chains are driven by hand, and the one executor there is."""

    stage: Stage
    chains: Chains
    holder: Holder

    @property
    def desk(self) -> Desk:
        return self.stage.desk

    async def job(
        self, *upstreams: JobId, on: ChainOn = ChainOn.SUCCESS, join: Join = Join.ALL, **fields: object
    ) -> JobId:
        """Store a job that runs after these and by no schedule."""
        value = RunsAfter(join, tuple(Upstream(one, on) for one in upstreams))
        job_id = await self.desk.job(manual(), runs_after=value, **fields)
        await self.edit(job_id, value, AFTER_NOTHING)
        return job_id

    async def edit(self, job_id: JobId, wanted: RunsAfter, current: RunsAfter) -> None:
        now = self.desk.clock.now()
        await self.desk.do(lambda s, _: edges.replace_edges(s, job_id, wanted, current, now=now))

    async def begin(self, job_id: JobId) -> Grant:
        """Let the executor have a run of the job."""
        await self.desk.ask(job_id)
        return await self.desk.granted(self.holder, await self.desk.newest_attempt())

    async def end(self, job_id: JobId, state: RunState = RunState.SUCCEEDED) -> Grant:
        """Run the job to this end, and look at what that starts."""
        grant = await self.begin(job_id)
        await self.desk.report(self.holder.report(grant, state))
        await self.look()
        return grant

    async def look(self) -> None:
        await self.chains.start(await self.chains.sweep())

    async def lose(self) -> None:
        """Let the executor be heard of without what it held: that is taken for lost."""
        self.desk.clock.advance(31)
        await self.desk.renew(self.holder.renewal(beat=3, heard=self.desk.clock.now()))

    async def started(self, job_id: JobId) -> list[RunState]:
        return [run.state for run in await self.desk.runs(job_id) if run.cause is Cause.CHAIN]

    async def parents(self, run: RunRow) -> list[RunId]:
        async with self.desk.database.reading.begin() as session:
            found = select(ChainArrivalRow.upstream_run_id).where(ChainArrivalRow.run_id == run.id)
            return [RunId(id_) for id_ in await session.scalars(found.order_by(ChainArrivalRow.id))]


@pytest.fixture
def chained(stage: Stage) -> Chained:
    return Chained(stage, Chains(stage.ledger, RULE), Holder())


async def test_an_end_that_counts_starts_one_ordinary_run_that_knows_its_parent(chained: Chained) -> None:
    desk = chained.desk
    first = await chained.job()
    second = await chained.job(first)
    desk.clock.advance(7)

    grant = await chained.end(first)

    (run,) = await desk.runs(second)
    assert (run.cause, run.state, run.number, run.requested_by) == (Cause.CHAIN, RunState.QUEUED, 1, None)
    assert (run.nominal_at, run.due_at, run.promise_key) == (at(7), at(7), None)
    assert await chained.parents(run) == [grant.run_id]
    attempt = await desk.newest_attempt()
    assert (attempt.run_id, attempt.urgent) == (run.id, False)
    assert (await desk.granted(chained.holder, attempt)).job_id == second


async def test_a_report_that_is_repeated_starts_nothing_more(chained: Chained) -> None:
    first = await chained.job()
    second = await chained.job(first, on=ChainOn.ALWAYS)
    grant = await chained.end(first)

    await chained.desk.report(chained.holder.report(grant))
    await chained.desk.report(chained.holder.report(grant, RunState.FAILED))
    await chained.look()

    assert await chained.started(second) == [RunState.QUEUED]


async def test_only_the_last_of_a_runs_attempts_is_an_end(chained: Chained) -> None:
    desk = chained.desk
    first = await chained.job()
    await desk.set_policy(first, retry=RetryRule(retries=1))
    second = await chained.job(first, on=ChainOn.FAILURE)
    await chained.end(first, RunState.FAILED)
    assert await chained.started(second) == []
    desk.clock.advance(3_600)

    grant = await desk.granted(chained.holder, await desk.newest_attempt())
    await desk.report(chained.holder.report(grant, RunState.FAILED))
    await chained.look()

    assert await chained.started(second) == [RunState.QUEUED]


async def test_with_all_each_job_before_must_have_ended_since_the_last_time(chained: Chained) -> None:
    one, other = await chained.job(), await chained.job()
    last = await chained.job(one, other, overlap="allow")
    await chained.end(one)
    newest = await chained.end(one)
    assert await chained.started(last) == []

    also = await chained.end(other)
    await chained.end(other)

    (run,) = await chained.desk.runs(last)
    assert await chained.parents(run) == [newest.run_id, also.run_id]
    await chained.end(one)
    assert await chained.started(last) == [RunState.QUEUED, RunState.QUEUED]


async def test_with_any_each_end_starts_a_run_by_the_jobs_overlap(chained: Chained) -> None:
    one, other = await chained.job(), await chained.job()
    last = await chained.job(one, other, join=Join.ANY)
    await chained.end(one)

    await chained.end(other)

    assert await chained.desk.states(last) == [(RunState.QUEUED, None), (RunState.SKIPPED, Reason.OVERLAP)]


async def test_what_a_scheduler_left_that_died_after_the_end_is_started_by_a_sweep(
    chained: Chained, amqp_url: str
) -> None:
    first = await chained.job()
    second = await chained.job(first)
    await chained.desk.report(chained.holder.report(await chained.begin(first)))
    assert await chained.started(second) == []

    async with Stage.on(chained.desk, amqp_url) as other:
        again = Chains(other.ledger, RULE)
        await again.start(await again.sweep())
        await again.start(await again.sweep())

    assert await chained.started(second) == [RunState.QUEUED]


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
async def test_two_jobs_that_end_at_once_at_two_schedulers_start_the_job_after_both_once(
    chained: Chained, store: DatabaseSettings, amqp_url: str
) -> None:
    desk = chained.desk
    one, other = await chained.job(), await chained.job()
    last = await chained.job(one, other)
    grants = [await chained.begin(one), await chained.begin(other)]

    async def end(stage: Stage, grant: Grant) -> None:
        await stage.desk.report(chained.holder.report(grant))
        await Chains(stage.ledger, RULE).start({last})

    async with (
        open_database(store, schedules=True) as database,
        Stage.on(Desk(database, desk.clock), amqp_url) as second,
    ):
        # Both have told the end that they heard of before either may look at what has arrived.
        await at_once(store, locking(last), end(chained.stage, grants[0]), end(second, grants[1]))

    assert await chained.started(last) == [RunState.QUEUED]


async def test_the_end_itself_wakes_the_chains(chained: Chained) -> None:
    first = await chained.job(overlap="allow")
    second = await chained.job(first, overlap="allow")
    grants = [await chained.begin(first), await chained.begin(first)]
    await chained.desk.report(chained.holder.report(grants[0]))

    async def end(session: AsyncSession, effects: Effects) -> None:
        (attempt,) = (await attempts_by_id(session, {grants[1].attempt_id})).values()
        report = chained.holder.report(grants[1])
        assert await apply_report(session, effects, attempt, report, now=chained.desk.clock.now())

    async def started_so_many(number: int) -> bool:
        return len(await chained.started(second)) == number

    async with asyncio.TaskGroup() as group:
        running = group.create_task(chained.chains.run())
        # The first one is found by the sweep; while the clock stands still there is no other.
        await until_found(lambda: started_so_many(1))
        await chained.stage.ledger.write(end)
        await until_found(lambda: started_so_many(2))
        running.cancel()


async def test_a_lost_run_counts_when_it_cannot_be_going_any_more_and_its_correction_does_not(
    chained: Chained,
) -> None:
    desk = chained.desk
    first = await chained.job()
    of_failure = await chained.job(first, on=ChainOn.FAILURE)
    of_success = await chained.job(first)
    grant = await chained.begin(first)
    await chained.lose()
    assert (await desk.run(grant.run_id)).state is RunState.LOST
    await chained.look()
    assert await chained.started(of_failure) == []
    desk.clock.advance(300)

    await chained.look()
    await desk.report(chained.holder.report(grant))
    await chained.look()

    assert (await desk.run(grant.run_id)).state is RunState.SUCCEEDED
    assert await chained.started(of_failure) == [RunState.QUEUED]
    assert await chained.started(of_success) == []


async def test_a_lost_run_that_is_heard_of_in_time_counts_as_what_became_of_it(chained: Chained) -> None:
    desk = chained.desk
    first = await chained.job()
    of_failure = await chained.job(first, on=ChainOn.FAILURE)
    of_success = await chained.job(first)
    grant = await chained.begin(first)
    await chained.lose()

    await desk.report(chained.holder.report(grant))
    desk.clock.advance(3_600)
    await chained.look()

    assert await chained.started(of_success) == [RunState.QUEUED]
    assert await chained.started(of_failure) == []


async def test_a_lost_run_whose_lease_has_killed_it_counts_at_once(chained: Chained) -> None:
    first = await chained.job(on_lost="retry")
    second = await chained.job(first, on=ChainOn.FAILURE)
    await chained.begin(first)
    for _ in range(4):
        await chained.lose()
        await chained.desk.granted(chained.holder, await chained.desk.newest_attempt())
    assert await chained.started(second) == []

    await chained.lose()
    await chained.look()

    assert await chained.started(second) == [RunState.QUEUED]


async def test_what_was_cancelled_counts_for_always_and_only_after_it_had_been_started(
    chained: Chained,
) -> None:
    desk = chained.desk
    first = await chained.job(overlap="allow")
    await desk.set_policy(first, retry=RetryRule(retries=1))
    after = [await chained.job(first, on=on, overlap="allow") for on in ALL_ON]
    never = await desk.ask(first)
    await desk.ask(first, "cancel", never)
    between = await chained.end(first, RunState.FAILED)
    await chained.look()
    assert [await chained.started(one) for one in after] == [[], [], []]

    await desk.ask(first, "cancel", between.run_id)
    await chained.look()
    assert [await chained.started(one) for one in after] == [[], [], [RunState.QUEUED]]
    await chained.end(first, RunState.CANCELLED)

    assert [await chained.started(one) for one in after] == [[], [], [RunState.QUEUED, RunState.QUEUED]]


async def test_a_paused_job_says_so_and_a_deleted_one_starts_nothing_later(chained: Chained) -> None:
    desk = chained.desk
    first = await chained.job()
    paused, deleted = await chained.job(first), await chained.job(first)
    await desk.pause(paused)
    await desk.report(chained.holder.report(await chained.begin(first)))
    await desk.delete(deleted)

    await chained.look()
    await desk.resume(paused)
    await desk.change(deleted, jobs.mark_restored)
    await chained.look()

    assert await desk.states(paused) == [(RunState.SKIPPED, Reason.PAUSED)]
    assert await desk.states(deleted) == []


async def test_nothing_starts_because_a_job_was_edited(chained: Chained) -> None:
    desk = chained.desk
    one, other, lost = await chained.job(), await chained.job(), await chained.job()
    last = await chained.job(one, other)
    await chained.end(one)
    await chained.begin(lost)
    await chained.lose()
    desk.clock.advance(3_600)
    was = RunsAfter(Join.ALL, (Upstream(one), Upstream(other)))

    await chained.edit(last, RunsAfter(Join.ALL, (Upstream(lost, ChainOn.ALWAYS),)), was)
    await chained.look()

    assert await chained.started(last) == []


async def test_an_edge_that_is_kept_by_an_edit_keeps_what_arrived(chained: Chained) -> None:
    one, other, more = await chained.job(), await chained.job(), await chained.job()
    last = await chained.job(one, other)
    await chained.end(one)
    was = RunsAfter(Join.ALL, (Upstream(one), Upstream(other)))

    await chained.edit(last, RunsAfter(Join.ALL, (Upstream(one), Upstream(more))), was)
    await chained.end(more)

    assert await chained.started(last) == [RunState.QUEUED]


async def test_a_job_that_was_deleted_when_a_loss_counted_is_not_started_when_it_comes_back(
    chained: Chained,
) -> None:
    desk = chained.desk
    first = await chained.job()
    second = await chained.job(first, on=ChainOn.FAILURE)
    await chained.begin(first)
    await chained.lose()
    await desk.delete(second)
    desk.clock.advance(3_600)
    await chained.look()

    await desk.change(second, jobs.mark_restored)
    await chained.look()

    assert await desk.states(second) == []


async def test_a_loss_that_its_executor_has_proved_counts_before_its_time_is_over(chained: Chained) -> None:
    first = await chained.job()
    second = await chained.job(first, on=ChainOn.FAILURE)
    await chained.desk.report(chained.holder.report(await chained.begin(first), RunState.LOST))

    await chained.look()

    assert await chained.started(second) == [RunState.QUEUED]


async def test_a_run_that_is_cancelled_and_given_back_after_its_first_attempt_is_told(
    chained: Chained,
) -> None:
    desk = chained.desk
    first = await chained.job()
    await desk.set_policy(first, retry=RetryRule(retries=1))
    second = await chained.job(first, on=ChainOn.ALWAYS)
    await chained.end(first, RunState.FAILED)
    desk.clock.advance(3_600)
    grant = await desk.granted(chained.holder, await desk.newest_attempt())
    await desk.ask(first, "cancel", grant.run_id)

    await desk.release(chained.holder.release(AttemptRef(grant.attempt_id, grant.token)))
    await chained.look()

    assert (await desk.run(grant.run_id)).state is RunState.CANCELLED
    assert await chained.started(second) == [RunState.QUEUED]


async def test_what_is_left_of_all_waits_for_ends_to_come(chained: Chained) -> None:
    one, other = await chained.job(), await chained.job()
    last = await chained.job(one, other)
    await chained.end(one)
    was = RunsAfter(Join.ALL, (Upstream(one), Upstream(other)))

    await chained.edit(last, RunsAfter(Join.ALL, (Upstream(one),)), was)
    await chained.look()
    assert await chained.started(last) == []

    await chained.end(one)
    assert await chained.started(last) == [RunState.QUEUED]

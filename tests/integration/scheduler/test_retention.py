"""Old runs are removed, step by step; what still matters stays, and nothing is promised anew."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text, update

from services.scheduler.ledger import Ledger
from services.scheduler.retention import Retention
from shared.db.retention import MOST
from shared.db.tables import AttemptRow, ChainArrivalRow, ChainEdgeRow, JobLedgerRow, RunRow
from shared.domain.chain import ChainOn
from shared.domain.ids import JobId, new_id
from shared.domain.policy import Policy
from shared.domain.retention import Keep
from shared.domain.run import Cause, RunState
from shared.domain.schedules import Interval
from tests.integration.scheduler.stage import Desk, Stage, manual
from tests.support.manual_clock import EPOCH

USUAL = Keep(days=90, runs=100_000)
DAY = timedelta(days=1)
FAILED, LOST, SUCCEEDED = RunState.FAILED, RunState.LOST, RunState.SUCCEEDED


def ended(job_id: JobId, number: int, state: RunState, at: datetime, **more: Any) -> RunRow:
    facts = {"cause": Cause.MANUAL, "nominal_at": at, "due_at": at, "created_at": at, "attempt": 1}
    done = {"finished_at": None if state is RunState.RUNNING else at}
    return RunRow(id=new_id(), job_id=job_id, number=number, state=state, **{**facts, **done, **more})


def attempt_of(run: RunRow, **more: Any) -> AttemptRow:
    facts = {"pool": "default", "urgent": False, "due_at": run.due_at, "token": 1, "number": 1}
    return AttemptRow(id=new_id(), run_id=run.id, job_id=run.job_id, state=run.state, **{**facts, **more})


async def store(desk: Desk, job_id: JobId, runs: list[RunRow], *others: object) -> None:
    """Let these be the runs of the job so far."""
    async with desk.database.ledger.begin() as session:
        session.add_all(runs)
        await session.flush()
        session.add_all(others)
        ledger = update(JobLedgerRow).where(JobLedgerRow.job_id == job_id)
        await session.execute(ledger.values(run_count=max(run.number for run in runs)))


async def swept(stage: Stage) -> int:
    """Let the loop go through all jobs once; its clock goes on by itself."""
    retention = Retention(Ledger(stage.desk.database.ledger, stage.desk.clock, stage.announcer), USUAL)
    sweep = asyncio.create_task(retention.sweep())
    while not sweep.done():
        stage.desk.clock.advance(0.25)
        await asyncio.wait([sweep], timeout=0.01)
    return sweep.result()


async def test_what_is_old_goes_and_what_matters_stays(stage: Stage) -> None:
    desk = stage.desk
    now, old = desk.clock.now(), desk.clock.now() - 40 * DAY
    job_id = await desk.job(manual(), policy=Policy(keep_days=30))
    states = [SUCCEEDED, SUCCEEDED, FAILED, LOST, RunState.RUNNING, FAILED, FAILED, FAILED]
    runs = [ended(job_id, number, state, old) for number, state in enumerate(states, start=1)]
    runs[6].finished_at = now - 29 * DAY
    # Of the two that go, only the first stands for an instant: somebody asked for the other one.
    runs[0].schedule_id, runs[0].nominal_at = await desk.add_schedule(job_id, manual()), old - DAY
    waits = ChainArrivalRow(
        id=new_id(), edge_id=new_id(), job_id=job_id, upstream_id=job_id, upstream_run_id=runs[5].id,
        state=FAILED, arrived_at=old, taken_at=None, run_id=None,
    )  # fmt: skip
    attempts = [attempt_of(run, may_run_until=now + DAY) for run in runs]
    await store(desk, job_id, runs, *attempts, waits)

    assert await swept(stage) == 2
    assert await swept(stage) == 0

    # The last that succeeded, one that may be heard of, one that goes on, one that is awaited, a young one
    # and the newest.
    assert [run.number for run in await desk.runs()] == [2, 4, 5, 6, 7, 8]
    assert {one.run_id for one in await desk.attempts()} == {run.id for run in await desk.runs()}
    ledger = await desk.ledger_of(job_id)
    assert (ledger.removed_count, ledger.removed_until, ledger.run_count) == (2, old - DAY, 8)
    await desk.ask(job_id)
    assert (await desk.runs())[-1].number == 9


async def test_a_clock_set_months_ahead_counts_an_hour_a_look(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(manual(), policy=Policy(keep_days=30))
    at = desk.clock.now() - 30 * DAY + timedelta(minutes=90)
    await store(desk, job_id, [ended(job_id, number, FAILED, at) for number in (1, 2, 3)])

    assert await swept(stage) == 0
    desk.clock.step_wall(180 * 86_400)
    assert [await swept(stage) for _ in range(2)] == [0, 2]


async def test_what_an_executor_dates_long_ago_is_as_young_as_its_instant(stage: Stage) -> None:
    desk = stage.desk
    now, old = desk.clock.now(), desk.clock.now() - 40 * DAY
    job_id = await desk.job(manual(), policy=Policy(keep_days=30))
    runs = [
        ended(job_id, 1, FAILED, old),
        ended(job_id, 2, FAILED, old, due_at=now),
        ended(job_id, 3, FAILED, old),
    ]
    await store(desk, job_id, runs)

    assert await swept(stage) == 1

    assert [run.number for run in await desk.runs()] == [2, 3]


async def test_a_lost_run_stays_until_the_jobs_after_it_are_told(stage: Stage) -> None:
    desk = stage.desk
    old = desk.clock.now() - 40 * DAY
    job_id, other = await desk.job(manual(), policy=Policy(keep_days=30)), await desk.job(manual())
    runs = [
        ended(job_id, number, LOST, old, **more)
        for number, more in enumerate([{}, {"chained_at": old}, {}], 1)
    ]
    edge = ChainEdgeRow(
        id=new_id(), job_id=other, upstream_id=job_id, chain_on=ChainOn.ALWAYS, created_at=old - DAY
    )
    await store(desk, job_id, runs, *(attempt_of(run, may_run_until=old + DAY) for run in runs), edge)

    assert await swept(stage) == 1

    assert [run.number for run in await desk.runs(job_id)] == [1, 3]


async def test_of_many_runs_the_newest_stay_and_their_room_is_given_back(stage: Stage) -> None:
    desk = stage.desk
    old = desk.clock.now() - 2 * DAY
    job_id = await desk.job(manual(), policy=Policy(keep_runs=10))
    without = await pages(desk)
    runs = [ended(job_id, number, FAILED, old, detail="d" * 500) for number in range(1, 2 * MOST + 101)]
    await store(desk, job_id, runs, *(attempt_of(run) for run in runs))
    before = await pages(desk)

    assert await swept(stage) == 2 * MOST + 90

    assert [run.number for run in await desk.runs()] == list(range(2 * MOST + 91, 2 * MOST + 101))
    if before:
        assert await pages(desk) - without < (before - without) / 2


async def pages(desk: Desk) -> int:
    """Return how many pages the file has; 0 on PostgreSQL, which sees to its room by itself."""
    async with desk.database.reading() as session:
        if session.get_bind().dialect.name != "sqlite":
            return 0
        return int(await session.scalar(text("PRAGMA page_count")) or 0)


@pytest.mark.parametrize("again", ["planned", "asked for"])
async def test_what_was_removed_is_not_run_again(stage: Stage, again: str) -> None:
    desk = stage.desk
    hourly = Interval(every=timedelta(hours=1), anchor=EPOCH)
    job_id = await desk.job(hourly, policy=Policy(keep_days=1))
    for _ in range(3):
        desk.clock.advance(3_600)
        await stage.plan()
    at = desk.clock.now()
    async with desk.database.ledger.begin() as session:
        await session.execute(update(RunRow).values(state=FAILED, finished_at=at))
        await session.execute(update(AttemptRow).values(state=FAILED))
    desk.clock.step_wall(2 * 86_400)
    assert await swept(stage) == 2
    desk.clock.step_wall(-2 * 86_400)

    if again == "planned":
        await stage.plan()
    else:
        outcome = await desk.backfill(job_id, EPOCH, at - timedelta(seconds=3_000))
        assert outcome == "nothing to run: every instant of the range has run, or waits"

    assert [run.number for run in await desk.runs()] == [3]

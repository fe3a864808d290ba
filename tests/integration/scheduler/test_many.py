"""Amounts beyond what one statement can name: 32,767 values with asyncpg, 32,766 on many a SQLite."""

from sqlalchemy import insert, select

from shared.db.planning import kept_promises, siblings_of
from shared.db.runs import promised
from shared.db.tables import AttemptRow, RunRow
from shared.domain.ids import AttemptId, JobId, RunId, new_id
from shared.domain.run import Cause, Reason, RunState
from shared.domain.schedules import Interval
from tests.integration.scheduler.stage import Desk, Stage, at, manual, seconds
from tests.integration.scheduler.test_unseen import following
from tests.support.manual_clock import EPOCH

MANY = 33_000


def every(count: int) -> Interval:
    return Interval(every=seconds(count), anchor=EPOCH)


async def fill(desk: Desk, job_id: JobId) -> None:
    """Let so many runs of the job wait."""
    runs = [
        {
            "id": RunId(new_id()),
            "job_id": job_id,
            "number": number,
            "cause": Cause.SCHEDULE,
            "nominal_at": at(number),
            "due_at": at(number),
            "state": RunState.QUEUED,
            "attempt": 1,
            "created_at": at(0),
        }
        for number in range(1, MANY + 1)
    ]
    attempts = [
        {
            "id": AttemptId(new_id()),
            "run_id": run["id"],
            "job_id": job_id,
            "number": 1,
            "token": 1,
            "state": RunState.QUEUED,
            "pool": "default",
            "urgent": False,
            "due_at": run["due_at"],
        }
        for run in runs
    ]
    async with desk.database.ledger.begin() as session:
        await session.execute(insert(RunRow.__table__), runs)
        await session.execute(insert(AttemptRow.__table__), attempts)


async def test_a_job_is_deleted_with_all_that_waits_of_it(desk: Desk) -> None:
    job_id = await desk.job(manual(), overlap="allow")
    await fill(desk, job_id)

    await desk.delete(job_id)

    async with desk.database.reading.begin() as session:
        rows = await session.execute(select(RunRow.state, RunRow.reason).distinct())
        states = [(row.state, row.reason) for row in rows]
        assert set(await session.scalars(select(AttemptRow.state).distinct())) == {RunState.CANCELLED}
    assert states == [(RunState.CANCELLED, Reason.DELETED)]


async def test_more_promises_are_looked_for_than_one_statement_can_name(desk: Desk) -> None:
    keys = {f"none@{number}" for number in range(MANY)}

    async with desk.database.ledger.begin() as session:
        assert await kept_promises(session, keys) == set()
        assert await promised(session, keys) == set()


async def test_a_schedule_that_was_replaced_long_ago_is_not_looked_at_with_every_plan(desk: Desk) -> None:
    job_id = await desk.job(every(600))
    for count in (300, 900, 1_200):
        desk.clock.advance(3_600)
        await desk.change(job_id, following(every(count)))

    async with desk.database.ledger.begin() as session:
        siblings = await siblings_of(session, {job_id}, since=desk.clock.now())

    assert len(siblings[job_id]) == 2  # the one that is followed, and the one that was until now


async def test_more_jobs_change_at_once_than_one_statement_can_name(stage: Stage) -> None:
    for _ in range(MANY):
        stage.news.job_changed(JobId(new_id()))
    job_id = await stage.desk.job(manual())
    stage.news.job_changed(job_id)

    await stage.dispatcher._follow()  # one turn of its loop

    assert (await stage.desk.ledger_of(job_id)).seen_version == 1

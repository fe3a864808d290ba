"""A job with a past: instants that were due, and what became of them."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from services.ui.app import Parts
from shared.db.engine import Database
from shared.db.runs import promise_key
from shared.db.tables import JobRow, RunRow, ScheduleRow
from shared.domain.ids import JobId, ScheduleId
from tests.integration.ui.stage import NOW, a_job, a_run, run_rows

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
THEN = (NOW - HOUR).replace(microsecond=0)


async def an_old_job(parts: Parts, database: Database, every_s: int = 600, **changes: Any) -> JobId:
    """Make a job that was there three hours before now, with an instant at THEN."""
    schedule = {"kind": "interval", "every_s": every_s, "anchor": (THEN - 100 * MINUTE).isoformat()}
    job_id = await a_job(parts, schedule=schedule, **changes)
    async with database.ledger.begin() as session:
        long_ago = NOW - 3 * HOUR
        await session.execute(update(JobRow).where(JobRow.id == job_id).values(created_at=long_ago))
        await session.execute(
            update(ScheduleRow).where(ScheduleRow.job_id == job_id).values(created_at=long_ago)
        )
    return job_id


async def schedule_of(database: Database, job_id: JobId) -> ScheduleId:
    async with database.reading() as session:
        found = await session.scalar(select(ScheduleRow.id).where(ScheduleRow.job_id == job_id))
    assert found is not None
    return ScheduleId(found)


async def promised(database: Database, job_id: JobId, at: datetime, number: int, **changes: Any) -> RunRow:
    """Write a scheduled run of the job's schedule."""
    schedule_id = await schedule_of(database, job_id)
    values = {
        "schedule_id": schedule_id,
        "promise_key": promise_key(schedule_id, at),
        "nominal_at": at,
        "due_at": at,
        **changes,
    }
    run = a_run(job_id, number, **values)
    await run_rows(database, run)
    return run


def iso(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


async def rows_of(database: Database, table: type[Any]) -> list[Any]:
    async with database.reading() as session:
        return list(await session.scalars(select(table).order_by(table.id)))

"""New rules of time zones: what comes next is worked out anew, what was decided is not."""

from datetime import datetime, time

from sqlalchemy import select, update

from services.scheduler.zone_rules import FACT, ZoneRules
from shared.db.facts import fact
from shared.db.tables import CursorRow
from shared.domain.ids import JobId
from shared.domain.schedules import Daily, Interval
from tests.integration.scheduler.stage import RULE, Stage, at, seconds
from tests.support.manual_clock import EPOCH


async def cursor_of(stage: Stage, job_id: JobId) -> CursorRow:
    async with stage.desk.database.reading.begin() as session:
        return (await session.scalars(select(CursorRow).where(CursorRow.job_id == job_id))).one()


async def planned_by_other_rules(stage: Stage, job_id: JobId, next_due_at: datetime) -> None:
    async with stage.desk.database.ledger.begin() as session:
        statement = update(CursorRow).where(CursorRow.job_id == job_id)
        await session.execute(statement.values(next_due_at=next_due_at, shown_at=next_due_at))


async def follow(stage: Stage) -> None:
    rules = ZoneRules(stage.ledger, RULE, version="new")
    while await rules.step():
        pass


async def test_what_comes_next_follows_the_new_rules(stage: Stage) -> None:
    desk = stage.desk
    daily = await desk.job(Daily(at=time(14)))
    other = await desk.job(Interval(every=seconds(3_600), anchor=EPOCH))
    await planned_by_other_rules(stage, daily, at(3 * 3_600))

    await follow(stage)

    cursor = await cursor_of(stage, daily)
    assert cursor.next_due_at == cursor.shown_at == at(2 * 3_600)
    assert (await desk.ledger_of(daily)).next_due_at == at(2 * 3_600)
    assert (await cursor_of(stage, other)).next_due_at == at(3_600)
    async with desk.database.reading.begin() as session:
        assert await fact(session, FACT) == "new"


async def test_the_same_rules_change_nothing(stage: Stage) -> None:
    job_id = await stage.desk.job(Daily(at=time(14)))
    await follow(stage)
    await planned_by_other_rules(stage, job_id, at(3 * 3_600))

    await follow(stage)

    assert (await cursor_of(stage, job_id)).next_due_at == at(3 * 3_600)


async def test_an_instant_that_only_the_new_rules_name_before_now_does_not_run(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(Daily(at=time(14)))
    await planned_by_other_rules(stage, job_id, at(5 * 3_600))
    desk.clock.advance(3 * 3_600)

    await follow(stage)
    await stage.plan()

    assert await desk.runs() == []
    assert (await cursor_of(stage, job_id)).next_due_at == at(26 * 3_600)


async def test_what_was_due_before_the_start_is_decided_all_the_same(stage: Stage) -> None:
    desk = stage.desk
    await desk.job(Daily(at=time(14)))
    desk.clock.advance(2 * 3_600 + 30)

    await follow(stage)
    await stage.plan()

    assert [run.nominal_at for run in await desk.runs()] == [at(2 * 3_600)]

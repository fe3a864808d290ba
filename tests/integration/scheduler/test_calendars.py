"""Calendars on a real ledger: what they exclude is a row that says by which, or runs on another day."""

from datetime import date, time
from typing import Any

from sqlalchemy import update

from shared.db.tables import CalendarRow
from shared.domain.calendars import Calendar, Day, WeeklyWindows, dates_of, from_json, to_json
from shared.domain.ids import CalendarId, new_id
from shared.domain.policy import OnExcluded, OnMissed, Policy
from shared.domain.run import Reason, RunState
from shared.domain.schedules import Daily
from tests.integration.scheduler.stage import Desk, Stage, at
from tests.support.manual_clock import EPOCH

S = RunState
DAY_S = 86_400
SUNDAY_NOON = EPOCH  # 2026-03-01
DAILY = Daily(at=time(14))
DUE_S = 2 * 3_600


def weekend() -> Calendar:
    windows = {"kind": "weekly", "windows": [{"days": ["sat", "sun"], "from": "00:00", "until": "24:00"}]}
    return from_json({"name": "Weekend", "zone": "UTC", **windows})


def holidays(*days: int) -> Calendar:
    times = dates_of(Day(on=date(2026, 3, day), label=f"Feast {day}") for day in days)
    return Calendar(name="Feasts", zone="UTC", times=times)


async def stored(desk: Desk, calendar: Calendar) -> CalendarId:
    calendar_id = CalendarId(new_id())
    now = desk.clock.now()
    async with desk.database.ledger.begin() as session:
        session.add(
            CalendarRow(
                id=calendar_id,
                name=calendar.name,
                name_key=str(calendar_id),
                spec=to_json(calendar),
                version=1,
                created_at=now,
                updated_at=now,
            )
        )
    return calendar_id


async def days(stage: Stage, count: int) -> None:
    """Let this many days pass, planning at each hour."""
    for _ in range(count * 24):
        stage.desk.clock.advance(3_600)
        await stage.plan()
        await stage.decide()


async def rows(desk: Desk) -> list[tuple[Any, ...]]:
    return [(run.nominal_at.day, run.state, run.reason, run.detail) for run in await desk.runs()]


async def test_an_excluded_instant_is_skipped_and_says_by_which_calendar(stage: Stage) -> None:
    desk = stage.desk
    calendar = await stored(desk, holidays(2))
    job_id = await desk.job(DAILY, overlap="allow", policy=Policy(exclude=(calendar,)))

    await days(stage, 3)

    assert await rows(desk) == [
        (1, S.QUEUED, None, ""),
        (2, S.SKIPPED, Reason.CALENDAR, "Feast 2 (in Feasts)"),
        (3, S.QUEUED, None, ""),
    ]
    assert (await desk.ledger_of(job_id)).next_due_at == at(3 * DAY_S + DUE_S)


async def test_with_an_include_calendar_only_what_is_inside_runs(stage: Stage) -> None:
    desk = stage.desk
    calendar = await stored(desk, holidays(2))
    job_id = await desk.job(DAILY, overlap="allow", policy=Policy(include=(calendar,)))
    assert (await desk.ledger_of(job_id)).next_due_at == at(DAY_S + DUE_S)

    await days(stage, 3)

    assert await rows(desk) == [
        (1, S.SKIPPED, Reason.CALENDAR, "outside Feasts"),
        (2, S.QUEUED, None, ""),
        (3, S.SKIPPED, Reason.CALENDAR, "outside Feasts"),
    ]
    # The calendar holds no day any more: nothing is shown as next.
    assert (await desk.ledger_of(job_id)).next_due_at is None


async def test_instants_that_are_moved_to_one_day_run_once(stage: Stage) -> None:
    desk = stage.desk
    assert isinstance(weekend().times, WeeklyWindows)
    calendar = await stored(desk, weekend())
    policy = Policy(exclude=(calendar,), on_excluded=OnExcluded.MOVE)
    desk.clock.advance(5 * DAY_S)  # Friday
    job_id = await desk.job(DAILY, overlap="allow", policy=policy)

    await days(stage, 2)

    saturday, sunday = 7, 8
    assert [(run.nominal_at.day, run.due_at.day, run.state) for run in await desk.runs()] == [
        (6, 6, S.QUEUED),
        (saturday, 9, S.HELD),
    ]
    assert (await desk.ledger_of(job_id)).next_due_at == at(8 * DAY_S + DUE_S)
    await days(stage, 2)
    assert [(run.nominal_at.day, run.state, run.reason) for run in await desk.runs()] == [
        (6, S.QUEUED, None),
        (saturday, S.QUEUED, None),
        (sunday, S.SKIPPED, Reason.COINCIDES),
        (9, S.SKIPPED, Reason.COINCIDES),
    ]


async def test_after_an_outage_the_newest_day_that_is_allowed_runs(stage: Stage) -> None:
    desk = stage.desk
    calendar = await stored(desk, holidays(3))
    policy = Policy(exclude=(calendar,), on_missed=OnMissed.LATEST, catch_up=at(10 * DAY_S) - EPOCH)
    await desk.job(DAILY, overlap="allow", policy=policy)
    desk.clock.advance(2 * DAY_S + DUE_S + 3_600)

    await stage.plan()

    assert await rows(desk) == [
        (1, S.MISSED, Reason.DOWNTIME, "no scheduler was there to start it in time"),
        (2, S.QUEUED, None, ""),
        (3, S.SKIPPED, Reason.CALENDAR, "Feast 3 (in Feasts)"),
    ]


async def test_a_calendar_that_is_changed_with_its_jobs_version_is_followed(stage: Stage) -> None:
    desk = stage.desk
    calendar = await stored(desk, holidays(1, 2))
    job_id = await desk.job(DAILY, overlap="allow", policy=Policy(exclude=(calendar,)))
    assert (await desk.ledger_of(job_id)).next_due_at == at(2 * DAY_S + DUE_S)
    async with desk.database.ledger.begin() as session:
        await session.execute(update(CalendarRow).values(spec=to_json(holidays(20))))

    await desk.resume(job_id)  # any new version

    assert (await desk.ledger_of(job_id)).next_due_at == at(DUE_S)
    await days(stage, 1)
    assert await rows(desk) == [(1, S.QUEUED, None, "")]


async def test_a_calendar_that_is_not_there_excludes_nothing(stage: Stage) -> None:
    desk = stage.desk
    await desk.job(DAILY, policy=Policy(exclude=(CalendarId(new_id()),)))

    await days(stage, 1)

    assert await rows(desk) == [(1, S.QUEUED, None, "")]

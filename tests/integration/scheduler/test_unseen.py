"""What people do to a job while no scheduler looks: each instant is judged by when it was promised."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import jobs
from shared.domain.ids import JobId
from shared.domain.run import Reason, RunState
from shared.domain.schedules import Interval, Schedule
from tests.integration.scheduler.stage import Desk, Stage, at, seconds
from tests.support.manual_clock import EPOCH

EVERY_10_MIN = Interval(every=seconds(600), anchor=EPOCH)
Change = Callable[..., Awaitable[bool]]


def following(schedule: Schedule) -> Change:
    """Return the change of a job that lets it follow this schedule alone."""

    async def change(session: AsyncSession, head: jobs.JobHead, *, now: datetime) -> bool:
        await jobs.replace_schedule(session, head.id, schedule, "UTC", now=now)
        return await jobs.set_paused(session, head, head.paused_at, now=now)

    return change


async def rename(session: AsyncSession, head: jobs.JobHead, *, now: datetime) -> bool:
    """Change a job in a way that no schedule notices."""
    return await jobs.set_paused(session, head, head.paused_at, now=now)


async def recorded(desk: Desk, job_id: JobId) -> list[tuple[RunState, datetime, int]]:
    """Return (state, first instant, how many) of what stands in the ledger."""
    return [(run.state, run.nominal_at, run.instants) for run in await desk.runs(job_id)]


async def test_the_instants_of_a_pause_that_nobody_saw_are_not_promised(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(EVERY_10_MIN)
    desk.clock.advance(1_300)
    await desk.pause_unseen(job_id)
    desk.clock.advance(2_000)
    await desk.resume_unseen(job_id)
    desk.clock.advance(1_000)

    await desk.follow()
    await stage.plan()

    # 600, 1200 before the pause, 1800 to 3000 in it, 3600 and 4200 after it.
    assert await recorded(desk, job_id) == [(RunState.MISSED, at(600), 3), (RunState.QUEUED, at(4_200), 1)]


async def test_an_edit_after_an_unseen_resumption_loses_nothing(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(EVERY_10_MIN)
    await desk.pause(job_id)
    desk.clock.advance(1_000)
    await desk.resume_unseen(job_id)
    desk.clock.advance(1_000)
    await desk.change_unseen(job_id, rename)
    desk.clock.advance(1_100)

    await desk.follow()
    await stage.plan()

    assert await recorded(desk, job_id) == [(RunState.MISSED, at(1_200), 3), (RunState.QUEUED, at(3_000), 1)]


async def test_a_second_pause_after_an_unseen_resumption_loses_nothing(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(EVERY_10_MIN)
    await desk.pause(job_id)
    desk.clock.advance(1_000)
    await desk.resume_unseen(job_id)
    desk.clock.advance(1_000)
    await desk.pause_unseen(job_id)
    desk.clock.advance(1_000)

    await desk.follow()
    await stage.plan()

    assert await recorded(desk, job_id) == [(RunState.MISSED, at(1_200), 1), (RunState.QUEUED, at(1_800), 1)]
    assert (await desk.ledger_of(job_id)).next_due_at is None


async def test_a_schedule_that_was_replaced_after_an_unseen_resumption_loses_nothing(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(EVERY_10_MIN)
    await desk.pause(job_id)
    desk.clock.advance(1_000)
    await desk.resume_unseen(job_id)
    desk.clock.advance(1_000)
    await desk.change_unseen(job_id, following(Interval(every=seconds(3_600), anchor=EPOCH)))
    desk.clock.advance(1_000)

    await desk.follow()
    await stage.plan()

    assert await recorded(desk, job_id) == [(RunState.MISSED, at(1_200), 1), (RunState.QUEUED, at(1_800), 1)]


async def test_a_schedule_that_came_and_went_unseen_is_recorded(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(EVERY_10_MIN)
    await desk.change_unseen(job_id, following(Interval(every=seconds(300), anchor=EPOCH)))
    desk.clock.advance(1_000)
    await desk.change_unseen(job_id, following(Interval(every=seconds(3_600), anchor=EPOCH)))
    desk.clock.advance(1_000)

    await desk.follow()
    await stage.plan()

    assert await recorded(desk, job_id) == [(RunState.MISSED, at(300), 2), (RunState.QUEUED, at(900), 1)]


async def test_a_job_that_was_paused_before_anybody_saw_it_starts_with_its_resumption(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(EVERY_10_MIN)
    await desk.change_unseen(job_id, following(Interval(every=seconds(300), anchor=EPOCH)))
    await desk.pause_unseen(job_id)
    desk.clock.advance(1_000)
    await desk.resume_unseen(job_id)
    desk.clock.advance(100)

    await desk.follow()
    await stage.plan()

    assert await recorded(desk, job_id) == []
    assert (await desk.ledger_of(job_id)).next_due_at == at(1_200)


async def test_a_paused_job_that_is_deleted_unseen_promised_nothing_since_its_pause(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(EVERY_10_MIN)
    desk.clock.advance(700)
    await desk.pause_unseen(job_id)
    desk.clock.advance(1_000)
    await desk.delete(job_id)

    # The instant before the pause was promised; with the job it is cancelled.
    assert [(run.nominal_at, run.state, run.reason) for run in await desk.runs(job_id)] == [
        (at(600), RunState.CANCELLED, Reason.DELETED)
    ]


async def test_all_pauses_of_one_outage_are_left_out(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(EVERY_10_MIN, overlap="allow")
    await desk.set_policy(job_id, on_missed="all")
    for _ in range(2):
        desk.clock.advance(700)
        await desk.pause_unseen(job_id)
        desk.clock.advance(1_100)
        await desk.resume_unseen(job_id)
    desk.clock.advance(700)

    await desk.follow()
    await stage.plan()

    # Paused in (700, 1800] and (2500, 3600]; now it is 4300.
    assert [run.nominal_at for run in await desk.runs(job_id)] == [at(600), at(2_400), at(4_200)]


async def test_nothing_coincides_with_what_an_unseen_edit_withdraws(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(Interval(every=seconds(10), anchor=EPOCH))
    desk.clock.advance(8.5)
    await stage.plan()
    desk.clock.advance(0.5)
    await desk.change_unseen(job_id, following(Interval(every=seconds(10), anchor=EPOCH)))
    desk.clock.advance(2)
    await desk.change_unseen(job_id, following(EVERY_10_MIN))

    await desk.follow()

    # The first schedule's instant lies behind its end; the second one's was promised, and runs.
    assert [(run.nominal_at, run.state, run.reason) for run in await desk.runs(job_id)] == [
        (at(10), RunState.CANCELLED, Reason.EDITED),
        (at(10), RunState.QUEUED, None),
    ]


async def test_schedules_that_ended_unseen_share_the_number_of_runs(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(EVERY_10_MIN, overlap="allow")
    await desk.set_policy(job_id, max_runs=1, on_missed="all")
    desk.clock.advance(700)
    await desk.change_unseen(job_id, following(EVERY_10_MIN))
    desk.clock.advance(600)
    await desk.change_unseen(job_id, following(EVERY_10_MIN))
    desk.clock.advance(600)

    await desk.follow()
    await stage.plan()

    assert await recorded(desk, job_id) == [(RunState.QUEUED, at(600), 1)]


async def test_a_job_that_was_paused_by_a_clock_ahead_of_ours_is_paused_now(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(EVERY_10_MIN)
    desk.clock.advance(1_300)
    desk.clock.step_wall(2_000)
    await desk.pause_unseen(job_id)
    desk.clock.step_wall(-2_000)

    await desk.follow()

    # Paused at 3300 as it says, seen at 1300: 1800 to 3000 stand there, and never run.
    assert [(run.nominal_at, run.instants, run.state, run.reason) for run in await desk.runs(job_id)] == [
        (at(600), 1, RunState.MISSED, Reason.DOWNTIME),
        (at(1_200), 1, RunState.QUEUED, None),
        (at(1_800), 3, RunState.CANCELLED, Reason.PAUSED),
    ]


async def test_a_pause_that_lies_ahead_and_is_over_takes_nothing(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(EVERY_10_MIN)
    desk.clock.advance(500)
    desk.clock.step_wall(2_000)
    await desk.pause_unseen(job_id)
    desk.clock.advance(700)
    await desk.resume_unseen(job_id)
    desk.clock.step_wall(-2_700)

    await desk.follow()
    desk.clock.advance(100)
    await stage.plan()

    assert await recorded(desk, job_id) == [(RunState.QUEUED, at(600), 1)]

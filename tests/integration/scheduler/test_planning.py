"""Planning on a real ledger: what is promised, what is contested, what was missed."""

from datetime import timedelta

from sqlalchemy import update

from shared.db import jobs
from shared.db.runs import promise_key
from shared.db.tables import CursorRow
from shared.domain.ids import ScheduleId
from shared.domain.run import Cause, Reason, RunState
from shared.domain.schedules import Interval
from tests.integration.scheduler.stage import Desk, Holder, Stage, at, manual, seconds
from tests.support.manual_clock import EPOCH


def every(count: int) -> Interval:
    return Interval(every=seconds(count), anchor=EPOCH)


async def test_an_instant_that_comes_near_is_promised_with_its_attempt(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(every(10))
    desk.clock.advance(8.5)

    await stage.plan()

    (run,), attempt = await desk.runs(), await desk.attempt()
    assert (run.nominal_at, run.due_at, run.number) == (at(10), at(10), 1)
    assert (run.state, run.cause, run.attempt) == (RunState.QUEUED, Cause.SCHEDULE, 1)
    assert run.promise_key == promise_key(ScheduleId(run.schedule_id), at(10))
    assert (attempt.run_id, attempt.state, attempt.due_at, attempt.published_at) == (
        run.id,
        RunState.QUEUED,
        at(10),
        None,
    )
    assert stage.ledger.attempts.next_at == at(10)
    # What a person sees next is the instant to come, though it is planned already.
    assert (await desk.ledger_of(job_id)).next_due_at == at(10)


async def test_nothing_is_promised_before_it_is_near(stage: Stage) -> None:
    await stage.desk.job(every(10))
    stage.desk.clock.advance(7.9)

    await stage.plan()

    assert await stage.desk.runs() == []


async def test_nothing_fires_because_a_job_was_created(stage: Stage) -> None:
    desk = stage.desk
    desk.clock.advance(86_400)

    await desk.job(every(10))
    await stage.plan()

    assert await desk.runs() == []


async def test_an_hour_of_ticks_promises_every_instant_once(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(every(7), overlap="allow")

    for _ in range(120):
        await stage.plan()
        desk.clock.advance(1)

    runs = await desk.runs(job_id)
    assert [run.nominal_at for run in runs] == [at(7 * n) for n in range(1, len(runs) + 1)]
    assert [run.number for run in runs] == list(range(1, len(runs) + 1))
    assert len(runs) == 17


async def test_an_outage_leaves_one_row_that_counts_and_the_newest_run(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(every(600))
    desk.clock.advance(6_300)

    await stage.plan()

    missed, newest = await desk.runs(job_id)
    assert (missed.state, missed.reason, missed.instants) == (RunState.MISSED, Reason.DOWNTIME, 9)
    assert (missed.nominal_at, missed.nominal_until) == (at(600), at(5_400))
    assert (newest.state, newest.nominal_at) == (RunState.QUEUED, at(6_000))
    assert stage.ledger.attempts.take_due(desk.clock.now(), limit=10)[0].run_id == newest.id


async def test_two_schedulers_cannot_promise_one_instant_twice(stage: Stage) -> None:
    desk = stage.desk
    await desk.job(every(10))
    desk.clock.advance(9)
    await stage.plan()
    # A restored backup: the cursor stands where it stood before the instant was decided.
    async with desk.database.ledger.begin() as session:
        await session.execute(update(CursorRow).values(decided_until=at(0), next_due_at=at(10)))

    await stage.plan()

    assert [run.nominal_at for run in await desk.runs()] == [at(10)]
    desk.clock.advance(10)
    await stage.plan()
    assert [run.nominal_at for run in await desk.runs()] == [at(10), at(20)]


async def test_a_cursor_that_was_set_back_takes_no_other_instant_with_it(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(every(600), overlap="allow")
    desk.clock.advance(600)
    await stage.plan()
    async with desk.database.ledger.begin() as session:
        await session.execute(update(CursorRow).values(decided_until=at(0), next_due_at=at(600)))
    desk.clock.advance(5_700)

    await stage.plan()

    assert [(run.state, run.nominal_at, run.instants) for run in await desk.runs(job_id)] == [
        (RunState.QUEUED, at(600), 1),
        (RunState.MISSED, at(1_200), 8),
        (RunState.QUEUED, at(6_000), 1),
    ]


async def test_a_second_run_is_held_while_the_first_goes_on_and_skipped_with_its_number(
    stage: Stage,
) -> None:
    desk = stage.desk
    await desk.job(every(10))
    desk.clock.advance(10)
    await stage.plan()
    await desk.granted(Holder(), await desk.attempt())
    desk.clock.advance(9)
    await stage.plan()
    assert await desk.states() == [(RunState.RUNNING, None), (RunState.HELD, None)]

    desk.clock.advance(1)
    await stage.decide()

    first, second = await desk.runs()
    assert (second.state, second.reason) == (RunState.SKIPPED, Reason.OVERLAP)
    assert second.detail == f"run #{first.number} was still going"
    assert len(await desk.attempts()) == 1


async def test_a_held_run_goes_when_the_one_before_it_has_ended(stage: Stage) -> None:
    desk = stage.desk
    await desk.job(every(10))
    holder = Holder()
    desk.clock.advance(10)
    await stage.plan()
    grant = await desk.granted(holder, await desk.attempt())
    desk.clock.advance(9)
    await stage.plan()

    await desk.report(holder.report(grant))

    assert await desk.states() == [(RunState.SUCCEEDED, None), (RunState.QUEUED, None)]
    assert (await desk.newest_attempt()).due_at == at(20)


async def test_runs_of_one_window_are_decided_one_after_the_other(stage: Stage) -> None:
    desk = stage.desk
    await desk.job(every(1))
    await stage.plan()
    assert await desk.states() == [(RunState.QUEUED, None), (RunState.HELD, None)]

    desk.clock.advance(2)
    await stage.decide()

    assert await desk.states() == [(RunState.QUEUED, None), (RunState.SKIPPED, Reason.OVERLAP)]
    assert (await desk.runs())[1].detail == "run #1 was still waiting to start"


async def test_a_lost_run_counts_for_overlap_until_it_cannot_go_on_any_more(stage: Stage) -> None:
    desk = stage.desk
    await desk.job(every(10), timeout=seconds(1), kill_grace=seconds(0))
    holder = Holder()
    desk.clock.advance(10)
    await stage.plan()
    grant = await desk.granted(holder, await desk.attempt())
    await desk.report(holder.report(grant, RunState.LOST, reason=Reason.EXECUTOR_GONE))
    may_run_until = (await desk.attempt()).may_run_until
    assert may_run_until == at(31)

    for instant in (20, 30, 40):
        desk.clock.advance(instant - (desk.clock.now() - EPOCH).total_seconds())
        await stage.plan()
        await stage.decide()

    assert await desk.states() == [
        (RunState.LOST, Reason.EXECUTOR_GONE),
        (RunState.SKIPPED, Reason.OVERLAP),
        (RunState.SKIPPED, Reason.OVERLAP),
        (RunState.QUEUED, None),
    ]


async def test_run_numbers_are_unique_over_schedules_and_requests(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(every(3), overlap="allow")

    for _ in range(10):
        desk.clock.advance(3)
        await stage.plan()
        await desk.ask(job_id)

    numbers = [run.number for run in await desk.runs(job_id)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert (await desk.ledger_of(job_id)).run_count == len(numbers)


async def test_instants_of_a_pause_are_neither_run_nor_caught_up(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(every(10))
    await desk.pause(job_id)
    assert (await desk.ledger_of(job_id)).next_due_at is None
    desk.clock.advance(3_605)
    await stage.plan()

    await desk.resume(job_id)
    await stage.plan()

    assert await desk.runs() == []
    assert (await desk.ledger_of(job_id)).next_due_at == at(3_610)


async def test_what_is_planned_when_the_job_is_paused_is_cancelled(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(every(1))
    await stage.plan()

    await desk.pause(job_id)

    assert await desk.states() == [(RunState.CANCELLED, Reason.PAUSED)] * 2
    assert {one.state for one in await desk.attempts()} == {RunState.CANCELLED}


async def test_what_was_due_before_the_pause_still_runs(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(every(10))
    desk.clock.advance(10)
    await stage.plan()
    desk.clock.advance(0.5)

    await desk.pause(job_id)

    grant = await desk.granted(Holder(), await desk.attempt())
    assert grant.nominal_at == at(10)


async def test_a_job_that_is_deleted_fires_no_more_and_what_waits_is_cancelled(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(every(10))
    desk.clock.advance(10)
    await stage.plan()

    await desk.delete(job_id)
    desk.clock.advance(100)
    await stage.plan()

    assert await desk.states() == [(RunState.CANCELLED, Reason.DELETED)]


async def test_a_deletion_that_the_scheduler_has_not_seen_is_judged_at_the_claim(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(every(10))
    desk.clock.advance(10)
    await stage.plan()
    async with desk.database.ledger.begin() as session:
        head = await jobs.head_of(session, job_id)
        assert head is not None
        await jobs.mark_deleted(session, head, now=desk.clock.now())

    (answer,) = await desk.claim(Holder().claim(*(await refs(desk))))

    assert answer.grants == ()
    assert await desk.states() == [(RunState.CANCELLED, Reason.DELETED)]


async def test_a_restored_job_goes_on_from_its_restoration(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(every(10))
    await desk.delete(job_id)
    desk.clock.advance(55)

    await desk.change(job_id, jobs.mark_restored)
    desk.clock.advance(5)
    await stage.plan()

    assert [run.nominal_at for run in await desk.runs()] == [at(60)]


async def test_an_edited_schedule_replaces_what_it_had_planned(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(every(1))
    await stage.plan()

    await edit(desk, job_id, every(5))
    desk.clock.advance(5)
    await stage.plan()

    assert [(run.state, run.reason, run.nominal_at) for run in await desk.runs()] == [
        (RunState.CANCELLED, Reason.EDITED, at(1)),
        (RunState.CANCELLED, Reason.EDITED, at(2)),
        (RunState.QUEUED, None, at(5)),
    ]


async def test_instants_before_a_pause_that_nobody_saw_are_recorded(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(every(600))
    desk.clock.advance(3_000)
    async with desk.database.ledger.begin() as session:
        head = await jobs.head_of(session, job_id)
        assert head is not None
        await jobs.set_paused(session, head, desk.clock.now(), now=desk.clock.now())
    desk.clock.advance(3_000)

    await desk.follow()

    missed, newest = await desk.runs()
    assert (missed.state, missed.instants, missed.nominal_until) == (RunState.MISSED, 4, at(2_400))
    assert newest.nominal_at == at(3_000)
    assert (await desk.ledger_of(job_id)).next_due_at is None


async def test_a_clock_set_back_promises_nothing_a_second_time(stage: Stage) -> None:
    desk = stage.desk
    await desk.job(every(10), overlap="allow")
    desk.clock.advance(30)
    await stage.plan()

    desk.clock.step_wall(-25)
    for _ in range(30):
        desk.clock.advance(1)
        await stage.plan()

    assert [run.nominal_at for run in await desk.runs()] == [at(10), at(20), at(30)]


async def test_a_clock_set_far_forward_misses_by_the_same_rule_as_an_outage(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(every(60), overlap="allow")

    desk.clock.step_wall(timedelta(hours=1).total_seconds())
    await stage.plan()

    missed, *emitted = await desk.runs(job_id)
    assert (missed.state, missed.instants) == (RunState.MISSED, 58)
    assert [run.nominal_at for run in emitted] == [at(3_540), at(3_600)]


async def test_a_manual_job_never_fires(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(manual())
    desk.clock.advance(10**6)

    await stage.plan()

    assert await desk.runs() == []
    assert (await desk.ledger_of(job_id)).next_due_at is None


async def edit(desk: Desk, job_id: object, schedule: Interval) -> None:
    async def change(session: object, head: jobs.JobHead, *, now: object) -> bool:
        await jobs.replace_schedule(session, head.id, schedule, "UTC", now=now)  # type: ignore[arg-type]
        return await jobs.set_paused(session, head, None, now=now)  # type: ignore[arg-type]

    await desk.change(job_id, change)  # type: ignore[arg-type]


async def refs(desk: Desk) -> list[object]:
    from tests.integration.scheduler.stage import ref

    return [ref(one) for one in await desk.attempts()]

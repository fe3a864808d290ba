"""Runs after the fact: what has not run of a range, once, in order, without moving any schedule."""

from shared.domain.policy import OnMissed, Policy
from shared.domain.run import Cause, Reason, RunState
from shared.domain.schedules import Interval
from tests.integration.scheduler.stage import Desk, Holder, Stage, at, seconds
from tests.support.manual_clock import EPOCH

HOLDER = Holder()
S = RunState
SKIP = Policy(on_missed=OnMissed.SKIP)


def every(count: int) -> Interval:
    return Interval(every=seconds(count), anchor=EPOCH)


async def backfilled(desk: Desk) -> list[tuple[RunState, object]]:
    return [(run.state, run.nominal_at) for run in await desk.runs() if run.cause is Cause.BACKFILL]


async def test_missed_instants_run_one_after_another_oldest_first(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(every(600), policy=SKIP)
    desk.clock.advance(2_000)
    await stage.plan()

    outcome = await desk.backfill(job_id, at(0), at(2_000))

    assert outcome == "3 instants as #2 to #4"
    assert await backfilled(desk) == [(S.QUEUED, at(600)), (S.HELD, at(1_200)), (S.HELD, at(1_800))]
    for number in (2, 3, 4):
        grant = await desk.granted(HOLDER, await desk.newest_attempt())
        assert (grant.run_number, grant.nominal_at) == (number, at(600 * (number - 1)))
        await desk.report(HOLDER.report(grant))
    run = (await desk.runs())[1]
    assert (run.due_at, run.promise_key, run.requested_by) == (at(2_000), None, "somebody")
    assert not (await desk.newest_attempt()).urgent


async def test_no_schedule_moves_and_no_run_counts_for_its_limit(stage: Stage) -> None:
    desk = stage.desk
    policy = Policy(on_missed=OnMissed.SKIP, max_runs=5)
    job_id = await desk.job(every(600), overlap="allow", policy=policy)
    desk.clock.advance(2_000)
    await stage.plan()

    await desk.backfill(job_id, at(0), at(2_000))

    ledger = await desk.ledger_of(job_id)
    assert (ledger.promised_count, ledger.next_due_at) == (0, at(2_400))
    assert await backfilled(desk) == [(S.QUEUED, at(600 * n)) for n in (1, 2, 3)]


async def test_what_ran_or_waits_is_left_out_and_what_failed_is_not(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(every(10))
    for state in (S.SUCCEEDED, S.FAILED):
        desk.clock.advance(10)
        await stage.plan()
        await desk.report(HOLDER.report(await desk.granted(HOLDER, await desk.newest_attempt()), state))
    desk.clock.advance(10)
    await stage.plan()
    assert [run.state for run in await desk.runs()] == [S.SUCCEEDED, S.FAILED, S.QUEUED]

    assert await desk.backfill(job_id, at(0), at(100)) == "1 instant as #4"

    assert await backfilled(desk) == [(S.HELD, at(20))]
    again = await desk.backfill(job_id, at(0), at(100))
    assert again == "nothing to run: every instant of the range has run, or waits"


async def test_instants_of_a_pause_can_be_run_all_or_the_latest(desk: Desk) -> None:
    job_id = await desk.job(every(60), overlap="allow")
    await desk.pause(job_id)
    desk.clock.advance(200)
    await desk.resume(job_id)

    assert await desk.backfill(job_id, at(0), at(200), which="latest") == "1 instant as #1"
    assert await desk.backfill(job_id, at(0), at(200)) == "2 instants as #2 to #3"
    assert [nominal for _, nominal in await backfilled(desk)] == [at(180), at(60), at(120)]


async def test_it_works_while_paused_and_leaves_the_future_alone(desk: Desk) -> None:
    job_id = await desk.job(every(60), overlap="allow")
    await desk.pause(job_id)
    desk.clock.advance(130)

    assert await desk.backfill(job_id, at(0), at(10_000)) == "2 instants as #1 to #2"
    await desk.granted(HOLDER, (await desk.attempts())[0])


async def test_what_the_planner_will_decide_by_itself_is_left_to_it(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(every(60), overlap="allow")
    desk.clock.advance(130)

    outcome = await desk.backfill(job_id, at(0), at(130))
    await stage.plan()

    assert outcome == "nothing to run: every instant of the range has run, or waits"
    assert [run.cause for run in await desk.runs()] == [Cause.SCHEDULE] * 2


async def test_more_than_a_hundred_are_refused_with_their_number(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(every(1), policy=SKIP)
    desk.clock.advance(472)
    await stage.plan()

    outcome = await desk.backfill(job_id, at(0), at(412))

    assert outcome is not None
    assert outcome.startswith("refused: 412 instants are too many; at most 100")
    assert await backfilled(desk) == []


async def test_one_schedule_can_be_meant_also_one_that_is_followed_no_more(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(every(600), policy=SKIP)
    other = await desk.add_schedule(job_id, every(900), args=["other"])
    desk.clock.advance(2_000)
    await stage.plan()

    assert await desk.backfill(job_id, at(0), at(2_000), schedule_id=str(other)) == "2 instants as #3 to #4"

    grant = await desk.granted(HOLDER, await desk.newest_attempt())
    assert (grant.nominal_at, grant.args) == (at(900), ("other",))


async def test_a_scheduled_run_meets_one_that_goes_after_the_fact_by_its_jobs_rule(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(every(600), policy=SKIP)
    desk.clock.advance(2_000)
    await stage.plan()
    await desk.backfill(job_id, at(0), at(2_000))
    grant = await desk.granted(HOLDER, await desk.newest_attempt())
    desk.clock.advance(398)
    await stage.plan()

    await desk.report(HOLDER.report(grant))

    # The next of the range is due before the schedule's own instant: it goes, and that is skipped.
    assert [run.state for run in await desk.runs()][-3:] == [S.QUEUED, S.HELD, S.HELD]
    desk.clock.advance(2)
    await stage.decide()
    assert (await desk.states())[-1] == (S.SKIPPED, Reason.OVERLAP)


async def test_requests_that_make_no_sense_are_refused_in_words(desk: Desk) -> None:
    job_id = await desk.job(every(60))

    assert await desk.backfill(job_id, at(10), at(5)) == (
        "refused: The range ends before it begins. Choose a later end."
    )
    await desk.delete(job_id)
    assert await desk.backfill(job_id, at(0), at(5)) == "refused: the job is deleted. Restore it first."

"""What a job's policy makes of its instants, on a real ledger: jitter, limits, deadlines, coincidences."""

from datetime import time, timedelta
from uuid import UUID

import pytest

from services.scheduler.fates import jitter_of
from shared.domain.ids import JobId
from shared.domain.policy import OnMissed, Policy
from shared.domain.run import Cause, Reason, RunState
from shared.domain.schedules import Daily, Interval
from tests.integration.scheduler.stage import SETTINGS, Desk, Holder, Stage, at, manual, ref, seconds
from tests.support.manual_clock import EPOCH

HOLDER = Holder()
S = RunState


def every(count: int) -> Interval:
    return Interval(every=seconds(count), anchor=EPOCH)


async def states(desk: Desk) -> list[RunState]:
    return [state for state, _ in await desk.states()]


# --- jitter ------------------------------------------------------------------------------------

SPREAD = JobId(UUID(int=1))
"""A job whose run is due some minutes after its instant: the spread goes by the id."""


async def test_a_run_with_jitter_is_decided_and_published_when_it_is_due(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(every(3_600), policy=Policy(jitter=seconds(1_800)), job_id=SPREAD)
    due_at = at(3_600) + jitter_of(job_id, at(3_600), seconds(1_800))
    assert due_at > at(3_610)
    assert (await desk.ledger_of(job_id)).next_due_at == due_at

    desk.clock.advance(3_600)
    await stage.plan()

    (run,) = await desk.runs()
    assert (run.state, run.nominal_at, run.due_at) == (S.HELD, at(3_600), due_at)
    assert await desk.attempts() == []
    assert (await desk.ledger_of(job_id)).next_due_at == due_at

    # Neither a sweep nor the end of another run lets it go before that.
    await stage.relay.sweep(due_by=desk.clock.now() + timedelta(hours=1))
    await stage.dispatcher.decide({job_id})
    assert await states(desk) == [S.HELD]

    desk.clock.advance((due_at - desk.clock.now()).total_seconds())
    await stage.decide()
    assert await states(desk) == [S.QUEUED]
    assert await stage.publish_due() == 1
    assert (await desk.attempt()).due_at == due_at


async def test_a_run_that_is_due_later_is_found_by_another_start(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(every(3_600), policy=Policy(jitter=seconds(1_800)), job_id=SPREAD)
    desk.clock.advance(3_600)
    await stage.plan()
    due_at = (await desk.runs())[0].due_at
    stage.ledger.held.take_due(at(10_000), limit=10)

    assert await stage.dispatcher._sweep_held(desk.clock.now()) == set()
    assert stage.ledger.held.next_at is None
    desk.clock.advance((due_at - desk.clock.now()).total_seconds() - 3)
    assert await stage.dispatcher._sweep_held(desk.clock.now()) == set()
    assert stage.ledger.held.take_due(due_at, limit=10) == [job_id]


async def test_what_is_paused_before_it_is_due_does_not_run(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(every(3_600), policy=Policy(jitter=seconds(1_800)), job_id=SPREAD)
    desk.clock.advance(3_605)
    await stage.plan()

    await desk.pause(job_id)

    assert await desk.states() == [(S.CANCELLED, Reason.PAUSED)]


# --- start, end, max_runs ----------------------------------------------------------------------


async def test_after_its_last_run_a_job_promises_nothing_and_shows_nothing(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(every(10), overlap="allow", policy=Policy(max_runs=3))

    for _ in range(6):
        desk.clock.advance(10)
        await stage.plan()

    assert [run.nominal_at for run in await desk.runs()] == [at(10), at(20), at(30)]
    assert (await desk.ledger_of(job_id)).next_due_at is None


async def test_what_is_skipped_does_not_count_as_a_run(stage: Stage) -> None:
    desk = stage.desk
    await desk.job(every(10), policy=Policy(max_runs=2))
    desk.clock.advance(10)
    await stage.plan()
    grant = await desk.granted(HOLDER, await desk.attempt())

    for _ in range(2):
        desk.clock.advance(10)
        await stage.plan()
        await stage.decide()
    await desk.report(HOLDER.report(grant))
    for _ in range(3):
        desk.clock.advance(10)
        await stage.plan()
        await stage.decide()

    assert [(run.nominal_at, run.state) for run in await desk.runs()] == [
        (at(10), S.SUCCEEDED),
        (at(20), S.SKIPPED),
        (at(30), S.SKIPPED),
        (at(40), S.QUEUED),
    ]


async def test_more_runs_are_allowed_from_the_moment_that_somebody_allows_them(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(every(10), overlap="allow", policy=Policy(max_runs=1))
    desk.clock.advance(10)
    await stage.plan()
    desk.clock.advance(45)

    await desk.set_policy(job_id, max_runs=2)
    await stage.plan()
    desk.clock.advance(10)
    await stage.plan()
    desk.clock.advance(10)
    await stage.plan()

    assert [run.nominal_at for run in await desk.runs()] == [at(10), at(60)]


async def test_run_now_counts_for_no_limit(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(every(10), overlap="allow", policy=Policy(max_runs=1))
    await desk.ask(job_id)
    await desk.ask(job_id)

    desk.clock.advance(10)
    await stage.plan()

    assert [run.cause for run in await desk.runs()] == [Cause.MANUAL, Cause.MANUAL, Cause.SCHEDULE]


async def test_a_job_runs_between_its_start_and_its_end(stage: Stage) -> None:
    desk = stage.desk
    policy = Policy(starts_at=at(20), ends_at=at(40))
    job_id = await desk.job(every(10), overlap="allow", policy=policy)
    assert (await desk.ledger_of(job_id)).next_due_at == at(20)

    for _ in range(8):
        desk.clock.advance(10)
        await stage.plan()

    assert [run.nominal_at for run in await desk.runs()] == [at(20), at(30), at(40)]
    assert (await desk.ledger_of(job_id)).next_due_at is None


async def test_nothing_fires_because_a_start_was_taken_away(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(every(10), overlap="allow", policy=Policy(starts_at=at(1_000)))
    desk.clock.advance(95)
    await stage.plan()

    await desk.set_policy(job_id)
    await stage.plan()
    desk.clock.advance(5)
    await stage.plan()

    assert [run.nominal_at for run in await desk.runs()] == [at(100)]


async def test_an_edit_leaves_what_was_due_before_it(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(every(10), overlap="allow")
    desk.clock.advance(25)

    await desk.set_policy(job_id, jitter=seconds(5))
    await stage.plan()

    assert [run.nominal_at for run in await desk.runs()] == [at(10), at(20)]


# --- misfire -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("on_missed", "missed", "run"), [("latest", 9, 1), ("all", 0, 10), ("skip", 10, 0)])
async def test_after_an_outage_the_rule_decides(stage: Stage, on_missed: str, missed: int, run: int) -> None:
    desk = stage.desk
    policy = Policy(on_missed=OnMissed(on_missed))
    await desk.job(every(600), overlap="allow", policy=policy)
    desk.clock.advance(6_300)

    await stage.plan()
    await stage.publish_due()

    found = await desk.runs()
    assert sum(one.instants for one in found if one.state is S.MISSED) == missed
    assert [one.nominal_at for one in found if one.state is S.QUEUED] == [
        at(600 * n) for n in range(11 - run, 11)
    ]


@pytest.mark.parametrize(
    ("on_missed", "expected"),
    [
        ("latest", [S.MISSED, S.QUEUED]),
        ("all", [S.QUEUED, S.QUEUED]),
        ("skip", [S.MISSED, S.MISSED]),
    ],
)
async def test_what_the_broker_took_too_late_is_judged_by_the_same_rule(
    stage: Stage, on_missed: str, expected: list[RunState]
) -> None:
    desk = stage.desk
    await desk.job(every(60), overlap="allow", policy=Policy(on_missed=OnMissed(on_missed)))
    for _ in range(2):
        desk.clock.advance(60)
        await stage.plan()
    desk.clock.advance(61)

    await stage.publish_due()

    assert await states(desk) == expected


@pytest.mark.parametrize("step_s", [-259_200, -3_600, -1, 1, 3_600, 28_800, 259_200])
@pytest.mark.parametrize("suspended", [False, True])
async def test_a_clock_that_is_set_or_stood_still_loses_and_doubles_nothing(
    stage: Stage, step_s: float, suspended: bool
) -> None:
    desk = stage.desk
    job_id = await desk.job(every(60), overlap="allow")
    desk.clock.advance(120)
    await stage.plan()

    if suspended and step_s > 0:
        desk.clock.advance(step_s)
    else:
        desk.clock.step_wall(step_s)
    await stage.plan()
    await desk.follow()
    for _ in range(3):
        desk.clock.advance(60)
        await stage.plan()

    runs = await desk.runs(job_id)
    last = max(at(120), desk.clock.now()) + SETTINGS.plan_window
    assert sum(run.instants for run in runs) == int((last - EPOCH) / seconds(60))
    assert len({run.nominal_at for run in runs}) == len(runs)


# --- deadlines ---------------------------------------------------------------------------------


async def test_a_run_is_refused_at_its_claim_after_its_deadline(desk: Desk) -> None:
    await desk.ask(await desk.job(manual(), policy=Policy(start_deadline=seconds(30))))
    desk.clock.advance(30.5)

    (answer,) = await desk.claim(HOLDER.claim(ref(await desk.attempt())))

    assert answer.grants == ()
    (run,) = await desk.runs()
    assert (run.state, run.reason) == (S.MISSED, Reason.DEADLINE)
    assert run.detail == "it could not be started within 30 s of when it was due"


async def test_until_its_deadline_a_run_may_start(desk: Desk) -> None:
    await desk.ask(await desk.job(manual(), policy=Policy(start_deadline=seconds(30))))
    desk.clock.advance(30)

    await desk.granted(HOLDER, await desk.attempt())


async def test_what_nobody_claims_ends_by_a_sweep_after_its_deadline(stage: Stage) -> None:
    desk = stage.desk
    with_deadline = await desk.job(every(10), overlap="queue-all", policy=Policy(start_deadline=seconds(15)))
    without = await desk.job(every(10), overlap="allow")
    desk.clock.advance(9)
    await stage.plan()
    desk.clock.advance(10)
    await stage.plan()
    desk.clock.advance(6.5)

    await stage.dispatcher.end_overdue()

    assert await desk.states(with_deadline) == [(S.MISSED, Reason.DEADLINE), (S.QUEUED, None)]
    assert await desk.states(without) == [(S.QUEUED, None), (S.QUEUED, None)]


async def test_a_run_that_has_started_has_kept_its_deadline(stage: Stage) -> None:
    desk = stage.desk
    await desk.ask(await desk.job(manual(), policy=Policy(start_deadline=seconds(30))))
    await desk.granted(HOLDER, await desk.attempt())
    desk.clock.advance(300)

    await stage.dispatcher.end_overdue()

    assert await states(desk) == [S.RUNNING]


# --- several schedules -------------------------------------------------------------------------


async def test_a_schedule_has_arguments_of_its_own(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(manual(), overlap="allow", args=("job's",))
    await desk.add_schedule(job_id, every(10), args=["own", "two"])
    await desk.add_schedule(job_id, every(10))
    desk.clock.advance(10)
    await stage.plan()

    granted = [await desk.granted(HOLDER, attempt) for attempt in await desk.attempts()]

    assert sorted(one.args for one in granted) == [("job's",), ("own", "two")]


async def test_two_schedules_with_the_same_arguments_run_once_at_one_instant(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(every(20), overlap="allow")
    second = await desk.add_schedule(job_id, every(10))
    for _ in range(4):
        desk.clock.advance(10)
        await stage.plan()

    runs = {(run.nominal_at, run.schedule_id == second): (run.state, run.reason) for run in await desk.runs()}
    assert runs == {
        (at(10), True): (S.QUEUED, None),
        (at(20), False): (S.QUEUED, None),
        (at(20), True): (S.SKIPPED, Reason.COINCIDES),
        (at(30), True): (S.QUEUED, None),
        (at(40), False): (S.QUEUED, None),
        (at(40), True): (S.SKIPPED, Reason.COINCIDES),
    }


async def test_what_was_planned_before_a_schedule_was_added_coincides_too(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(every(10), overlap="allow")
    desk.clock.advance(8.5)
    await stage.plan()

    await desk.add_schedule(job_id, every(5))
    await stage.plan()

    assert await desk.states() == [(S.QUEUED, None), (S.SKIPPED, Reason.COINCIDES)]


async def test_each_schedule_follows_its_own_zone(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(manual(), overlap="allow")
    for zone in ("UTC", "Asia/Hong_Kong"):
        await desk.add_schedule(job_id, Daily(at=time(21), every=1), zone=zone)

    assert (await desk.ledger_of(job_id)).next_due_at == EPOCH.replace(hour=13)
    desk.clock.advance(86_400)
    await stage.plan()

    assert [run.nominal_at.hour for run in await desk.runs()] == [21, 13]


async def test_the_next_run_that_is_shown_is_that_of_all_schedules(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(every(3_600), overlap="allow")
    await desk.add_schedule(job_id, every(10))

    desk.clock.advance(9)
    await stage.plan()
    assert (await desk.ledger_of(job_id)).next_due_at == at(10)
    desk.clock.advance(2)
    await stage.publish_due()
    await stage.relay.mark()

    assert (await desk.ledger_of(job_id)).next_due_at == at(20)

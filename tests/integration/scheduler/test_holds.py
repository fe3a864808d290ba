"""What people hold back waits, whoever is asked for it, and goes on when it is lifted."""

import pytest

from shared.db.holds import begin_hold, lift_hold
from shared.domain.holds import Hold, HoldKind
from shared.domain.ids import ExecutorName
from shared.domain.job import DEFAULT_POOL
from shared.domain.policy import OnMissed
from shared.domain.run import Reason, RunState
from tests.integration.scheduler.stage import ALLOW, Desk, Holder, Stage, at, manual, ref, seconds

FREEZE, POOL, DRAIN = HoldKind.FREEZE, HoldKind.POOL, HoldKind.DRAIN


async def hold(desk: Desk, kind: HoldKind, subject: str = "", *, for_s: float | None = None) -> None:
    """Hold something back as the ui does; no scheduler is told."""
    now = desk.clock.now()
    ends_at = None if for_s is None else now + seconds(for_s)
    one = Hold(kind=kind, subject=subject, begun_at=now, begun_by="ann", ends_at=ends_at)
    await desk.do(lambda session, _: begin_hold(session, one))


async def lift(desk: Desk, kind: HoldKind, subject: str = "") -> None:
    now = desk.clock.now()
    assert await desk.do(lambda session, _: lift_hold(session, kind, subject, by="ann", at=now))


async def refused(desk: Desk, holder: Holder) -> str:
    """Let this executor claim the only attempt, and return why it does not get it."""
    (answer,) = await desk.claim(holder.claim(ref(await desk.attempt())))
    (refusal,) = answer.refusals
    return refusal.reason


async def test_a_claim_is_refused_while_everything_is_frozen(desk: Desk) -> None:
    await desk.ask(await desk.job(manual()))
    await hold(desk, FREEZE, for_s=60)

    assert await refused(desk, Holder()) == "held by freeze"

    attempt = await desk.attempt()
    assert (attempt.state, attempt.published_at) == (RunState.QUEUED, None)
    assert [run.state for run in await desk.runs()] == [RunState.QUEUED]


async def test_a_freeze_ends_by_itself(desk: Desk) -> None:
    await desk.ask(await desk.job(manual()))
    await hold(desk, FREEZE, for_s=60)
    desk.clock.advance(60)

    await desk.granted(Holder(), await desk.attempt())


async def test_a_paused_pool_refuses_its_runs_and_no_others(desk: Desk) -> None:
    await desk.ask(await desk.job(manual()))
    await hold(desk, POOL, "heavy")
    await desk.granted(Holder(), await desk.attempt())
    await desk.ask(await desk.job(manual(), pool="heavy"))

    (answer,) = await desk.claim(Holder().claim(ref(await desk.newest_attempt())))

    assert [one.reason for one in answer.refusals] == ["pool heavy is paused"]


async def test_a_drained_executor_gets_nothing_and_another_one_does(desk: Desk) -> None:
    await desk.ask(await desk.job(manual()))
    await hold(desk, DRAIN, "one")

    assert await refused(desk, Holder()) == "executor one is drained"

    assert desk.effects.armed[-1].token == (await desk.attempt()).token
    await desk.granted(Holder(name=ExecutorName("two")), await desk.attempt())


async def test_every_renewal_says_whether_its_executor_is_to_drain(desk: Desk) -> None:
    await hold(desk, DRAIN, "one")
    assert (await desk.renew(Holder().renewal())).drain
    assert not (await desk.renew(Holder(name=ExecutorName("two")).renewal())).drain

    await lift(desk, DRAIN, "one")

    assert not (await desk.renew(Holder().renewal(beat=2))).drain


@pytest.mark.parametrize(("kind", "subject"), [(FREEZE, ""), (POOL, DEFAULT_POOL)])
async def test_what_is_held_back_is_not_published_and_leaves_when_it_is_lifted(
    stage: Stage, kind: HoldKind, subject: str
) -> None:
    desk = stage.desk
    await desk.job()
    desk.clock.advance(9)
    await stage.plan()
    await hold(desk, kind, subject)
    await stage.relay.sweep(due_by=at(0))
    desk.clock.advance(4)
    await stage.publish_due()
    await stage.relay.sweep(due_by=desk.clock.now())
    await stage.publish_due()
    assert await stage.depth() == 0

    await lift(desk, kind, subject)
    await stage.relay.sweep(due_by=desk.clock.now())
    await stage.publish_due()

    assert await stage.depth() == 1


async def test_a_message_that_was_refused_is_said_again_when_the_freeze_is_lifted(stage: Stage) -> None:
    desk = stage.desk
    await desk.job()
    desk.clock.advance(9)
    await stage.plan()
    desk.clock.advance(1)
    await stage.publish_due()
    before = await desk.attempt()
    await hold(desk, FREEZE, for_s=3_600)
    await refused(desk, Holder())
    # What the broker confirmed was for the message that is gone now: it marks nothing.
    await stage.relay.mark()
    assert (await desk.attempt()).published_at is None

    await lift(desk, FREEZE)
    await stage.relay.sweep(due_by=desk.clock.now())
    await stage.publish_due()

    assert await stage.depth() == 2
    after = await desk.attempt()
    assert (before.token, after.token) == (1, 2)
    await desk.granted(Holder(), after)


async def test_a_paused_pool_does_not_crowd_out_what_may_go(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.scheduler.relay._MOST_SWEPT", 2)
    desk = stage.desk
    for _ in range(3):
        await desk.ask(await desk.job(manual(), pool="heavy"))
    await hold(desk, POOL, "heavy")
    desk.clock.advance(1)
    await desk.ask(await desk.job(manual()))

    await stage.relay.sweep(due_by=desk.clock.now())

    assert await stage.publish_due() == 1


async def test_instants_go_on_being_recorded_and_the_misfire_rule_judges_them_afterwards(
    stage: Stage,
) -> None:
    desk = stage.desk
    job_id = await desk.job(**ALLOW)
    await desk.set_policy(job_id, on_missed=OnMissed.LATEST)
    await hold(desk, FREEZE, for_s=3_600)
    await stage.relay.sweep(due_by=at(0))
    for _ in range(10):
        desk.clock.advance(9)
        await stage.plan()
        desk.clock.advance(1)
        await stage.publish_due()
    assert {run.state for run in await desk.runs(job_id)} == {RunState.QUEUED}
    desk.clock.advance(100)

    await lift(desk, FREEZE)
    await stage.relay.sweep(due_by=desk.clock.now())
    await stage.publish_due()

    runs = await desk.runs(job_id)
    assert [run.state for run in runs] == [*[RunState.MISSED] * 9, RunState.QUEUED]
    assert (runs[0].reason, runs[0].detail) == (Reason.DOWNTIME, "it was held back when it was due")


async def test_a_start_deadline_goes_on_during_a_freeze(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(manual())
    await desk.set_policy(job_id, start_deadline=seconds(30))
    await hold(desk, FREEZE, for_s=3_600)
    await desk.ask(job_id)

    desk.clock.advance(31)
    await stage.dispatcher.end_overdue()

    assert await desk.states() == [(RunState.MISSED, Reason.DEADLINE)]

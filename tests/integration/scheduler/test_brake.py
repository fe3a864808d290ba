"""The brake on a real ledger: what starts by itself too often is slowed down, and says why."""

from shared.domain.brake import WINDOW
from shared.domain.ids import JobId
from shared.domain.policy import Policy
from shared.domain.retry import RetryRule
from shared.domain.run import Reason, RunState
from shared.domain.schedules import Interval
from shared.messages.envelope import AttemptRef
from tests.integration.scheduler.stage import ALLOW, Desk, Holder, Stage, manual, seconds
from tests.support.manual_clock import EPOCH

HOLDER = Holder()
MOST = 5
"""So many starts the window holds at one a minute."""
WHY = "the job started 5 times within 5 minutes, and its brake allows 1 a minute"
SECOND = Interval(every=seconds(1), anchor=EPOCH)


async def claim_all(stage: Stage) -> None:
    """Let an executor claim what is due."""
    desk = stage.desk
    due = stage.ledger.attempts.take_due(desk.clock.now(), limit=1_000)
    await desk.claim(*(HOLDER.claim(AttemptRef(one.id, one.token)) for one in due))


async def a_job(stage: Stage) -> JobId:
    """Return a job of every second with a brake that allows one start a minute."""
    return await stage.desk.job(SECOND, **ALLOW, policy=Policy(starts_per_minute=1))


async def run_away(stage: Stage) -> None:
    """Let it start as often as its brake allows."""
    for _ in range(MOST):
        stage.desk.clock.advance(1)
        await stage.plan()
        await claim_all(stage)


async def test_further_instants_are_skipped_with_the_reason_until_the_pace_is_back(stage: Stage) -> None:
    desk = stage.desk
    await a_job(stage)
    await run_away(stage)
    desk.clock.advance(1)
    await stage.plan()

    await claim_all(stage)

    due = [run for run in await desk.runs() if run.due_at <= desk.clock.now()]
    assert [run.state for run in due] == [RunState.RUNNING] * MOST + [RunState.SKIPPED]
    assert (due[-1].reason, due[-1].detail) == (Reason.BRAKED, WHY)

    desk.clock.advance(WINDOW.total_seconds())
    await stage.plan()
    await claim_all(stage)
    assert (await desk.runs())[-1].state is not RunState.SKIPPED


async def test_of_those_that_come_together_as_many_start_as_the_brake_allows(stage: Stage) -> None:
    desk = stage.desk
    await a_job(stage)
    for _ in range(MOST + 2):
        desk.clock.advance(1)
        await stage.plan()

    await claim_all(stage)

    states = [state for state, _ in await desk.states()]
    assert (states.count(RunState.RUNNING), states.count(RunState.SKIPPED)) == (MOST, 2)


async def test_what_somebody_asks_for_is_neither_counted_nor_braked(stage: Stage) -> None:
    desk = stage.desk
    job_id = await a_job(stage)
    for _ in range(MOST):
        await desk.ask(job_id)
        await desk.granted(HOLDER, await desk.newest_attempt())

    await run_away(stage)
    await desk.ask(job_id)
    await desk.granted(HOLDER, await desk.newest_attempt())

    due = [run.state for run in await desk.runs() if run.due_at <= desk.clock.now()]
    assert due == [RunState.RUNNING] * (2 * MOST + 1)


async def test_retries_count_and_end_at_the_brake(desk: Desk) -> None:
    rule = RetryRule(retries=100, delay=seconds(0), longest_delay=seconds(0))
    await desk.ask(await desk.job(manual(), policy=Policy(starts_per_minute=1, retry=rule)))

    for _ in range(1 + MOST):
        grant = await desk.granted(HOLDER, await desk.newest_attempt())
        await desk.report(HOLDER.report(grant, RunState.FAILED, exit_code=1))

    (run,) = await desk.runs()
    assert (run.state, run.reason, run.attempt) == (RunState.FAILED, Reason.BRAKED, 1 + MOST)
    assert run.detail == f"Not tried again: {WHY}."

"""A run that is tried again: when, how often, what ends it meanwhile, and what waits for it."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import update

from shared.db.jobs import JobHead, set_paused
from shared.db.tables import JobRow
from shared.domain.ids import JobId
from shared.domain.job import Network, OnLost
from shared.domain.policy import Overlap, Policy
from shared.domain.retry import RetryRule
from shared.domain.run import Reason, RunState
from shared.domain.schedules import Interval
from shared.messages.answers import Grant
from tests.integration.scheduler.stage import Desk, Holder, Stage, at, manual, ref, seconds
from tests.support.manual_clock import EPOCH

RULE = RetryRule(retries=2, delay=seconds(10), factor=3, longest_delay=seconds(20))
TWICE = Policy(retry=RULE)


async def running(desk: Desk, **fields: Any) -> tuple[Holder, Grant]:
    """Let an executor run something that may be tried twice more."""
    holder = Holder()
    await desk.ask(await desk.job(manual(), **{"policy": TWICE, **fields}))
    return holder, await desk.granted(holder, await desk.newest_attempt())


async def fails(desk: Desk, holder: Holder, grant: Grant, exit_code: int = 1, **facts: Any) -> None:
    detail = f"Exited with code {exit_code}."
    await desk.report(holder.report(grant, RunState.FAILED, exit_code=exit_code, detail=detail, **facts))


async def edit(desk: Desk, job_id: JobId, **values: Any) -> None:
    async def change(session: Any, head: JobHead, *, now: datetime) -> bool:
        await session.execute(update(JobRow).where(JobRow.id == job_id).values(**values))
        return await set_paused(session, head, head.paused_at, now=now)

    await desk.change(job_id, change)


async def scheduled(stage: Stage, **fields: Any) -> tuple[JobId, Holder, Grant]:
    """Let the first run of a job of every minute fail once: it waits for its second attempt at 70 s."""
    desk, holder = stage.desk, Holder()
    every_minute = Interval(every=seconds(60), anchor=EPOCH)
    job_id = await desk.job(every_minute, **{"policy": TWICE, "overlap": Overlap.SKIP, **fields})
    desk.clock.advance(60)
    await stage.plan()
    await stage.decide()
    grant = await desk.granted(holder, await desk.newest_attempt())
    await fails(desk, holder, grant)
    return job_id, holder, grant


async def test_a_failed_attempt_is_followed_by_the_next_one_after_its_delay(desk: Desk) -> None:
    holder, grant = await running(desk)
    desk.clock.advance(3)
    desk.effects.armed.clear()

    await fails(desk, holder, grant, finished_at=at(2), started_at=at(1), duration_ms=1000)

    (run,) = await desk.runs()
    first, second = await desk.attempts()
    assert (run.state, run.attempt, run.detail) == (
        RunState.QUEUED,
        2,
        "attempt 1 ended with exit code 1",
    )
    assert (run.executor, run.started_at, run.finished_at, run.exit_code, run.duration_ms) == (None,) * 5
    assert (first.state, first.settled, first.exit_code) == (RunState.FAILED, True, 1)
    assert (second.state, second.number, second.token, second.due_at) == (RunState.QUEUED, 2, 1, at(13))
    assert [(one.id, one.due_at) for one in desk.effects.armed] == [(second.id, at(13))]


async def test_tries_end_with_the_rule_and_the_last_one_says_so(desk: Desk) -> None:
    holder, grant = await running(desk)
    waits = []

    for _ in range(2):
        await fails(desk, holder, grant)
        attempt = await desk.newest_attempt()
        waits.append(attempt.due_at - desk.clock.now())
        desk.clock.advance(waits[-1].total_seconds())
        grant = await desk.granted(holder, attempt)
    await fails(desk, holder, grant, 7)

    (run,) = await desk.runs()
    assert waits == [seconds(10), seconds(20)]
    assert [one.number for one in await desk.attempts()] == [1, 2, 3]
    assert (run.state, run.exit_code) == (RunState.FAILED, 7)
    assert run.detail == "Exited with code 7. Not tried again: that was attempt 3 of 3."
    assert (await desk.ledger_of(JobId(run.job_id))).last_state is RunState.FAILED


async def test_a_run_that_succeeds_at_last_has_succeeded(desk: Desk) -> None:
    holder, grant = await running(desk)
    await fails(desk, holder, grant)
    assert (await desk.ledger_of(grant.job_id)).last_state is None
    desk.clock.advance(10)
    second = await desk.granted(holder, await desk.newest_attempt())

    await desk.report(holder.report(second, exit_code=0, script_sha256="cd" * 32))

    assert second.number == 2
    assert await desk.states() == [(RunState.SUCCEEDED, None)]
    assert (await desk.ledger_of(grant.job_id)).last_state is RunState.SUCCEEDED
    assert (await desk.newest_attempt()).script_sha256 == "cd" * 32


async def test_an_attempt_is_not_granted_before_its_delay_has_passed(desk: Desk) -> None:
    holder, grant = await running(desk)
    await fails(desk, holder, grant)
    desk.clock.advance(9)

    (answer,) = await desk.claim(holder.claim(ref(await desk.newest_attempt())))

    assert [one.reason.split(":")[0] for one in answer.refusals] == ["it is not due yet"]


@pytest.mark.parametrize(
    ("rule", "report", "state"),
    [
        (replace(RULE, exit_codes=(75,)), {"exit_code": 75}, RunState.QUEUED),
        (replace(RULE, exit_codes=(75,)), {"exit_code": 1}, RunState.FAILED),
        (replace(RULE, exit_codes=(75,)), {"signal": 9}, RunState.FAILED),
        (RULE, {"reason": Reason.START_ERROR, "detail": "no such file"}, RunState.QUEUED),
        (RULE, {"reason": Reason.SCRIPT_CHANGED}, RunState.FAILED),
    ],
)
async def test_only_the_exit_codes_of_the_rule_are_tried_again(
    desk: Desk, rule: RetryRule, report: dict[str, Any], state: RunState
) -> None:
    holder, grant = await running(desk, policy=Policy(retry=rule))

    await desk.report(holder.report(grant, RunState.FAILED, **report))

    assert [found for found, _ in await desk.states()] == [state]


@pytest.mark.parametrize(("counts", "state"), [(True, RunState.QUEUED), (False, RunState.TIMED_OUT)])
async def test_a_timeout_is_tried_again_if_the_rule_says_so(
    desk: Desk, counts: bool, state: RunState
) -> None:
    holder, grant = await running(desk, policy=Policy(retry=replace(RULE, timeouts=counts)))

    await desk.report(holder.report(grant, RunState.TIMED_OUT))

    assert [found for found, _ in await desk.states()] == [state]


async def test_without_a_rule_a_failure_is_the_end(desk: Desk) -> None:
    holder, grant = await running(desk, policy=Policy())

    await fails(desk, holder, grant)

    (run,) = await desk.runs()
    assert (run.state, run.detail) == (RunState.FAILED, "Exited with code 1.")


async def test_a_loss_takes_one_of_the_tries_and_does_not_wait(desk: Desk) -> None:
    holder, grant = await running(desk, on_lost=OnLost.RETRY)
    await desk.report(holder.report(grant, RunState.LOST, reason=Reason.SILENT, detail="it was silent"))
    second = await desk.newest_attempt()
    assert second.due_at == desk.clock.now()
    assert (await desk.runs())[0].detail == "attempt 1 was lost: it was silent"

    await fails(desk, holder, await desk.granted(holder, second))
    third = await desk.newest_attempt()
    desk.clock.advance(20)
    await fails(desk, holder, await desk.granted(holder, third))

    assert third.due_at == at(20)
    assert [state for state, _ in await desk.states()] == [RunState.FAILED]


async def test_a_loss_is_the_end_where_the_job_runs_at_most_once(desk: Desk) -> None:
    holder, grant = await running(desk, on_lost=OnLost.FAIL)

    await desk.report(holder.report(grant, RunState.LOST, reason=Reason.SILENT))

    assert await desk.states() == [(RunState.LOST, Reason.SILENT)]


async def test_a_script_without_a_fence_is_not_followed_though_the_job_was_edited_since(desk: Desk) -> None:
    holder, grant = await running(desk, on_lost=OnLost.FAIL)
    await edit(desk, grant.job_id, on_lost=OnLost.RETRY)

    await desk.report(holder.report(grant, RunState.LOST, reason=Reason.SILENT))

    assert await desk.states() == [(RunState.LOST, Reason.SILENT)]


async def test_a_failure_that_is_told_after_its_run_was_lost_is_not_tried_again(desk: Desk) -> None:
    holder, grant = await running(desk)
    desk.clock.advance(31)
    await desk.renew(holder.renewal(beat=3, heard=desk.clock.now()))

    await fails(desk, holder, grant)

    (run,) = await desk.runs()
    assert (run.state, run.reason) == (RunState.FAILED, Reason.LATE)
    assert run.detail.endswith("Not tried again: it had been taken for lost.")


async def test_a_run_whose_end_was_asked_for_is_not_tried_again(desk: Desk) -> None:
    holder, grant = await running(desk)
    await desk.ask(grant.job_id, "cancel", grant.run_id)

    await fails(desk, holder, grant)

    (run,) = await desk.runs()
    assert run.state is RunState.FAILED
    assert run.detail.endswith("Not tried again: somebody asked for its end.")


async def test_the_next_attempt_follows_the_definition_as_it_is_by_then(desk: Desk) -> None:
    holder, grant = await running(desk)
    await edit(desk, grant.job_id, pool="heavy")
    await fails(desk, holder, grant)
    wanted: dict[str, object] = {"script": "mended.py", "timeout_s": 7, "max_output_bytes": 100_000}
    wanted |= {"merge_output": True, "network": Network.NONE, "resources": {"memory_bytes": 64_000_000}}
    wanted |= {"pinned_sha256": "ab" * 32, "pinned_at": desk.clock.now()}
    await edit(desk, grant.job_id, **wanted)
    desk.clock.advance(10)

    second = await desk.newest_attempt()
    again = await desk.granted(holder, second)

    assert second.pool == "heavy"
    assert (grant.script, grant.max_output_bytes, grant.merge_output) == ("hello.py", 10_000_000, False)
    assert (grant.network, grant.pinned_sha256, grant.resources) == (Network.HOST, None, {})
    assert {name: getattr(again, name) for name in wanted} == wanted


async def test_a_cancel_while_it_waits_ends_the_run(desk: Desk) -> None:
    holder, grant = await running(desk)
    await fails(desk, holder, grant)

    await desk.ask(grant.job_id, "cancel", grant.run_id)

    assert await desk.states() == [(RunState.CANCELLED, Reason.REQUESTED)]
    assert (await desk.newest_attempt()).state is RunState.CANCELLED
    desk.clock.advance(10)
    (answer,) = await desk.claim(holder.claim(ref(await desk.newest_attempt())))
    assert answer.grants == ()


async def test_a_deleted_job_tries_nothing_again(desk: Desk) -> None:
    holder, grant = await running(desk, overlap=Overlap.ALLOW)
    await desk.ask(grant.job_id)
    other = await desk.granted(holder, await desk.newest_attempt())
    await fails(desk, holder, grant)

    await desk.delete(grant.job_id)
    await fails(desk, holder, other)

    first, second = await desk.runs()
    assert (first.state, first.reason) == (RunState.CANCELLED, Reason.DELETED)
    assert second.state is RunState.FAILED
    assert second.detail.endswith("Not tried again: the job is deleted.")


async def test_a_pause_while_a_scheduled_run_waits_for_its_next_attempt_ends_it(stage: Stage) -> None:
    desk = stage.desk
    job_id, _, _ = await scheduled(stage)
    desk.clock.advance(1)

    await desk.pause(job_id)

    run = (await desk.runs())[0]
    assert (run.state, run.reason) == (RunState.CANCELLED, Reason.PAUSED)
    assert run.detail == "the job was paused before it was to start"


async def test_a_pause_that_nobody_followed_yet_is_kept_at_the_claim(stage: Stage) -> None:
    desk = stage.desk
    job_id, holder, _ = await scheduled(stage)
    desk.clock.advance(1)
    await desk.pause_unseen(job_id)
    desk.clock.advance(9)

    (answer,) = await desk.claim(holder.claim(ref(await desk.newest_attempt())))

    assert answer.grants == ()
    assert (await desk.states())[0] == (RunState.CANCELLED, Reason.PAUSED)


async def test_an_attempt_that_was_due_before_the_pause_still_starts(stage: Stage) -> None:
    desk = stage.desk
    job_id, holder, _ = await scheduled(stage)
    desk.clock.advance(11)
    await desk.pause(job_id)

    assert (await desk.granted(holder, await desk.newest_attempt())).number == 2


async def test_a_scheduled_run_that_fails_while_its_job_is_paused_is_not_tried_again(stage: Stage) -> None:
    desk = stage.desk
    job_id, holder, _ = await scheduled(stage)
    desk.clock.advance(10)
    second = await desk.granted(holder, await desk.newest_attempt())
    await desk.pause(job_id)

    await fails(desk, holder, second)

    run = (await desk.runs())[0]
    assert (run.state, run.attempt) == (RunState.FAILED, 2)
    assert run.detail.endswith("Not tried again: the job is paused.")


async def test_what_somebody_asked_for_is_tried_again_while_its_job_is_paused(desk: Desk) -> None:
    holder, grant = await running(desk)
    await desk.pause(grant.job_id)
    await fails(desk, holder, grant)
    desk.clock.advance(10)

    assert (await desk.granted(holder, await desk.newest_attempt())).number == 2


async def test_a_run_that_waits_for_its_next_attempt_stands_in_the_way_of_the_next_run(stage: Stage) -> None:
    desk = stage.desk
    await scheduled(stage, policy=Policy(retry=replace(RULE, delay=seconds(90), longest_delay=seconds(90))))
    desk.clock.advance(60)

    await stage.plan()
    await stage.decide()

    first, second = await desk.runs()
    assert (first.state, first.attempt) == (RunState.QUEUED, 2)
    assert (second.state, second.reason) == (RunState.SKIPPED, Reason.OVERLAP)
    assert second.detail == "run #1 was waiting for its next attempt"


async def test_one_of_two_that_may_go_at_once_comes_back_into_its_own_place(desk: Desk) -> None:
    holder = Holder()
    job_id = await desk.job(manual(), policy=Policy(max_concurrent=2, retry=RULE), overlap=Overlap.ALLOW)
    await desk.ask(job_id)
    grant = await desk.granted(holder, await desk.newest_attempt())
    await fails(desk, holder, grant)
    again = await desk.newest_attempt()
    await desk.ask(job_id)
    other = await desk.newest_attempt()
    await desk.ask(job_id)
    desk.clock.advance(10)

    (answer,) = await desk.claim(holder.claim(ref(again), ref(other)))

    assert len(answer.grants) == 2
    assert [state for state, _ in await desk.states(job_id)] == [
        RunState.RUNNING,
        RunState.RUNNING,
        RunState.HELD,
    ]


async def test_a_newer_run_that_takes_the_place_of_one_that_waits_ends_it(desk: Desk) -> None:
    holder, grant = await running(desk, overlap=Overlap.CANCEL_PREVIOUS)
    await fails(desk, holder, grant)

    await desk.ask(grant.job_id)

    assert await desk.states() == [(RunState.CANCELLED, Reason.OVERLAP), (RunState.QUEUED, None)]


async def test_the_next_attempt_is_published_when_it_is_due_and_not_before(stage: Stage) -> None:
    desk = stage.desk
    _, holder, grant = await scheduled(stage)
    for one in desk.effects.armed:
        stage.ledger.attempts.put(one.due_at, (one,))
    await stage.publish_due()
    before = await stage.depth()
    desk.clock.advance(9)
    assert await stage.publish_due() == 0
    desk.clock.advance(1)

    assert await stage.publish_due() == 1

    assert await stage.depth() == before + 1
    assert (await desk.granted(holder, await desk.newest_attempt())).run_id == grant.run_id


async def test_a_scheduler_that_was_down_publishes_it_late_and_calls_nothing_missed(stage: Stage) -> None:
    desk = stage.desk
    await scheduled(stage, policy=Policy(start_deadline=seconds(30), retry=RULE))
    await stage.publish_due()
    desk.clock.advance(3_600)

    await stage.relay.sweep(due_by=desk.clock.now())
    published = await stage.publish_due()
    await stage.dispatcher.end_overdue()

    run = (await desk.runs())[0]
    assert published == 1
    assert (run.state, run.attempt) == (RunState.QUEUED, 2)

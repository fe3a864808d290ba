"""The overlap rules on a real ledger: who goes, who waits, who makes way, in which order."""

from typing import Any

import pytest

from shared.domain.ids import JobId, RunId, new_id
from shared.domain.policy import Policy
from shared.domain.run import Cause, Reason, RunState
from shared.messages.answers import Grant, Standing
from shared.messages.envelope import AttemptRef
from tests.integration.scheduler.stage import Desk, Holder, Stage, at, manual, ref

HOLDER = Holder()
S = RunState


async def states(desk: Desk) -> list[RunState]:
    return [state for state, _ in await desk.states()]


async def going(desk: Desk, **fields: Any) -> tuple[JobId, Grant]:
    """Return a manual job with one run that is going."""
    job_id = await desk.job(manual(), **fields)
    await desk.ask(job_id)
    return job_id, await desk.granted(HOLDER, await desk.attempt())


async def start_next(desk: Desk) -> Grant:
    """Let an executor have the one attempt that is queued."""
    (queued,) = [one for one in await desk.attempts() if one.state is S.QUEUED]
    return await desk.granted(HOLDER, queued)


async def end(desk: Desk, grant: Grant, state: RunState = S.SUCCEEDED, **facts: Any) -> None:
    await desk.report(HOLDER.report(grant, state, **facts))


async def test_queued_runs_wait_and_go_one_after_the_other(desk: Desk) -> None:
    job_id, grant = await going(desk, overlap="queue-all")

    for _ in range(3):
        await desk.ask(job_id)
    assert await states(desk) == [S.RUNNING, S.HELD, S.HELD, S.HELD]
    assert (await desk.requests())[-1].outcome == "held as #4: run #1 was still going"

    for number in (2, 3, 4):
        await end(desk, grant)
        assert (await states(desk))[number - 1 :] == [S.QUEUED, *[S.HELD] * (4 - number)]
        grant = await start_next(desk)
        assert grant.run_number == number


async def test_of_queue_one_one_waits_and_the_others_are_skipped(desk: Desk) -> None:
    job_id, grant = await going(desk, overlap="queue-one")

    for _ in range(3):
        await desk.ask(job_id)

    assert await desk.states() == [
        (S.RUNNING, None),
        (S.HELD, None),
        (S.SKIPPED, Reason.OVERLAP),
        (S.SKIPPED, Reason.OVERLAP),
    ]
    assert (await desk.runs())[2].detail == "run #1 was still going, and another waits already"
    await end(desk, grant)
    assert (await states(desk))[1] is S.QUEUED


async def test_scheduled_runs_wait_beyond_their_instant_and_keep_it(stage: Stage) -> None:
    desk = stage.desk
    await desk.job(overlap="queue-all")
    desk.clock.advance(10)
    await stage.plan()
    grant = await desk.granted(HOLDER, await desk.attempt())

    for _ in range(3):
        desk.clock.advance(10)
        await stage.plan()
        await stage.decide()
    assert await states(desk) == [S.RUNNING, S.HELD, S.HELD, S.HELD]

    await end(desk, grant)

    assert await states(desk) == [S.SUCCEEDED, S.QUEUED, S.HELD, S.HELD]
    assert (await desk.newest_attempt()).due_at == at(20)
    # They waited by the rule of their job: being late is no misfire.
    assert await stage.publish_due() == 1
    assert (await states(desk))[1] is S.QUEUED


async def test_more_than_a_hundred_do_not_wait(desk: Desk) -> None:
    job_id, _ = await going(desk, overlap="queue-all")
    for _ in range(102):
        await desk.store_request(job_id, "run_now", RunId(new_id()))
    await desk.handle()
    await desk.handle()

    found = await desk.states()
    assert found.count((S.HELD, None)) == 100
    assert found.count((S.SKIPPED, Reason.OVERLAP)) == 2
    assert (await desk.runs())[-1].detail == "run #1 was still going, and 100 others wait already"


async def test_as_many_as_may_go_at_once_and_the_next_waits_for_a_place(desk: Desk) -> None:
    job_id, grant = await going(desk, overlap="allow", policy=Policy(max_concurrent=2))

    await desk.ask(job_id)
    await start_next(desk)
    await desk.ask(job_id)
    assert await states(desk) == [S.RUNNING, S.RUNNING, S.HELD]

    await end(desk, grant)
    assert await states(desk) == [S.SUCCEEDED, S.RUNNING, S.QUEUED]


async def test_the_previous_run_is_asked_to_stop_and_the_next_starts_when_it_has(desk: Desk) -> None:
    job_id, grant = await going(desk, overlap="cancel-previous")
    held = AttemptRef(grant.attempt_id, grant.token)

    await desk.ask(job_id)

    assert await states(desk) == [S.RUNNING, S.HELD]
    assert desk.effects.cancels == [(HOLDER.name, held)]
    assert await desk.standing(HOLDER.renewal(held)) is Standing.CANCEL

    await end(desk, grant, S.CANCELLED, reason=Reason.REQUESTED)

    first, second = await desk.runs()
    assert (first.state, first.reason) == (S.CANCELLED, Reason.OVERLAP)
    assert first.detail == "run #2 took its place"
    assert second.state is S.QUEUED


async def test_of_those_that_wait_to_take_its_place_the_newest_does(desk: Desk) -> None:
    job_id, grant = await going(desk, overlap="cancel-previous")

    await desk.ask(job_id)
    await desk.ask(job_id)

    assert await desk.states() == [(S.RUNNING, None), (S.CANCELLED, Reason.OVERLAP), (S.HELD, None)]
    assert len(desk.effects.cancels) == 1
    await end(desk, grant, S.SUCCEEDED)
    assert await states(desk) == [S.SUCCEEDED, S.CANCELLED, S.QUEUED]
    await start_next(desk)


async def test_a_previous_run_that_has_not_started_is_cancelled_at_once(desk: Desk) -> None:
    job_id = await desk.job(manual(), overlap="cancel-previous")
    await desk.ask(job_id)

    await desk.ask(job_id)

    assert await desk.states() == [(S.CANCELLED, Reason.OVERLAP), (S.QUEUED, None)]
    assert (await start_next(desk)).run_number == 2


@pytest.mark.parametrize("overlap", ["queue-one", "queue-all", "cancel-previous"])
async def test_a_run_that_meets_another_at_its_claim_waits_again(stage: Stage, overlap: str) -> None:
    desk = stage.desk
    job_id = await desk.job(overlap=overlap)
    desk.clock.advance(9)
    await stage.plan()
    planned = await desk.attempt()
    await desk.ask(job_id)
    asked = await desk.granted(HOLDER, await desk.newest_attempt())
    desk.clock.advance(1)

    (answer,) = await desk.claim(HOLDER.claim(ref(planned)))

    assert answer.grants == ()
    assert answer.refusals[0].reason == "it waits: run #2 was still going"
    assert await states(desk) == [S.HELD, S.RUNNING]
    # Neither its old message nor a sweep lets it start meanwhile.
    (again,) = await desk.claim(HOLDER.claim(ref(planned)))
    assert again.refusals[0].reason == "it waits for a run before it"
    await stage.relay.sweep(due_by=desk.clock.now())
    stage.ledger.attempts.take_due(desk.clock.now(), limit=10)

    await end(desk, asked)

    assert await states(desk) == [S.QUEUED, S.SUCCEEDED]
    assert (await start_next(desk)).token == planned.token + 1
    assert len(await desk.attempts()) == 2


async def test_a_run_that_waits_again_can_be_cancelled(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(overlap="queue-all")
    desk.clock.advance(9)
    await stage.plan()
    planned = await desk.attempt()
    await desk.ask(job_id)
    asked = await desk.granted(HOLDER, await desk.newest_attempt())
    desk.clock.advance(1)
    await desk.claim(HOLDER.claim(ref(planned)))

    await desk.ask(job_id, "cancel", RunId(planned.run_id))
    await end(desk, asked)

    assert await desk.states() == [(S.CANCELLED, Reason.REQUESTED), (S.SUCCEEDED, None)]


async def test_what_waits_is_found_by_the_sweep_of_another_start(stage: Stage) -> None:
    desk = stage.desk
    job_id, grant = await going(desk, overlap="queue-one")
    await desk.ask(job_id)

    await desk.do(lambda s, e: _report_quietly(s, grant))
    due = await stage.dispatcher._sweep_held(desk.clock.now())
    await stage.dispatcher.decide(due)

    assert await states(desk) == [S.SUCCEEDED, S.QUEUED]


async def _report_quietly(session: Any, grant: Grant) -> None:
    """End a run as a database does that was restored: nobody decides what waits for it."""
    from shared.db.attempts import attempts_by_id, move_attempt
    from shared.db.runs import move_run

    attempt = (await attempts_by_id(session, {grant.attempt_id}))[grant.attempt_id]
    await move_attempt(session, attempt, S.SUCCEEDED, {"settled": True})
    await move_run(session, grant.run_id, S.SUCCEEDED, {}, attempt=1)


async def test_a_pause_leaves_alone_what_was_due_before_it_and_waits(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(overlap="queue-all")
    desk.clock.advance(10)
    await stage.plan()
    grant = await desk.granted(HOLDER, await desk.attempt())
    desk.clock.advance(10)
    await stage.plan()
    desk.clock.advance(1)

    await desk.pause(job_id)
    await end(desk, grant)

    assert await states(desk) == [S.SUCCEEDED, S.QUEUED]
    await start_next(desk)


async def test_run_now_while_paused_obeys_overlap_and_moves_no_cursor(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(overlap="queue-all", policy=Policy(max_runs=1))
    await desk.pause(job_id)
    desk.clock.advance(25)
    await desk.ask(job_id)
    await desk.ask(job_id)

    assert [(run.state, run.cause) for run in await desk.runs()] == [
        (S.QUEUED, Cause.MANUAL),
        (S.HELD, Cause.MANUAL),
    ]
    await desk.resume(job_id)
    ledger = await desk.ledger_of(job_id)
    assert (ledger.promised_count, ledger.next_due_at) == (0, at(30))

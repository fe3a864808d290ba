"""Cancelling: one run, or all that wait of a job; nothing of it starts once it was asked for."""

import pytest

from shared.db.attempts import NewAttempt, insert_attempts
from shared.db.runs import NewRun, insert_runs
from shared.domain.ids import AttemptId, JobId, RunId, new_id
from shared.domain.job import DEFAULT_POOL
from shared.domain.run import Cause, Reason, RunState
from tests.integration.scheduler.stage import ALLOW, Desk, Holder, Stage, manual, ref


async def waiting_runs(desk: Desk, job_id: JobId, count: int) -> None:
    """Let so many runs of the job wait for an executor."""
    now = desk.clock.now()
    runs = [
        NewRun(
            id=RunId(new_id()),
            job_id=job_id,
            number=number,
            cause=Cause.MANUAL,
            nominal_at=now,
            due_at=now,
            state=RunState.QUEUED,
            created_at=now,
            attempt=1,
        )
        for number in range(1, count + 1)
    ]
    attempts = [
        NewAttempt(
            id=AttemptId(new_id()),
            run_id=run.id,
            job_id=job_id,
            number=1,
            pool=DEFAULT_POOL,
            urgent=False,
            due_at=now,
        )
        for run in runs
    ]
    await desk.do(lambda session, _: insert_runs(session, runs))
    await desk.do(lambda session, _: insert_attempts(session, attempts))


async def ask_to_end_all(desk: Desk, job_id: JobId) -> None:
    """Store the request as the ui does; no scheduler has looked yet."""
    await desk.store_request(job_id, "cancel_waiting", None)


async def test_who_asked_is_said_of_a_run_that_was_stopped(desk: Desk) -> None:
    job_id = await desk.job(manual())
    run_id = await desk.ask(job_id)
    holder = Holder()
    grant = await desk.granted(holder, await desk.attempt())

    await desk.ask(job_id, "cancel", run_id)
    assert run_id in desk.effects.changed
    await desk.report(holder.report(grant, RunState.CANCELLED, reason=Reason.REQUESTED, detail="stopped"))

    run = await desk.run(run_id)
    assert (run.reason, run.detail) == (Reason.REQUESTED, "cancelled by somebody")


async def test_a_run_is_not_claimed_once_somebody_asked_to_cancel_it(desk: Desk) -> None:
    job_id = await desk.job(manual())
    run_id = await desk.ask(job_id)
    await desk.store_request(job_id, "cancel", run_id)

    (answer,) = await desk.claim(Holder().claim(ref(await desk.attempt())))

    assert [one.reason for one in answer.refusals] == ["somebody asked to cancel it"]
    await desk.handle()
    assert (await desk.run(run_id)).state is RunState.CANCELLED


async def test_all_that_waits_of_a_job_is_cancelled_and_nothing_else(stage: Stage) -> None:
    desk = stage.desk
    job_id, other = await desk.job(manual(), **ALLOW), await desk.job(manual())
    going = await desk.ask(job_id)
    await desk.granted(Holder(), await desk.attempt())
    ended = [await desk.ask(job_id), await desk.ask(job_id)]
    kept = await desk.ask(other)

    await ask_to_end_all(desk, job_id)
    await desk.handle()

    assert [(await desk.run(run)).state for run in ended] == [RunState.CANCELLED] * 2
    assert (await desk.run(going)).state is RunState.RUNNING
    assert (await desk.run(kept)).state is RunState.QUEUED
    assert (await desk.requests())[-1].outcome == "all that waited is cancelled"


async def test_held_runs_are_cancelled_with_the_rest_and_later_instants_are_not(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job()
    desk.clock.advance(9)
    await stage.plan()
    await ask_to_end_all(desk, job_id)
    desk.clock.advance(1)
    await desk.ask(job_id)

    await desk.handle()

    first, *_ = await desk.runs(job_id)
    assert first.state is RunState.QUEUED


async def test_between_two_batches_nothing_of_the_rest_starts(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.scheduler.cancelling.BATCH", 2)
    job_id = await desk.job(manual(), **ALLOW)
    await waiting_runs(desk, job_id, 5)
    await ask_to_end_all(desk, job_id)

    await desk.handle()
    rest = [one for one in await desk.attempts() if one.state is RunState.QUEUED]
    (answer,) = await desk.claim(Holder().claim(*(ref(one) for one in rest)))
    assert (len(rest), answer.grants) == (3, ())
    await desk.handle()
    await desk.handle()

    assert {run.state for run in await desk.runs()} == {RunState.CANCELLED}
    assert {one.state for one in await desk.attempts()} == {RunState.CANCELLED}


async def test_ten_thousand_waiting_runs_are_cancelled_by_one_request(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(manual(), **ALLOW)
    await waiting_runs(desk, job_id, 10_000)
    desk.clock.advance(1)
    await ask_to_end_all(desk, job_id)

    await stage.dispatcher._handle_requests()

    assert {run.state for run in await desk.runs()} == {RunState.CANCELLED}
    (answer,) = await desk.claim(Holder().claim(*(ref(one) for one in (await desk.attempts())[:64])))
    assert answer.grants == ()

"""What people ask for: each request has its effect once, and an outcome in words."""

from shared.db import jobs
from shared.domain.ids import JobId, RunId, new_id
from shared.domain.run import Cause, Reason, RunState
from shared.messages.answers import Standing
from shared.messages.envelope import AttemptRef
from tests.integration.scheduler.stage import Desk, Holder, Stage, at, manual


async def outcome(desk: Desk) -> str | None:
    return (await desk.requests())[-1].outcome


async def test_run_now_makes_an_urgent_run_with_the_id_that_was_asked_for(desk: Desk) -> None:
    job_id = await desk.job(manual())
    desk.clock.advance(5)

    run_id = await desk.ask(job_id)

    run, attempt = await desk.run(run_id), await desk.attempt()
    assert (run.cause, run.requested_by, run.number) == (Cause.MANUAL, "somebody", 1)
    assert (run.due_at, run.promise_key, run.schedule_id) == (at(5), None, None)
    assert (attempt.urgent, attempt.due_at, attempt.state) == (True, at(5), RunState.QUEUED)
    assert await outcome(desk) == "queued as #1"
    assert [one.id for one in desk.effects.armed] == [attempt.id]


async def test_a_job_can_be_run_in_the_moment_it_was_made(desk: Desk) -> None:
    job_id = JobId(new_id())
    async with desk.database.ledger.begin() as session:
        from shared.domain.job import Definition

        await jobs.insert(session, job_id, Definition(name="new", script="hello.py"), now=desk.clock.now())

    run_id = await desk.ask(job_id)

    assert (await desk.run(run_id)).state is RunState.QUEUED


async def test_a_request_that_comes_twice_makes_one_run(desk: Desk) -> None:
    job_id = await desk.job(manual(), overlap="allow")

    run_id = await desk.ask(job_id)
    await desk.ask(job_id, run_id=run_id)
    await desk.handle()

    assert len(await desk.runs()) == 1
    assert await outcome(desk) == "done already"


async def test_run_now_works_while_the_job_is_paused(desk: Desk) -> None:
    job_id = await desk.job()
    await desk.pause(job_id)

    run_id = await desk.ask(job_id)
    await desk.granted(Holder(), await desk.attempt())

    assert (await desk.run(run_id)).state is RunState.RUNNING


async def test_run_now_of_a_deleted_job_is_refused_in_words(desk: Desk) -> None:
    job_id = await desk.job(manual())
    await desk.delete(job_id)

    await desk.ask(job_id)

    assert await desk.runs() == []
    assert await outcome(desk) == "refused: the job is deleted. Restore it first."


async def test_run_now_while_another_run_goes_on_is_skipped_and_says_which(desk: Desk) -> None:
    job_id = await desk.job(manual())
    await desk.ask(job_id)
    await desk.granted(Holder(), await desk.attempt())

    run_id = await desk.ask(job_id)

    run = await desk.run(run_id)
    assert (run.state, run.reason, run.detail) == (
        RunState.SKIPPED,
        Reason.OVERLAP,
        "run #1 was still going",
    )
    assert await outcome(desk) == "skipped as #2: run #1 was still going"


async def test_what_is_planned_for_later_does_not_stand_in_the_way_of_run_now(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job()
    desk.clock.advance(9)
    await stage.plan()

    run_id = await desk.ask(job_id)

    assert (await desk.run(run_id)).state is RunState.QUEUED


async def test_a_waiting_run_is_cancelled_at_once(desk: Desk) -> None:
    job_id = await desk.job(manual())
    run_id = await desk.ask(job_id)

    await desk.ask(job_id, "cancel", run_id)

    run = await desk.run(run_id)
    assert (run.state, run.reason) == (RunState.CANCELLED, Reason.REQUESTED)
    assert run.detail == "cancelled by somebody"
    assert (await desk.attempt()).state is RunState.CANCELLED
    assert await outcome(desk) == "cancelled"


async def test_a_running_run_is_asked_to_stop_by_message_and_by_every_renewal(desk: Desk) -> None:
    job_id = await desk.job(manual())
    run_id = await desk.ask(job_id)
    holder = Holder()
    grant = await desk.granted(holder, await desk.attempt())
    held = AttemptRef(grant.attempt_id, grant.token)

    await desk.ask(job_id, "cancel", run_id)

    assert desk.effects.cancels == [(holder.name, held)]
    assert await desk.standing(holder.renewal(held)) is Standing.CANCEL
    assert (await desk.run(run_id)).state is RunState.RUNNING

    await desk.report(holder.report(grant, RunState.CANCELLED, reason=Reason.REQUESTED))
    assert (await desk.run(run_id)).state is RunState.CANCELLED


async def test_a_held_run_can_be_cancelled(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job()
    desk.clock.advance(10)
    await stage.plan()
    await desk.granted(Holder(), await desk.attempt())
    desk.clock.advance(9)
    await stage.plan()
    held = RunId((await desk.runs())[1].id)

    await desk.ask(job_id, "cancel", held)

    assert (await desk.run(held)).state is RunState.CANCELLED


async def test_a_run_that_has_ended_cannot_be_cancelled_any_more(desk: Desk) -> None:
    job_id = await desk.job(manual())
    run_id = await desk.ask(job_id)
    holder = Holder()
    await desk.report(holder.report(await desk.granted(holder, await desk.attempt())))

    await desk.ask(job_id, "cancel", run_id)

    assert await outcome(desk) == "too late: it is succeeded already"
    assert (await desk.run(run_id)).state is RunState.SUCCEEDED


async def test_requests_that_make_no_sense_are_answered_all_the_same(desk: Desk) -> None:
    job_id = await desk.job(manual())

    await desk.ask(job_id, "cancel", RunId(new_id()))
    assert await outcome(desk) == "refused: there is no such run"

    await desk.ask(job_id, "dance")
    assert await outcome(desk) == "refused: this version knows no request 'dance'"

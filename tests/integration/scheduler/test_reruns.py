"""A run that repeats another one: the same instant and arguments, its own run and cause."""

from shared.db.reruns import scope_of
from shared.domain.ids import RunId, new_id
from shared.domain.policy import Overlap
from shared.domain.run import Cause, Reason, RunState
from shared.domain.schedules import Interval
from tests.integration.scheduler.stage import Desk, Holder, Stage, at, manual, seconds
from tests.support.manual_clock import EPOCH

EVERY_MINUTE = Interval(every=seconds(60), anchor=EPOCH)


async def again(desk: Desk, repeats: RunId, args: tuple[str, ...] | None = None) -> RunId:
    """Ask for a run once more, as the ui does; return the id of the new one."""
    (first,) = [run for run in await desk.runs() if run.id == repeats]
    new_run = RunId(new_id())
    await desk.store_request(first.job_id, "rerun", new_run, scope=scope_of(repeats, args))
    await desk.handle()
    return new_run


async def ended(desk: Desk, **fields: object) -> RunId:
    """Let a run that was asked for come to its end."""
    holder = Holder()
    run_id = await desk.ask(await desk.job(manual(), **fields))
    await desk.report(holder.report(await desk.granted(holder, await desk.newest_attempt())))
    return run_id


async def outcome(desk: Desk) -> str | None:
    return (await desk.requests())[-1].outcome


async def test_a_repeated_run_is_urgent_and_says_which_one_it_repeats(desk: Desk) -> None:
    first = await ended(desk, args=("a", "b"))
    desk.clock.advance(100)

    run_id = await again(desk, first)

    run, attempt = await desk.run(run_id), await desk.newest_attempt()
    assert (run.state, run.number, run.rerun_of, run.due_at) == (RunState.QUEUED, 2, first, at(100))
    assert (run.nominal_at, run.args, attempt.urgent) == (at(0), None, True)
    assert (await desk.granted(Holder(), attempt)).args == ("a", "b")
    assert await outcome(desk) == "queued as #2"


async def test_it_is_for_the_instant_of_the_first_one_with_its_schedules_arguments(stage: Stage) -> None:
    desk, holder = stage.desk, Holder()
    job_id = await desk.job(manual(), args=("of", "the job"))
    schedule_id = await desk.add_schedule(job_id, EVERY_MINUTE, args=["of the schedule"])
    desk.clock.advance(60)
    await stage.plan()
    await stage.decide()
    await desk.report(holder.report(await desk.granted(holder, await desk.newest_attempt())))
    desk.clock.advance(5)

    run_id = await again(desk, RunId((await desk.runs())[0].id))

    run = await desk.run(run_id)
    assert (run.nominal_at, run.due_at, run.schedule_id) == (at(60), at(65), schedule_id)
    assert run.promise_key is None
    assert (await desk.granted(holder, await desk.newest_attempt())).args == ("of the schedule",)


async def test_other_arguments_are_its_own_and_go_on_to_what_repeats_it(desk: Desk) -> None:
    first = await ended(desk, args=("a",), overlap=Overlap.ALLOW)

    second = await again(desk, first, ())
    with_none = await desk.granted(Holder(), await desk.newest_attempt())
    third = await again(desk, await again(desk, first, ("x y",)))
    with_others = await desk.granted(Holder(), await desk.newest_attempt())

    assert (with_none.run_id, with_none.args) == (second, ())
    assert (with_others.run_id, with_others.args) == (third, ("x y",))


async def test_a_request_to_repeat_that_comes_twice_makes_one_run(desk: Desk) -> None:
    first = await ended(desk)
    run_id = await again(desk, first)

    await desk.store_request((await desk.run(first)).job_id, "rerun", run_id, scope=scope_of(first, None))
    await desk.handle()

    assert len(await desk.runs()) == 2
    assert await outcome(desk) == "done already"


async def test_overlap_is_obeyed(desk: Desk) -> None:
    first = await desk.ask(await desk.job(manual(), overlap=Overlap.SKIP))

    run_id = await again(desk, first)

    run = await desk.run(run_id)
    assert (run.state, run.reason, run.rerun_of) == (RunState.SKIPPED, Reason.OVERLAP, first)


async def test_one_that_waits_for_another_keeps_its_arguments(desk: Desk) -> None:
    holder = Holder()
    first = await desk.ask(await desk.job(manual(), overlap=Overlap.QUEUE_ONE))
    grant = await desk.granted(holder, await desk.newest_attempt())
    run_id = await again(desk, first, ("later",))
    assert (await desk.run(run_id)).state is RunState.HELD

    await desk.report(holder.report(grant))

    attempt = await desk.newest_attempt()
    assert ((await desk.granted(holder, attempt)).args, attempt.urgent) == (("later",), True)


async def test_it_runs_while_its_job_is_paused_and_not_once_it_is_deleted(desk: Desk) -> None:
    first = await ended(desk)
    job_id = (await desk.run(first)).job_id
    await desk.pause(job_id)
    run_id = await again(desk, first)
    assert (await desk.granted(Holder(), await desk.newest_attempt())).run_id == run_id

    await desk.delete(job_id)
    await again(desk, first)

    assert await outcome(desk) == "refused: the job is deleted. Restore it first."


async def test_what_is_not_there_or_is_no_single_run_is_not_repeated(stage: Stage) -> None:
    desk = stage.desk
    job_id = await desk.job(EVERY_MINUTE)
    await desk.store_request(job_id, "rerun", RunId(new_id()), scope=scope_of(RunId(new_id()), None))
    await desk.handle()
    assert "not in the ledger any more" in (await outcome(desk) or "")
    desk.clock.advance(7_200)
    await stage.plan()
    (many,) = [run for run in await desk.runs() if run.instants > 1]

    await again(desk, RunId(many.id))

    assert await outcome(desk) == (
        "refused: many missed instants are no run to repeat. Run them after the fact."
    )
    assert {run.cause for run in await desk.runs()} == {Cause.SCHEDULE}

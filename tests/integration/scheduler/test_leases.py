"""Renewals and reports: who may go on, what is settled, and what is never overwritten."""

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import update

from services.scheduler.leases import STATE_KEPT
from shared.db import jobs
from shared.db.facts import store_fact
from shared.db.retention import LOOKED_AT
from shared.db.tables import JobRow
from shared.domain.errors import MalformedMessage
from shared.domain.ids import AttemptId, JobId, new_id
from shared.domain.job import OnLost
from shared.domain.run import Reason, RunState
from shared.messages.answers import Grant, Standing
from shared.messages.envelope import AttemptRef
from shared.messages.events import Usage
from shared.messages.signing import verified
from tests.integration.scheduler.stage import KEY, Desk, Holder, at, manual


async def running(desk: Desk, holder: Holder, **fields: object) -> Grant:
    """Let this executor run something."""
    await desk.ask(await desk.job(manual(), **fields))
    return await desk.granted(holder, await desk.newest_attempt())


def held(grant: Grant) -> AttemptRef:
    return AttemptRef(grant.attempt_id, grant.token)


async def lost(desk: Desk, holder: Holder, grant: Grant) -> None:
    await desk.report(holder.report(grant, RunState.LOST, reason=Reason.SILENT))


async def forgotten(desk: Desk, holder: Holder) -> None:
    """Let the ledger take all of this executor's attempts for lost, unsettled."""
    desk.clock.advance(31)
    await desk.renew(holder.renewal(beat=3, heard=desk.clock.now()))


async def test_a_renewal_keeps_what_it_names_and_describes_the_executor(desk: Desk) -> None:
    holder = Holder()
    grant = await running(desk, holder)
    desk.clock.advance(5)

    assert await desk.standing(holder.renewal(held(grant), beat=7)) is Standing.RENEWED

    row = await desk.executor()
    assert (row.boot, row.beat_seq, row.busy, row.slots, row.online) == (holder.boot, 7, 1, 4, True)
    assert row.last_seen_at == at(5)


async def test_what_is_still_being_prepared_may_end_as_much_later_as_it_starts(desk: Desk) -> None:
    holder = Holder()
    grant = await running(desk, holder)
    first = (await desk.newest_attempt()).may_run_until
    desk.clock.advance(60)
    async with desk.database.ledger.begin() as session:  # the job's new limits are not those it was granted
        await session.execute(update(JobRow).values(timeout_s=1, kill_grace_s=0, on_lost=OnLost.RETRY))

    await desk.renew(replace(holder.renewal(held(grant)), preparing=(grant.attempt_id,)))
    prepared = (await desk.newest_attempt()).may_run_until
    desk.clock.advance(60)
    await desk.renew(holder.renewal(held(grant), beat=2))

    (answer,) = await desk.claim(replace(holder.claim(held(grant)), claim_id=grant.claim_id))
    assert verified(answer.grants[0], KEY) == grant  # asked again: the same
    assert prepared - first == timedelta(seconds=60)
    assert (await desk.newest_attempt()).may_run_until == prepared


async def test_what_is_given_back_unstarted_after_it_was_taken_for_lost_runs_after_all(desk: Desk) -> None:
    holder = Holder()
    grant = await running(desk, holder)
    await forgotten(desk, holder)
    (lost_run,) = await desk.states()

    for _ in range(2):  # its answer may be lost
        await desk.release(holder.release(held(grant)))

    again = await desk.newest_attempt()
    assert lost_run == (RunState.LOST, Reason.EXECUTOR_GONE)
    assert await desk.states() == [(RunState.QUEUED, None)]
    assert (again.state, again.token, again.finished_at) == (RunState.QUEUED, grant.token + 1, None)


async def test_an_overtaken_renewal_does_not_turn_the_beat_back(desk: Desk) -> None:
    holder = Holder()
    await desk.renew(holder.renewal(beat=9))

    await desk.renew(holder.renewal(beat=8))

    assert (await desk.executor()).beat_seq == 9


async def test_an_executor_that_says_it_leaves_has_left_at_once(desk: Desk) -> None:
    holder = Holder()
    await desk.renew(holder.renewal())

    await desk.renew(replace(holder.renewal(beat=2), leaving=True))

    row = await desk.executor()
    assert (row.online, row.draining) == (False, True)
    assert desk.effects.executors[-1].has_left


async def test_an_earlier_word_that_comes_late_does_not_bring_back_who_left(desk: Desk) -> None:
    holder = Holder()
    await desk.renew(replace(holder.renewal(beat=2), leaving=True))

    await desk.renew(holder.renewal(beat=1))

    row = await desk.executor()
    assert (row.online, row.draining, row.beat_seq) == (False, True, 2)


async def test_who_left_and_starts_again_is_online(desk: Desk) -> None:
    await desk.renew(replace(Holder().renewal(), leaving=True))

    await desk.renew(Holder(started_at=at(60)).renewal())

    row = await desk.executor()
    assert (row.online, row.draining) == (True, False)


async def test_who_leaves_still_hears_what_becomes_of_its_reports(desk: Desk) -> None:
    holder = Holder()
    grant = await running(desk, holder)

    asking = replace(holder.renewal(unsettled=[held(grant)]), leaving=True)

    assert await desk.standing(asking) is Standing.REPORT


async def test_who_holds_an_older_token_is_revoked(desk: Desk) -> None:
    holder = Holder()
    grant = await running(desk, holder)
    await desk.release(holder.release(held(grant)))

    assert await desk.standing(holder.renewal(held(grant))) is Standing.REVOKED


async def test_what_nobody_ever_queued_is_revoked(desk: Desk) -> None:
    unknown = AttemptRef(AttemptId(new_id()), 1)

    assert await desk.standing(Holder().renewal(unknown)) is Standing.REVOKED


async def test_an_older_boot_is_revoked_and_describes_nothing(desk: Desk) -> None:
    old, new = Holder(), Holder(started_at=at(60))
    grant = await running(desk, old)
    await desk.renew(new.renewal())

    assert await desk.standing(old.renewal(held(grant), beat=99)) is Standing.REVOKED
    assert (await desk.executor()).boot == new.boot


async def test_a_new_boot_cannot_renew_what_the_older_one_held(desk: Desk) -> None:
    old, new = Holder(), Holder(started_at=at(60))
    grant = await running(desk, old)

    assert await desk.standing(new.renewal(held(grant))) is Standing.REVOKED


async def test_a_lost_attempt_that_its_holder_renews_is_running_again(desk: Desk) -> None:
    holder = Holder()
    grant = await running(desk, holder)
    await forgotten(desk, holder)
    assert await desk.states() == [(RunState.LOST, Reason.EXECUTOR_GONE)]

    assert await desk.standing(holder.renewal(held(grant), beat=4)) is Standing.RENEWED

    run, attempt = (await desk.runs())[0], await desk.attempt()
    assert (run.state, run.reason, run.finished_at) == (RunState.RUNNING, None, None)
    assert attempt.state is RunState.RUNNING


async def test_a_lost_attempt_that_was_followed_by_another_is_revoked(desk: Desk) -> None:
    holder = Holder()
    grant = await running(desk, holder, on_lost="retry")
    await forgotten(desk, holder)
    assert [one.number for one in await desk.attempts()] == [1, 2]

    assert await desk.standing(holder.renewal(held(grant), beat=4)) is Standing.REVOKED


async def test_an_attempt_its_executor_does_not_name_is_lost_only_after_its_claim_has_aged(
    desk: Desk,
) -> None:
    holder = Holder()
    await running(desk, holder)
    desk.clock.advance(29)
    await desk.renew(holder.renewal(beat=3, heard=at(29)))
    assert await desk.states() == [(RunState.RUNNING, None)]

    desk.clock.advance(2)
    await desk.renew(holder.renewal(beat=4, heard=at(31)))

    assert await desk.states() == [(RunState.LOST, Reason.EXECUTOR_GONE)]


@pytest.mark.parametrize("heard", [None, at(-5)], ids=["nothing heard", "heard before"])
async def test_a_renewal_from_before_the_claim_says_nothing_about_it_however_late_it_comes(
    desk: Desk, heard: datetime | None
) -> None:
    holder = Holder()
    await running(desk, holder)
    desk.clock.advance(40)

    await desk.renew(holder.renewal(beat=9, heard=heard))

    assert await desk.states() == [(RunState.RUNNING, None)]


async def test_a_report_is_asked_for_until_it_is_applied(desk: Desk) -> None:
    holder = Holder()
    grant = await running(desk, holder)
    asking = holder.renewal(unsettled=[held(grant)])
    assert await desk.standing(asking) is Standing.REPORT

    await desk.report(holder.report(grant))

    assert await desk.standing(asking) is Standing.SETTLED


async def test_a_restarted_executor_reports_what_its_older_boot_left(desk: Desk) -> None:
    old, new = Holder(), Holder(started_at=at(60))
    grant = await running(desk, old)
    asking = new.renewal(unsettled=[held(grant)])
    assert await desk.standing(asking) is Standing.REPORT

    await desk.report(old.report(grant, RunState.LOST, reason=Reason.EXECUTOR_GONE))

    assert await desk.standing(asking) is Standing.SETTLED
    assert await desk.states() == [(RunState.LOST, Reason.EXECUTOR_GONE)]


async def test_a_report_with_nobody_to_read_it_is_settled(desk: Desk) -> None:
    unknown = AttemptRef(AttemptId(new_id()), 1)

    assert await desk.standing(Holder().renewal(unsettled=[unknown])) is Standing.SETTLED


async def test_a_report_ends_attempt_and_run_with_all_its_figures(desk: Desk) -> None:
    holder = Holder()
    grant = await running(desk, holder)

    assert await desk.report(
        holder.report(
            grant,
            RunState.FAILED,
            exit_code=3,
            started_at=at(1),
            finished_at=at(4),
            duration_ms=2_950,
            cpu_ms=40,
            peak_memory_bytes=9_000_000,
            usage=Usage(step_ms=250, memory_kb=(8_000, 9_000), cpu_ms=(40, 0)),
            last_seq=2,
            stdout_bytes=10,
            stderr_bytes=20,
            detail="exit code 3",
        )
    )

    (run,), attempt = await desk.runs(), await desk.attempt()
    assert (run.state, run.exit_code, run.duration_ms, run.detail) == (
        RunState.FAILED,
        3,
        2_950,
        "exit code 3",
    )
    assert (run.started_at, run.finished_at) == (at(1), at(4))
    assert (attempt.settled, attempt.cpu_ms, attempt.peak_memory_bytes, attempt.last_seq) == (
        True,
        40,
        9_000_000,
        2,
    )
    assert attempt.usage == {
        "step_ms": 250,
        "memory_kb": [8_000, 9_000],
        "cpu_ms": [40, 0],
        "memory_limit_bytes": None,
    }
    ledger = await desk.ledger_of(grant.job_id)
    assert (ledger.last_run_id, ledger.last_state, ledger.last_finished_at) == (
        run.id,
        RunState.FAILED,
        at(4),
    )


async def test_a_script_that_is_not_there_fails_the_run_with_what_was_wrong(desk: Desk) -> None:
    holder = Holder()
    grant = await running(desk, holder)

    await desk.report(
        holder.report(grant, RunState.FAILED, reason=Reason.START_ERROR, detail="there is no script gone.py")
    )

    (run,) = await desk.runs()
    assert (run.state, run.reason, run.detail, run.started_at) == (
        RunState.FAILED,
        Reason.START_ERROR,
        "there is no script gone.py",
        None,
    )


async def test_a_late_report_corrects_a_lost_run_and_says_so(desk: Desk) -> None:
    holder = Holder()
    grant = await running(desk, holder)
    await forgotten(desk, holder)

    await desk.report(holder.report(grant))

    assert await desk.states() == [(RunState.SUCCEEDED, Reason.LATE)]
    assert (await desk.ledger_of(grant.job_id)).last_state is RunState.SUCCEEDED


async def test_a_repeated_report_changes_nothing(desk: Desk) -> None:
    holder = Holder()
    grant = await running(desk, holder)
    await desk.report(holder.report(grant))

    assert not await desk.report(holder.report(grant, RunState.FAILED))

    assert await desk.states() == [(RunState.SUCCEEDED, None)]


async def test_a_report_of_an_older_token_changes_nothing(desk: Desk) -> None:
    holder = Holder()
    grant = await running(desk, holder)
    await desk.release(holder.release(held(grant)))
    await desk.granted(Holder(), await desk.attempt())

    assert not await desk.report(holder.report(grant, RunState.FAILED))

    assert await desk.states() == [(RunState.RUNNING, None)]


async def test_a_late_word_on_an_older_attempt_leaves_the_run_to_the_newer_one(desk: Desk) -> None:
    holder = Holder()
    grant = await running(desk, holder, on_lost="retry")
    await forgotten(desk, holder)
    second = await desk.granted(Holder(), await desk.newest_attempt())

    await desk.report(holder.report(grant, RunState.FAILED))

    first, newest = await desk.attempts()
    assert (first.state, first.settled) == (RunState.FAILED, True)
    assert newest.state is RunState.RUNNING
    assert await desk.states() == [(RunState.RUNNING, None)]
    assert second.number == 2


async def test_a_late_success_spares_the_attempt_that_nobody_has_claimed_yet(desk: Desk) -> None:
    holder = Holder()
    grant = await running(desk, holder, on_lost="retry")
    await forgotten(desk, holder)

    await desk.report(holder.report(grant))

    first, second = await desk.attempts()
    assert (first.state, second.state) == (RunState.SUCCEEDED, RunState.CANCELLED)
    (run,) = await desk.runs()
    assert (run.state, run.reason, run.attempt) == (RunState.SUCCEEDED, Reason.LATE, 1)


async def test_an_end_that_is_none_is_refused(desk: Desk) -> None:
    holder = Holder()
    grant = await running(desk, holder)

    with pytest.raises(MalformedMessage):
        await desk.report(holder.report(grant, RunState.QUEUED))


async def test_a_lost_run_that_may_be_tried_again_waits_with_its_next_attempt(desk: Desk) -> None:
    holder = Holder()
    grant = await running(desk, holder, on_lost="retry")
    desk.effects.armed.clear()

    await lost(desk, holder, grant)

    (run,) = await desk.runs()
    first, second = await desk.attempts()
    assert (run.state, run.attempt, run.finished_at) == (RunState.QUEUED, 2, None)
    assert (first.state, second.state, second.number, second.token) == (
        RunState.LOST,
        RunState.QUEUED,
        2,
        1,
    )
    assert [one.id for one in desk.effects.armed] == [second.id]


async def test_a_run_that_takes_every_executor_down_is_not_tried_for_ever(desk: Desk) -> None:
    holder = Holder()
    grant = await running(desk, holder, on_lost="retry")

    for _ in range(4):
        await lost(desk, holder, grant)
        grant = await desk.granted(holder, await desk.newest_attempt())
    await lost(desk, holder, grant)

    assert len(await desk.attempts()) == 5
    assert [state for state, _ in await desk.states()] == [RunState.LOST]


async def test_an_older_end_does_not_hide_the_newer_one_in_the_jobs_list(desk: Desk) -> None:
    holder = Holder()
    job_id = await desk.job(manual(), overlap="allow")
    await desk.ask(job_id)
    first = await desk.granted(holder, await desk.newest_attempt())
    await desk.ask(job_id)
    second = await desk.granted(holder, await desk.newest_attempt())
    await desk.report(holder.report(second, RunState.FAILED, finished_at=at(20)))

    await desk.report(holder.report(first, finished_at=at(10)))

    assert (await desk.ledger_of(job_id)).last_state is RunState.FAILED


async def test_the_folders_go_of_jobs_that_were_deleted_long_ago_and_of_no_others(desk: Desk) -> None:
    deleted, restored, recent, lives = [await desk.job(manual()) for _ in range(4)]
    for job in (deleted, restored):
        await desk.delete(job)
    await desk.change(restored, jobs.mark_restored)
    desk.clock.advance(1)
    await desk.delete(recent)
    desk.clock.advance(STATE_KEPT.total_seconds())
    unknown = JobId(new_id())

    asked = replace(Holder().renewal(), states=(deleted, restored, recent, lives, unknown))
    answers = []
    # By the time up to which old runs are removed: a clock that was set ahead counts for nothing.
    for looked_at in (desk.clock.now() - timedelta(days=1), desk.clock.now()):
        async with desk.database.ledger.begin() as session:
            await store_fact(session, LOOKED_AT, looked_at.isoformat())
        answers.append((await desk.renew(asked)).gone)

    assert answers == [(), (deleted,)]

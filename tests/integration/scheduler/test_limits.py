"""Shared limits on a real ledger: never more at once than may be, oldest first, and no place is ever lost."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.endings import Ending, apply_report, lose_attempt
from services.scheduler.ledger import Effects
from services.scheduler.limiting import Doorkeeper
from shared.db import limits
from shared.db.attempts import attempts_by_id, mark_published
from shared.db.holds import begin_hold
from shared.db.jobs import JobHead, set_paused
from shared.db.limits import Limit, set_maximum
from shared.db.tables import AttemptRow, JobRow
from shared.domain.holds import Hold, HoldKind
from shared.domain.ids import AttemptId, JobId, RunId
from shared.domain.job import OnLost
from shared.domain.policy import Policy
from shared.domain.retry import RetryRule
from shared.domain.run import Reason, RunState
from shared.messages.answers import Grant
from shared.messages.envelope import AttemptRef
from shared.messages.topology import due_queue
from tests.integration.scheduler.stage import ALLOW, Desk, Holder, Stage, manual, ref, seconds
from tests.support.eventually import until

KEY = "warehouse-db"
HOLDER = Holder()
FULL = f"shared limit {KEY} is full: 1 of 1 in use"
SHARED: dict[str, Any] = {**ALLOW, "limit_key": KEY}


async def asked(desk: Desk, **fields: Any) -> AttemptRow:
    """Return the attempt of a run now of a new job under the key."""
    await desk.ask(await desk.job(manual(), **SHARED | fields))
    desk.clock.advance(1)
    return await desk.newest_attempt()


async def refusal(desk: Desk, attempt: AttemptRow) -> str:
    (answer,) = await desk.claim(HOLDER.claim(ref(attempt)))
    (only,) = answer.refusals
    return only.reason


async def now_of(desk: Desk, attempt: AttemptRow) -> AttemptRow:
    (same,) = [one for one in await desk.attempts() if one.id == attempt.id]
    return same


async def let_in(stage: Stage) -> list[AttemptRow]:
    """Let the doorkeeper look, and return what it wants published anew."""
    agenda, now = stage.ledger.attempts, stage.desk.clock.now()
    agenda.take_due(now, limit=100)
    await Doorkeeper(stage.ledger).look()
    attempts = {one.id: one for one in await stage.desk.attempts()}
    return [attempts[one.id] for one in agenda.take_due(now, limit=100)]


async def maximum(desk: Desk, count: int) -> None:
    one = Limit(key=KEY, maximum=count, set_by="ann", set_at=desk.clock.now())
    await desk.do(lambda session, _: set_maximum(session, one))


async def test_jobs_that_share_a_key_take_turns_and_the_oldest_goes_first(stage: Stage) -> None:
    desk = stage.desk
    first, second, third = [await asked(desk) for _ in range(3)]
    grant = await desk.granted(HOLDER, first)

    assert [await refusal(desk, one) for one in (third, second)] == [FULL, FULL]
    assert await let_in(stage) == []
    await desk.report(HOLDER.report(grant))

    (let,) = await let_in(stage)
    assert (let.id, let.token) == (second.id, 2)
    # The place is kept for the one that was let in, whoever comes meanwhile.
    newcomer = await asked(desk)
    for other in (await now_of(desk, third), newcomer):
        assert await refusal(desk, other) == f"others wait longer for shared limit {KEY}"
    await desk.granted(HOLDER, let)
    assert await let_in(stage) == []


async def test_in_one_claim_no_more_are_granted_than_places_are_free(desk: Desk) -> None:
    await maximum(desk, 2)
    attempts = [await asked(desk) for _ in range(4)]

    (answer,) = await desk.claim(HOLDER.claim(*map(ref, attempts)))

    assert [one.reason for one in answer.refusals] == [f"shared limit {KEY} is full: 2 of 2 in use"] * 2
    # Asked again under the same claim, a grant is given again: it takes no further place.
    assert len(answer.grants) == 2


async def test_what_is_urgent_goes_first(stage: Stage) -> None:
    desk = stage.desk
    grant = await desk.granted(HOLDER, await asked(desk))
    await desk.job(**SHARED)
    desk.clock.advance(10)
    await stage.plan()
    scheduled = next(one for one in await desk.attempts() if not one.urgent)
    desk.clock.advance(10)
    urgent = await asked(desk)
    for one in (scheduled, urgent):
        await refusal(desk, one)

    await desk.report(HOLDER.report(grant))

    assert [one.id for one in await let_in(stage)] == [urgent.id]


async def _reported(desk: Desk, grant: Grant) -> None:
    await desk.report(HOLDER.report(grant, RunState.FAILED, exit_code=1))


async def _released(desk: Desk, grant: Grant) -> None:
    await desk.release(HOLDER.release(AttemptRef(grant.attempt_id, grant.token)))
    assert next(one for one in await desk.attempts() if one.id == grant.attempt_id).limit_key is None


async def _lost(desk: Desk, grant: Grant) -> None:
    attempts = await desk.do(lambda session, _: attempts_by_id(session, {grant.attempt_id}))
    ending = Ending(state=RunState.LOST, reason=Reason.SILENT, detail="", finished_at=desk.clock.now())
    assert await desk.do(lambda s, e: lose_attempt(s, e, attempts[grant.attempt_id], ending))


async def _lost_and_over(desk: Desk, grant: Grant) -> None:
    await _lost(desk, grant)
    assert await room(desk) == 0
    desk.clock.advance(grant.timeout_s + grant.kill_grace_s + 20)


async def _lost_and_dead(desk: Desk, grant: Grant) -> None:
    await _lost(desk, grant)
    await desk.report(HOLDER.report(grant, RunState.LOST, reason=Reason.EXECUTOR_GONE))


async def _cancelled(desk: Desk, grant: Grant) -> None:
    job_id = next(run.job_id for run in await desk.runs() if run.id == grant.run_id)
    await desk.ask(JobId(job_id), "cancel", grant.run_id)
    await desk.report(HOLDER.report(grant, RunState.CANCELLED, reason=Reason.REQUESTED))


async def _deleted_and_ended(desk: Desk, grant: Grant) -> None:
    await desk.delete(grant.job_id)
    assert await room(desk) == 0
    await desk.report(HOLDER.report(grant))


async def _edited_and_ended(desk: Desk, grant: Grant) -> None:
    await name_key(desk, grant.job_id, "another")
    assert await room(desk) == 0
    await desk.report(HOLDER.report(grant))


async def room(desk: Desk) -> int:
    """Return how many of the key's line may go now."""
    now = desk.clock.now()
    return len(await desk.do(lambda session, _: limits.let_in(session, but_of=(), now=now)))


async def name_key(desk: Desk, job_id: JobId, key: str | None) -> None:
    async def change(session: Any, head: JobHead, *, now: Any) -> bool:
        await session.execute(update(JobRow).where(JobRow.id == job_id).values(limit_key=key))
        return await set_paused(session, head, head.paused_at, now=now)

    await desk.change(job_id, change)


WAYS = [
    (_reported, OnLost.FAIL),
    (_released, OnLost.FAIL),
    (_lost, OnLost.RETRY),
    (_lost_and_over, OnLost.FAIL),
    (_lost_and_dead, OnLost.FAIL),
    (_cancelled, OnLost.FAIL),
    (_deleted_and_ended, OnLost.FAIL),
    (_edited_and_ended, OnLost.FAIL),
]


@pytest.mark.parametrize(("way", "on_lost"), WAYS, ids=[way.__name__[1:] for way, _ in WAYS])
async def test_every_way_in_which_an_attempt_ends_frees_its_place(
    desk: Desk, way: Callable[[Desk, Grant], Awaitable[None]], on_lost: OnLost
) -> None:
    grant = await desk.granted(HOLDER, await asked(desk, on_lost=on_lost))
    waiting = await asked(desk)
    assert await refusal(desk, waiting) == FULL
    desk.effects.has_room = False

    await way(desk, grant)

    assert desk.effects.has_room
    assert await room(desk) == 1
    await desk.granted(HOLDER, await now_of(desk, waiting))


async def test_the_end_of_one_wakes_who_lets_in_the_next(stage: Stage) -> None:
    desk = stage.desk
    grant = await desk.granted(HOLDER, await asked(desk))
    await refusal(desk, await asked(desk))

    async def end(session: AsyncSession, effects: Effects) -> bool:
        (attempt,) = (await attempts_by_id(session, {grant.attempt_id})).values()
        return await apply_report(session, effects, attempt, HOLDER.report(grant), now=desk.clock.now())

    async with asyncio.TaskGroup() as group:
        loop = group.create_task(Doorkeeper(stage.ledger).run())
        await until(lambda: bool(desk.clock._sleepers))  # it has looked, and no time passes
        assert stage.ledger.attempts.next_at is None
        await stage.ledger.write(end)
        await until(lambda: stage.ledger.attempts.next_at is not None)
        loop.cancel()


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_no_claim_sorts_the_line(desk: Desk) -> None:
    async with desk.database.reading() as session:
        line = limits._LINE.params(key=KEY, but_of=["heavy"], since=desk.clock.now(), most=1)
        compiled = line.compile(session.get_bind(), compile_kwargs={"render_postcompile": True})
        connection = await session.connection()
        plan = await connection.exec_driver_sql(
            f"EXPLAIN QUERY PLAN {compiled}", (None,) * str(compiled).count("?")
        )
        steps = [step.detail for step in plan]

    assert any("USING INDEX ix_attempts_line (state=? AND limit_key=?)" in step for step in steps), steps
    assert not any("ORDER BY" in step for step in steps), steps


async def test_who_leaves_the_head_of_the_line_wakes_the_next(desk: Desk) -> None:
    await desk.granted(HOLDER, await asked(desk))
    waiting = await asked(desk)
    await refusal(desk, waiting)
    desk.effects.has_room = False

    await desk.ask(JobId(waiting.job_id), "cancel", RunId(waiting.run_id))

    assert desk.effects.has_room
    assert (await now_of(desk, waiting)).state is RunState.CANCELLED


async def test_a_place_is_not_kept_for_ever_for_one_that_nobody_claims(stage: Stage) -> None:
    desk = stage.desk
    grant = await desk.granted(HOLDER, await asked(desk))
    first, second = await asked(desk, pool="heavy"), await asked(desk)
    for one in (first, second):
        await refusal(desk, one)
    await desk.report(HOLDER.report(grant))
    (let,) = await let_in(stage)
    await desk.do(lambda session, _: mark_published(session, [(AttemptId(let.id), 2, desk.clock.now())]))
    assert await let_in(stage) == []

    desk.clock.advance(5)

    assert [one.id for one in await let_in(stage)] == [second.id]
    await desk.granted(HOLDER, await now_of(desk, second))
    # Its message waits for a slot of its pool. Should it come now, it waits at the head of the line again.
    assert await refusal(desk, await now_of(desk, first)) == FULL


async def spoil_queue(stage: Stage, pool: str) -> None:
    """Make the pool's queue as somebody may by hand: nothing gets into it, and it cannot be declared."""
    async with stage.broker.consuming.channel() as channel:
        queue = due_queue(pool, urgent=True)
        await channel.declare_queue(queue.name, durable=True, arguments={"x-max-length": 10})


async def test_what_cannot_be_published_is_in_the_agenda_once(stage: Stage) -> None:
    desk, agenda = stage.desk, stage.ledger.attempts
    await spoil_queue(stage, "heavy")
    grant = await desk.granted(HOLDER, await asked(desk))
    first = await asked(desk, pool="heavy")
    await refusal(desk, first)
    await desk.report(HOLDER.report(grant))
    agenda.take_due(desk.clock.now(), limit=100)
    keeper = Doorkeeper(stage.ledger)

    for _ in range(3):
        await keeper.look()
        await stage.publish_due()
        desk.clock.advance(3)
        await stage.relay.sweep(due_by=desk.clock.now() - seconds(2))

    assert [one.id for one in agenda.take_due(desk.clock.now(), limit=100)] == [first.id]


async def test_what_was_let_in_by_a_scheduler_that_died_is_said_by_a_sweep(stage: Stage) -> None:
    desk = stage.desk
    grant = await desk.granted(HOLDER, await asked(desk))
    first = await asked(desk)
    await refusal(desk, first)
    await desk.report(HOLDER.report(grant))
    assert [one.id for one in await let_in(stage)] == [first.id]

    desk.clock.advance(3)
    await stage.relay.sweep(due_by=desk.clock.now() - seconds(2))

    (again,) = stage.ledger.attempts.take_due(desk.clock.now(), limit=100)
    assert (again.id, again.token, again.publish_count) == (first.id, 2, 1)


async def test_a_place_is_not_kept_for_ever_for_one_that_cannot_be_published(stage: Stage) -> None:
    desk = stage.desk
    grant = await desk.granted(HOLDER, await asked(desk))
    first, second = await asked(desk, pool="heavy"), await asked(desk)
    for one in (first, second):
        await refusal(desk, one)
    await desk.report(HOLDER.report(grant))
    assert [one.id for one in await let_in(stage)] == [first.id]

    desk.clock.advance(4)
    assert await let_in(stage) == []
    desk.clock.advance(1)

    assert [one.id for one in await let_in(stage)] == [second.id]
    await desk.granted(HOLDER, await now_of(desk, second))


async def test_nothing_is_kept_for_what_a_paused_pool_holds_back(stage: Stage) -> None:
    desk = stage.desk
    grant = await desk.granted(HOLDER, await asked(desk))
    first, second = await asked(desk, pool="heavy"), await asked(desk)
    for one in (first, second):
        await refusal(desk, one)
    pause = Hold(kind=HoldKind.POOL, subject="heavy", begun_at=desk.clock.now(), begun_by="ann")
    await desk.do(lambda session, _: begin_hold(session, pause))

    await desk.report(HOLDER.report(grant))

    assert [one.id for one in await let_in(stage)] == [second.id]


async def test_what_waits_in_line_is_not_published_by_a_sweep(stage: Stage) -> None:
    desk = stage.desk
    await desk.granted(HOLDER, await asked(desk))
    await refusal(desk, await asked(desk))
    stage.ledger.attempts.take_due(desk.clock.now(), limit=10)

    await stage.relay.sweep(due_by=desk.clock.now())

    assert stage.ledger.attempts.next_at is None


async def test_a_scheduled_run_that_waited_long_for_its_place_still_runs(stage: Stage) -> None:
    desk = stage.desk
    grant = await desk.granted(HOLDER, await asked(desk, timeout=seconds(3_600)))
    await desk.job(**SHARED)
    desk.clock.advance(10)
    await stage.plan()
    await stage.publish_due()
    waiting = await desk.newest_attempt()
    await refusal(desk, waiting)
    desk.clock.advance(300)
    await stage.plan()
    await desk.report(HOLDER.report(grant))

    await Doorkeeper(stage.ledger).look()
    await stage.publish_due()

    (same,) = [run for run in await desk.runs() if run.id == waiting.run_id]
    assert same.state is RunState.QUEUED
    await desk.granted(HOLDER, await now_of(desk, waiting))


async def test_a_lowered_maximum_lets_what_runs_run_on_and_a_raised_one_lets_others_in(stage: Stage) -> None:
    desk = stage.desk
    await maximum(desk, 2)
    first, second = [await desk.granted(HOLDER, await asked(desk)) for _ in range(2)]
    await maximum(desk, 1)
    waiting = await asked(desk)
    assert await refusal(desk, waiting) == f"shared limit {KEY} is full: 2 of 1 in use"

    await desk.report(HOLDER.report(first))
    assert await let_in(stage) == []
    await maximum(desk, 2)

    assert [one.id for one in await let_in(stage)] == [waiting.id]
    await desk.report(HOLDER.report(second))


@pytest.mark.parametrize("key", [None, "another"])
async def test_a_job_that_names_the_key_no_more_waits_for_it_no_more(stage: Stage, key: str | None) -> None:
    desk = stage.desk
    await desk.granted(HOLDER, await asked(desk))
    waiting = await asked(desk)
    await refusal(desk, waiting)

    await name_key(desk, JobId(waiting.job_id), key)

    assert [one.id for one in await let_in(stage)] == [waiting.id]
    await desk.granted(HOLDER, await now_of(desk, waiting))
    assert (await now_of(desk, waiting)).limit_key == key


async def test_a_lost_attempt_that_comes_back_counts_again_beyond_the_maximum_if_need_be(
    desk: Desk,
) -> None:
    lost = await desk.granted(HOLDER, await asked(desk))
    await _lost_and_over(desk, lost)
    await desk.granted(HOLDER, await asked(desk))

    await desk.renew(HOLDER.renewal(AttemptRef(lost.attempt_id, lost.token)))

    assert await refusal(desk, await asked(desk)) == f"shared limit {KEY} is full: 2 of 1 in use"


async def test_each_next_attempt_waits_for_a_place_of_its_own(stage: Stage) -> None:
    desk = stage.desk
    again = Policy(retry=RetryRule(retries=1, delay=seconds(0)))
    grant = await desk.granted(HOLDER, await asked(desk, policy=again))
    waiting = await asked(desk)
    await refusal(desk, waiting)

    await desk.report(HOLDER.report(grant, RunState.FAILED, exit_code=1))
    second = await desk.newest_attempt()

    assert second.number == 2
    assert await refusal(desk, second) == f"others wait longer for shared limit {KEY}"
    assert [one.id for one in await let_in(stage)] == [waiting.id]

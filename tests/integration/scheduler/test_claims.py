"""Claims: an attempt is granted once, to one executor, under one claim."""

import asyncio
from collections import Counter

import pytest
from msgspec.structs import replace

from services.scheduler.claims import PREFETCH, Claims
from shared.broker import Consumer, Publisher, Requests
from shared.db.attempts import Claimant, attempts_by_id, claim_attempt
from shared.domain.errors import ForgedGrant
from shared.domain.ids import AttemptId, BootId, ClaimId, ExecutorName, new_id
from shared.domain.run import Reason, RunState
from shared.messages.answers import ClaimAnswer
from shared.messages.envelope import AttemptRef
from shared.messages.signing import verified
from shared.messages.topology import CLAIMS
from tests.integration.scheduler.stage import KEY, Desk, Holder, Stage, at, manual, ref, seconds


async def test_a_claim_starts_the_run_and_grants_all_that_is_needed(desk: Desk) -> None:
    job_id = await desk.job(manual(), script="hello.py", args=("a", "b c"))
    run_id = await desk.ask(job_id)
    holder = Holder()

    grant = await desk.granted(holder, await desk.attempt())

    attempt, run = await desk.attempt(), await desk.run(run_id)
    assert (grant.script, grant.args, grant.run_number, grant.number) == ("hello.py", ("a", "b c"), 1, 1)
    assert (grant.executor, grant.boot, grant.run_id) == (holder.name, holder.boot, run_id)
    assert (attempt.state, attempt.executor, attempt.boot) == (RunState.RUNNING, "one", holder.boot)
    # 15 s to start, 300 s timeout, 10 s grace, 5 s to spare
    assert attempt.may_run_until == desk.clock.now() + seconds(15 + 300 + 10 + 5)
    assert (run.state, run.executor, run.attempt) == (RunState.RUNNING, "one", 1)


async def test_a_second_claim_of_the_same_attempt_is_refused(desk: Desk) -> None:
    await desk.ask(await desk.job(manual()))
    attempt = await desk.attempt()
    await desk.granted(Holder(), attempt)

    (answer,) = await desk.claim(Holder().claim(ref(attempt)))

    assert answer.grants == ()
    assert [refusal.attempt_id for refusal in answer.refusals] == [attempt.id]


async def test_two_claims_that_share_a_transaction_do_not_share_an_attempt(desk: Desk) -> None:
    await desk.ask(await desk.job(manual()))
    attempt = await desk.attempt()

    answers = await desk.claim(Holder().claim(ref(attempt)), Holder().claim(ref(attempt)))

    assert [len(answer.grants) for answer in answers] == [1, 0]


async def test_of_two_schedulers_that_saw_the_attempt_waiting_one_wins(desk: Desk) -> None:
    await desk.ask(await desk.job(manual()))
    attempt_id = AttemptId((await desk.attempt()).id)
    seen = (await desk.do(lambda s, _: attempts_by_id(s, {attempt_id})))[attempt_id]

    async def claimed() -> bool:
        claimant = Claimant(
            claim_id=ClaimId(new_id()),
            executor=ExecutorName("one"),
            boot=BootId(new_id()),
            claimed_at=desk.clock.now(),
        )
        return await desk.do(lambda s, _: claim_attempt(s, seen, claimant, may_run_until=at(60)))

    assert [await claimed(), await claimed()] == [True, False]


async def test_a_lost_reply_is_given_again_under_the_same_claim(desk: Desk) -> None:
    await desk.ask(await desk.job(manual()))
    claim = Holder().claim(ref(await desk.attempt()))

    (first,) = await desk.claim(claim)
    (again, together) = await desk.claim(claim, claim)

    assert first.grants == again.grants == together.grants
    assert len(first.grants) == 1


async def test_another_boot_cannot_use_an_older_claim(desk: Desk) -> None:
    await desk.ask(await desk.job(manual()))
    attempt, claim_id = await desk.attempt(), ClaimId(new_id())
    await desk.claim(Holder().claim(ref(attempt), claim_id=claim_id))

    (answer,) = await desk.claim(Holder().claim(ref(attempt), claim_id=claim_id))

    assert answer.grants == ()


async def test_a_wrong_token_is_refused(desk: Desk) -> None:
    await desk.ask(await desk.job(manual()))
    attempt = await desk.attempt()

    (answer,) = await desk.claim(Holder().claim(ref(attempt, token=attempt.token + 1)))

    assert answer.grants == ()
    assert (await desk.attempt()).state is RunState.QUEUED


async def test_an_attempt_that_never_was_is_refused(desk: Desk) -> None:
    (answer,) = await desk.claim(Holder().claim(AttemptRef(AttemptId(new_id()), 1)))

    assert len(answer.refusals) == 1


async def test_a_claim_before_the_due_instant_is_refused(desk: Desk, stage: Stage) -> None:
    await desk.job()
    desk.clock.advance(9)
    await stage.plan()

    (answer,) = await desk.claim(Holder().claim(ref(await desk.attempt())))

    assert answer.grants == ()
    assert "not due" in answer.refusals[0].reason
    assert (await desk.attempt()).state is RunState.QUEUED


async def test_a_grant_signed_with_another_key_is_no_grant(desk: Desk) -> None:
    await desk.ask(await desk.job(manual()))
    (answer,) = await desk.claim(Holder().claim(ref(await desk.attempt())))

    with pytest.raises(ForgedGrant):
        verified(answer.grants[0], b"another key, just as long as it has to be")


async def test_a_released_attempt_waits_again_under_the_next_token(desk: Desk) -> None:
    run_id = await desk.ask(await desk.job(manual()))
    holder = Holder()
    grant = await desk.granted(holder, await desk.attempt())
    desk.effects.armed.clear()

    await desk.release(holder.release(AttemptRef(grant.attempt_id, grant.token)))

    attempt = await desk.attempt()
    assert (attempt.state, attempt.token, attempt.published_at) == (RunState.QUEUED, 2, None)
    assert (await desk.run(run_id)).state is RunState.QUEUED
    assert [(one.id, one.token) for one in desk.effects.armed] == [(attempt.id, 2)]


async def test_who_is_granted_it_next_goes_on_with_its_log(desk: Desk) -> None:
    await desk.ask(await desk.job(manual()))
    for said, so_far in ((3, 0), (0, 3), (5, 3)):
        holder = Holder()
        grant = await desk.granted(holder, await desk.attempt())
        released = holder.release(AttemptRef(grant.attempt_id, grant.token))

        assert grant.log_seq == so_far
        await desk.release(replace(released, log_seq=said))

    assert (await desk.granted(Holder(), await desk.attempt())).log_seq == 5


async def test_a_release_that_is_repeated_or_not_the_holders_changes_nothing(desk: Desk) -> None:
    await desk.ask(await desk.job(manual()))
    holder = Holder()
    grant = await desk.granted(holder, await desk.attempt())
    granted = AttemptRef(grant.attempt_id, grant.token)

    await desk.release(Holder().release(granted))
    assert (await desk.attempt()).state is RunState.RUNNING

    await desk.release(holder.release(granted))
    await desk.release(holder.release(granted))
    assert (await desk.attempt()).token == 2


async def test_an_attempt_released_after_it_was_to_be_cancelled_is_cancelled(desk: Desk) -> None:
    job_id = await desk.job(manual())
    run_id = await desk.ask(job_id)
    holder = Holder()
    grant = await desk.granted(holder, await desk.attempt())
    await desk.ask(job_id, "cancel", run_id)

    await desk.release(holder.release(AttemptRef(grant.attempt_id, grant.token)))

    assert await desk.states() == [(RunState.CANCELLED, Reason.REQUESTED)]


async def test_a_run_that_was_asked_for_lets_the_planned_one_be_skipped(desk: Desk, stage: Stage) -> None:
    job_id = await desk.job()
    desk.clock.advance(9)
    await stage.plan()
    planned = await desk.attempt()
    await desk.ask(job_id)
    await desk.granted(Holder(), await desk.newest_attempt())
    desk.clock.advance(1)

    (answer,) = await desk.claim(Holder().claim(ref(planned)))

    assert answer.refusals[0].reason == "run #2 was still going"
    assert await desk.states() == [(RunState.SKIPPED, Reason.OVERLAP), (RunState.RUNNING, None)]


async def test_arguments_that_fill_the_answer_send_the_others_round_again(desk: Desk) -> None:
    job_id = await desk.job(manual(), args=("x" * 60_000,), overlap="allow")
    for _ in range(3):
        await desk.ask(job_id)
    desk.effects.armed.clear()
    attempts = await desk.attempts()

    (answer,) = await desk.claim(Holder().claim(*(ref(one) for one in attempts)))

    assert (len(answer.grants), len(answer.refusals)) == (1, 2)
    assert {one.id for one in desk.effects.armed} == {one.attempt_id for one in answer.refusals}


async def test_fifty_claims_at_once_over_the_broker_start_each_attempt_once(
    stage: Stage, amqp_url: str
) -> None:
    desk = stage.desk
    job_id = await desk.job(manual(), overlap="allow")
    for _ in range(5):
        await desk.ask(job_id)
    refs = [ref(one) for one in await desk.attempts()]
    answers: list[ClaimAnswer] = []

    async def compete(requests: Requests) -> None:
        answer = await requests.ask(Holder().claim(*refs), timeout_s=30)
        assert isinstance(answer, ClaimAnswer)
        answers.append(answer)

    async with (
        Publisher.on(stage.broker) as publisher,
        Consumer.on(stage.broker, CLAIMS, prefetch=PREFETCH) as consumer,
        Requests.on(stage.broker) as requests,
        asyncio.TaskGroup() as group,
    ):
        answering = group.create_task(Claims(stage.ledger, publisher, key=KEY).run(consumer))
        async with asyncio.TaskGroup() as competitors:
            for _ in range(50):
                competitors.create_task(compete(requests))
        answering.cancel()

    granted = Counter(verified(signed, KEY).attempt_id for answer in answers for signed in answer.grants)
    assert granted == Counter({one.attempt_id: 1 for one in refs})
    assert all(len(answer.grants) + len(answer.refusals) == 5 for answer in answers)
    assert {one.state for one in await desk.attempts()} == {RunState.RUNNING}

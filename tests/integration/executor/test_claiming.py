"""How an executor claims: asked again, delivered twice, refused, too late, forged, together."""

import asyncio
from pathlib import Path

from shared.domain.run import RunState
from tests.integration.executor.conftest import ShiftedClock, Start
from tests.integration.executor.stage import KEY, Ledger

FOREVER = "import time\nprint('ready')\ntime.sleep(1000)\n"


async def test_a_lost_answer_to_a_claim_is_asked_for_with_the_same_id(
    executor: Start, played: Ledger
) -> None:
    played.ignored_claims = 2
    await executor()

    report = await played.ended(await played.due("hello.py"))

    assert report.state is RunState.SUCCEEDED
    assert len(played.claims) == 3
    assert len({claim.claim_id for claim in played.claims}) == 1
    assert len(played.started) == 1


async def test_a_message_delivered_twice_starts_once_and_is_acknowledged(
    executor: Start, played: Ledger
) -> None:
    running = await executor()
    wanted = await played.due("hello.py")
    await played.ended(wanted)

    await played.publish_due(wanted)
    await played.publish_due(wanted)
    await played.ended(await played.due("hello.py"))  # behind them in the queue
    await running.drain()

    assert await played.depth() == 0
    assert len(played.claims) == 2
    assert len(played.started) == 2


async def test_a_refused_attempt_is_acknowledged_and_not_started(executor: Start, played: Ledger) -> None:
    running = await executor()
    refused = await played.due("hello.py", refused=True)

    await played.until(lambda: played.claims)
    await played.ended(await played.due("hello.py"))
    await running.drain()  # what it had not acknowledged would now be back

    assert await played.depth() == 0
    assert [event.attempt_id == refused.ref.attempt_id for event in played.started] == [False]


async def test_an_attempt_that_was_refused_once_may_be_granted_later(executor: Start, played: Ledger) -> None:
    await executor()
    wanted = await played.due("hello.py", refused=True)
    await played.until(lambda: played.claims)

    played.refuses.clear()
    await played.publish_due(wanted)

    assert (await played.ended(wanted)).state is RunState.SUCCEEDED


async def test_a_grant_that_comes_too_late_is_released_and_not_started(
    executor: Start, played: Ledger, clock: ShiftedClock, home: Path
) -> None:
    async def take_long() -> None:
        clock.shift = 15

    played.before_grant = take_long
    await executor()

    wanted = await played.due("hello.py")

    await played.until(lambda: played.releases)
    (release,) = played.releases
    assert release.attempts == (wanted.ref,)
    assert release.boot == played.claims[0].boot
    played.before_grant = None
    await played.ended(await played.due("hello.py"))
    assert len(played.started) == 1


async def test_a_forged_grant_starts_nothing_and_harms_nothing(executor: Start, played: Ledger) -> None:
    await executor()
    played.key = b"f0" * 32
    forged = await played.due("hello.py")
    await played.until(lambda: played.claims)

    played.key = KEY.encode()
    await played.ended(await played.due("hello.py"))

    assert [event.attempt_id == forged.ref.attempt_id for event in played.started] == [False]
    assert played.releases == []


async def test_what_waits_together_is_claimed_together(executor: Start, played: Ledger) -> None:
    hold = asyncio.Event()

    async def wait() -> None:
        await hold.wait()

    played.before_grant = wait
    await executor(executor_slots=8)
    first = await played.due("hello.py")
    await played.until(lambda: played.claims)
    others = [await played.due("hello.py") for _ in range(4)]
    while await played.depth():
        pass

    played.before_grant = None
    hold.set()

    for wanted in (first, *others):
        await played.ended(wanted)
    asked = {ref for claim in played.claims for ref in claim.attempts}
    assert asked == {wanted.ref for wanted in (first, *others)}
    assert len({claim.claim_id for claim in played.claims}) == 2

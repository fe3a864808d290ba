"""What asks for a level waits where those hear it who offer it, and nobody else is granted it."""

import pytest
from msgspec.structs import replace

from shared.domain.ids import JobId
from shared.domain.sandbox import MinSandbox
from shared.messages.topology import due_queue, due_queues
from tests.integration.scheduler.stage import Holder, Stage, manual, ref
from tests.integration.scheduler.test_retries import edit

ANY, RESTRICTED, ISOLATED = MinSandbox


async def depths(stage: Stage) -> dict[str, int]:
    """Return how many messages lie in each urgent queue of the pool that has any."""
    queues = {minimum: due_queue("default", urgent=True, minimum=minimum) for minimum in MinSandbox}
    return {name: count for name, queue in queues.items() if (count := await stage.publisher.depth(queue))}


async def asked_for(stage: Stage, **fields: object) -> JobId:
    """Publish a run that somebody asked for."""
    job_id = await stage.desk.job(manual(), **fields)
    await stage.desk.ask(job_id)
    await stage.relay.sweep(due_by=stage.desk.clock.now())
    await stage.publish_due()
    await stage.relay.mark()
    return job_id


@pytest.mark.parametrize(
    ("minimum", "first"), [(ANY, ""), (RESTRICTED, "restricted"), (ISOLATED, "isolated")]
)
async def test_only_who_offers_the_level_hears_of_the_run_and_is_granted_it(
    stage: Stage, minimum: MinSandbox, first: str
) -> None:
    await asked_for(stage, min_sandbox=minimum)
    assert await depths(stage) == {minimum: 1}

    for level in ("", "process", "padded cell", "restricted", "isolated"):
        (answer,) = await stage.desk.claim(Holder(sandbox=level).claim(ref(await stage.desk.attempt())))
        if level == first:
            break
        assert [one.reason.partition(",")[0] for one in answer.refusals] == [
            f"its job asks for level {minimum}"
        ]

    assert len(answer.grants) == 1


async def test_a_run_whose_job_asks_for_more_by_now_is_said_where_that_is_offered(stage: Stage) -> None:
    job_id = await asked_for(stage)
    await edit(stage.desk, job_id, min_sandbox=ISOLATED)

    await stage.desk.claim(Holder(sandbox="restricted").claim(ref(await stage.desk.attempt())))
    await stage.relay.sweep(due_by=stage.desk.clock.now())
    await stage.publish_due()

    assert await depths(stage) == {ANY: 1, ISOLATED: 1}
    grant = await stage.desk.granted(Holder(sandbox="isolated"), await stage.desk.attempt())
    assert (grant.token, grant.min_sandbox) == (2, ISOLATED)


async def test_a_run_whose_job_asks_for_less_by_now_does_not_wait_where_nobody_is(stage: Stage) -> None:
    job_id = await asked_for(stage, min_sandbox=ISOLATED)
    await edit(stage.desk, job_id, min_sandbox=ANY)
    stage.desk.clock.advance(11)

    await stage.relay.sweep(due_by=stage.desk.clock.now())
    await stage.publish_due()

    assert await depths(stage) == {ANY: 1, ISOLATED: 1}


@pytest.mark.parametrize(("level", "count"), [("process", 2), ("restricted", 4), ("isolated", 6)])
async def test_a_pool_has_the_queues_of_the_levels_that_its_executors_offer(
    stage: Stage, level: str, count: int
) -> None:
    outrageous = "g" * 300
    await stage.desk.renew(replace(Holder().renewal(), pools=("gpu", outrageous), sandbox=level))

    await stage.relay.declare_queues()

    assert [await stage.publisher.depth(queue) for queue in due_queues("gpu", level)] == [0] * count

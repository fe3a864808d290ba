"""The values that a grant has of its job's parameters: the run's own, else the defaults, and which stay."""

from typing import Any

from shared.db.parameters import store_sealed
from shared.domain.ids import RunId, new_id
from shared.domain.parameters import parameters_from_json
from shared.domain.run import RunState
from shared.messages.answers import SealedSecret
from tests.integration.scheduler.stage import Desk, Holder, manual

DECLARED = parameters_from_json(
    [
        {"name": "rows", "kind": "number", "default": 3},
        {"name": "day", "kind": "date"},
        {"name": "pin", "kind": "secret"},
    ]
)


async def values_of(desk: Desk, run_id: RunId) -> dict[str, Any] | None:
    return (await desk.run(run_id)).parameters


async def test_a_run_that_somebody_asked_for_has_what_was_typed_and_so_has_its_repeat(desk: Desk) -> None:
    job_id = await desk.job(manual(), parameters=DECLARED)
    first, again = RunId(new_id()), RunId(new_id())
    await desk.store_request(job_id, "run_now", first, scope={"parameters": {"rows": 7}})
    await desk.do(lambda s, _: store_sealed(s, first, {"pin": "sealed pin"}))
    await desk.handle()
    grant = await desk.granted(Holder(), await desk.attempt())
    await desk.report(Holder(name=grant.executor, boot=grant.boot).report(grant, RunState.SUCCEEDED))

    await desk.store_request(job_id, "rerun", again, scope={"rerun_of": str(first), "args": None})
    await desk.handle()

    assert grant.parameters == {"rows": 7}
    assert grant.parameter_secrets == (SealedSecret(name="pin", sealed="sealed pin"),)
    assert await values_of(desk, again) == {"rows": 7}


async def test_a_run_that_nobody_was_asked_for_keeps_the_defaults_of_its_first_claim(desk: Desk) -> None:
    job_id = await desk.job(manual(), parameters=DECLARED)
    run_id = await desk.ask(job_id)
    assert await values_of(desk, run_id) is None

    grant = await desk.granted(Holder(), await desk.attempt())

    assert (grant.parameters, grant.parameter_secrets) == ({"rows": 3}, ())
    assert await values_of(desk, run_id) == {"rows": 3}


async def test_the_runs_of_a_job_without_parameters_have_none(desk: Desk) -> None:
    run_id = await desk.ask(await desk.job(manual()))

    grant = await desk.granted(Holder(), await desk.attempt())

    assert grant.parameters is None
    assert await values_of(desk, run_id) is None

"""What had changed when a run failed, beside the job's last success before it; on both databases."""

from typing import Any
from uuid import UUID

import httpx

from services.ui.app import Parts
from shared.db.engine import Database
from shared.domain.ids import JobId
from shared.domain.run import RunState
from tests.integration.ui.stage import a_job, a_run, an_attempt, run_rows

WEATHER = {"name": "weather", "kind": "text", "default": "fine"}


async def ran(
    parts: Parts, database: Database, job_id: JobId, number: int, state: RunState, **changes: Any
) -> UUID:
    """Write a run that was claimed at this moment, with what its attempt is to say of its place."""
    now = parts.portal.clock.now()
    given = {name: changes.pop(name) for name in ("parameters", "args") if name in changes}
    run = a_run(job_id, number, state=state, due_at=now, started_at=now, finished_at=now, **given)
    run_id = UUID(str(run.id))
    await run_rows(database, run)
    await run_rows(database, an_attempt(run, claimed_at=now, **changes))
    return run_id


async def edit(client: httpx.AsyncClient, job_id: JobId, **changes: Any) -> None:
    version = (await client.get(f"/api/v1/jobs/{job_id}")).json()["version"]
    answer = await client.patch(f"/api/v1/jobs/{job_id}", json={"version": version, **changes})
    answer.raise_for_status()


async def changes_of(client: httpx.AsyncClient, run_id: UUID) -> dict[str, Any]:
    answer = await client.get(f"/api/v1/runs/{run_id}/changes")
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def told(fields: list[dict[str, Any]]) -> list[tuple[str, Any, Any]]:
    return [(one["field"], one["before"], one["after"]) for one in fields]


async def test_a_failed_run_says_what_changed_since_the_last_success_and_nothing_later(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    job_id = await a_job(parts, timeout_s=60, parameters=(WEATHER,))
    first = await ran(parts, database, job_id, 1, RunState.FAILED)
    await edit(client, job_id, timeout_s=70)
    good = await ran(
        parts, database, job_id, 2, RunState.SUCCEEDED, executor="north", parameters={"weather": "fine"}
    )
    await client.post(f"/api/v1/jobs/{job_id}/mute")  # changes nothing in the job
    await edit(client, job_id, timeout_s=80, name="renamed")
    await edit(client, job_id, timeout_s=90)
    bad = await ran(
        parts,
        database,
        job_id,
        3,
        RunState.FAILED,
        executor="south",
        sandbox="isolated",
        prepared_ms=5,
        parameters={"weather": "foul"},
    )
    await edit(client, job_id, timeout_s=100)
    await ran(parts, database, job_id, 4, RunState.SUCCEEDED)

    found = await changes_of(client, bad)

    assert (found["since"]["run_id"], found["since"]["run_number"]) == (str(good), 2)
    assert told(found["job"]) == [("name", "hello", "renamed"), ("timeout_s", 70, 90)]
    assert [(one["version"], one["by"]) for one in found["edits"]] == [(4, "local"), (3, "local")]
    assert told(found["run"]) == [("parameters.weather", "fine", "foul")]
    assert told(found["place"]) == [
        ("executor", "north", "south"),
        ("sandbox", "process", "isolated"),
        ("environment", False, True),
    ]
    assert (await changes_of(client, first))["since"] is None


async def test_where_nothing_changed_nothing_is_told(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    job_id = await a_job(parts)
    good = await ran(parts, database, job_id, 1, RunState.SUCCEEDED, script_sha256="a" * 64)
    bad = await ran(parts, database, job_id, 2, RunState.FAILED, script_sha256="a" * 64)
    never_started = await ran(parts, database, job_id, 3, RunState.FAILED)

    found = await changes_of(client, bad)

    assert found["since"]["run_id"] == str(good)
    assert [found[part] for part in ("script", "job", "edits", "run", "place")] == [None, [], [], [], []]
    assert found["unknown"] == []
    # Its script may be gone: nobody can say that it is the same.
    assert (await changes_of(client, never_started))["unknown"] == ["script"]
    gone = await client.get(f"/api/v1/runs/{good}/changes", params={"attempt": 9})
    assert gone.status_code == 404

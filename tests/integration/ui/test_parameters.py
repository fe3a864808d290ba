"""Parameters over the API: declared with a job, asked for by run now, kept with the run."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from services.cli import keyfile
from services.ui.app import Parts
from services.ui.settings import UiSettings
from shared.db.engine import Database
from shared.db.parameters import sealed_values, store_sealed
from shared.db.tables import RequestRow
from shared.domain.ids import RunId
from shared.domain.run import Cause, RunState
from shared.runtime.vault import Vault
from tests.integration.ui.stage import a_ledger, a_run, run_rows

JOBS = "/api/v1/jobs"
PIN = "sentinel-pin"
DECLARED = [
    {"name": "rows", "kind": "number", "label": "Rows", "minimum": 1, "required": True},
    {"name": "pin", "kind": "secret"},
    {"name": "dry", "kind": "flag", "default": True},
]


@pytest.fixture
def vault(settings: UiSettings) -> Vault:
    path = settings.home / "secrets" / "secrets.key"
    keyfile.write(path, [keyfile.new_key()])
    return Vault(path)


def a_body(**fields: Any) -> dict[str, Any]:
    manual = {"kind": "manual"}
    return {"name": "one", "script": "hello.py", "schedule": manual, "parameters": DECLARED, **fields}


async def typed_of(database: Database, run_id: str) -> dict[str, str]:
    async with database.reading() as session:
        return (await sealed_values(session, [RunId(UUID(run_id))]))[RunId(UUID(run_id))]


async def test_run_now_takes_values_and_shows_all_but_the_secret_one(
    client: httpx.AsyncClient, database: Database, vault: Vault
) -> None:
    job = (await client.post(JOBS, json=a_body())).json()
    kept = (await client.patch(f"{JOBS}/{job['id']}", json={"version": 1, "name": "two"})).json()

    asked = await client.post(f"{JOBS}/{job['id']}/run", json={"parameters": {"rows": 5, "pin": PIN}})
    run_id = asked.json()["run_id"]
    shown = await client.get(f"/api/v1/runs/{run_id}")

    assert [one["name"] for one in kept["parameters"]] == ["rows", "pin", "dry"]
    assert shown.json()["parameters"] == [
        {"name": "dry", "value": True},
        {"name": "pin", "value": None},
        {"name": "rows", "value": 5},
    ]
    async with database.reading() as session:
        (scope,) = await session.scalars(select(RequestRow.scope))
    assert scope == {"parameters": {"rows": 5, "dry": True}}
    sealed = await typed_of(database, run_id)
    assert {name: vault.open(text) for name, text in sealed.items()} == {"pin": PIN}
    assert PIN not in shown.text


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (None, "parameters.rows"),
        ({"pin": PIN}, "parameters.rows"),
        ({"rows": 0, "pin": PIN}, "parameters.rows"),
        ({"rows": 1, "pin": [PIN]}, "parameters.pin"),
        ({"rows": 1, "other": PIN}, "parameters.other"),
    ],
)
async def test_a_value_that_does_not_fit_is_refused_and_asks_for_no_run(
    client: httpx.AsyncClient, database: Database, vault: Vault, given: dict[str, Any] | None, field: str
) -> None:
    job = (await client.post(JOBS, json=a_body())).json()
    body = None if given is None else {"parameters": given}

    answer = await client.post(f"{JOBS}/{job['id']}/run", json=body)

    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert PIN not in answer.text
    async with database.reading() as session:
        assert [*await session.scalars(select(RequestRow.id))] == []


async def test_a_job_with_a_schedule_cannot_require_what_nobody_is_asked_for(
    client: httpx.AsyncClient,
) -> None:
    daily = {"kind": "daily", "at": "02:30"}
    refused = await client.post(JOBS, json=a_body(schedule=daily))
    job = (await client.post(JOBS, json=a_body())).json()
    later = await client.patch(f"{JOBS}/{job['id']}", json={"version": 1, "schedule": daily})

    for answer in (refused, later):
        assert (answer.status_code, answer.json()["field"]) == (422, "parameters.0.required")
        assert "give it a default" in answer.json()["detail"]


async def test_a_run_that_is_repeated_has_the_same_values_the_secret_one_too(
    client: httpx.AsyncClient, parts: Parts, database: Database, vault: Vault
) -> None:
    job_id = UUID((await client.post(JOBS, json=a_body())).json()["id"])
    await a_ledger(database, job_id)
    first = a_run(job_id, cause=Cause.API, state=RunState.SUCCEEDED, parameters={"rows": 5})
    await run_rows(database, first)
    async with database.ledger.begin() as session:
        await store_sealed(session, RunId(first.id), {"pin": vault.seal(PIN)})

    again = (await client.post(f"/api/v1/runs/{first.id}/rerun")).json()["run_id"]
    shown = (await client.get(f"/api/v1/runs/{again}")).json()

    assert shown["parameters"] == [{"name": "pin", "value": None}, {"name": "rows", "value": 5}]
    assert vault.open((await typed_of(database, again))["pin"]) == PIN

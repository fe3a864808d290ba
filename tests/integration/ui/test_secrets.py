"""Secrets over the API that pages share: values go in, and nothing gives them back."""

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text

from services.cli import keyfile
from services.ui.app import Parts
from services.ui.settings import UiSettings
from shared.db.engine import Database
from shared.db.secrets import lock_secrets
from shared.db.tables import SecretRow
from shared.domain.errors import Conflict, InvalidInput
from shared.domain.secret import SecretUse
from shared.runtime.vault import Vault
from tests.integration.ui.stage import a_job
from tests.support.eventually import until_found

SECRETS = "/api/v1/secrets"
JOBS = "/api/v1/jobs"
VALUE = "hunter2-sentinel"
_WAITING = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


@pytest.fixture
def vault(settings: UiSettings) -> Vault:
    """The keys of the portal under test."""
    path = settings.home / "secrets" / "secrets.key"
    keyfile.write(path, [keyfile.new_key()])
    return Vault(path)


async def stored(database: Database, name: str) -> str | None:
    async with database.reading() as session:
        return await session.scalar(select(SecretRow.sealed).where(SecretRow.name == name))


def a_body(name: str = "one", **fields: Any) -> dict[str, Any]:
    return {"name": name, "script": "hello.py", "schedule": {"kind": "manual"}, **fields}


async def test_a_secret_is_stored_sealed_changed_described_and_deleted(
    client: httpx.AsyncClient, database: Database, vault: Vault
) -> None:
    made = await client.put(f"{SECRETS}/TOKEN", json={"value": VALUE, "description": " of the shop "})
    first = await stored(database, "TOKEN")
    renewed = await client.put(f"{SECRETS}/TOKEN", json={"value": f"{VALUE}2"})
    second = await stored(database, "TOKEN")
    described = await client.put(f"{SECRETS}/TOKEN", json={"description": "of the market"})

    assert [answer.status_code for answer in (made, renewed, described)] == [201, 200, 200]
    assert (vault.open(first or ""), vault.open(second or "")) == (VALUE, f"{VALUE}2")
    assert await stored(database, "TOKEN") == second
    (item,) = described.json()["items"]
    assert item == {
        "name": "TOKEN", "description": "of the market", "changed_by": "local", "used_by": [],
        "changed_at": renewed.json()["items"][0]["changed_at"],
    }  # fmt: skip
    assert made.json()["items"][0]["description"] == "of the shop"
    assert not any(VALUE in answer.text for answer in (made, renewed, described))
    gone = await client.delete(f"{SECRETS}/TOKEN")
    assert (gone.json()["items"], await stored(database, "TOKEN")) == ([], None)


@pytest.mark.parametrize(
    ("name", "body", "status", "field"),
    [
        ("token", {"value": VALUE}, 422, "name"),
        ("PATH", {"value": VALUE}, 422, "name"),
        ("TOKEN", {"value": ""}, 422, "value"),
        ("TOKEN", {"value": VALUE * 10_000}, 422, "value"),
        ("TOKEN", {"value": {"secret": VALUE}}, 422, "value"),
        ("TOKEN", {"value": VALUE, "invented": VALUE}, 422, "invented"),
        ("TOKEN", {"value": VALUE, "description": "x" * 401}, 422, "description"),
        ("TOKEN", {"description": "of none"}, 404, None),
        ("TOKEN", [VALUE], 422, "body"),
    ],
)
async def test_what_cannot_be_a_secret_is_refused_without_a_word_of_its_value(
    client: httpx.AsyncClient, vault: Vault, name: str, body: object, status: int, field: str | None
) -> None:
    answer = await client.put(f"{SECRETS}/{name}", json=body)

    assert (answer.status_code, answer.json().get("field")) == (status, field)
    assert VALUE not in answer.text
    assert (await client.get(SECRETS)).json()["items"] == []


async def test_without_a_key_nothing_is_stored_and_the_answer_says_what_makes_one(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.put(f"{SECRETS}/TOKEN", json={"value": VALUE})

    assert answer.status_code == 500
    assert "`portal up` and `portal secrets` make one" in answer.json()["detail"]


async def test_a_job_chooses_its_secrets_and_they_cannot_be_deleted_under_it(
    client: httpx.AsyncClient, vault: Vault
) -> None:
    for name in ("KEY", "TOKEN"):
        await client.put(f"{SECRETS}/{name}", json={"value": VALUE})
    uses = [{"name": "TOKEN"}, {"name": "KEY", "as_file": True}]
    job = (await client.post(JOBS, json=a_body(secrets=uses))).json()
    kept = (await client.patch(f"{JOBS}/{job['id']}", json={"version": 1, "name": "two"})).json()

    refused = await client.delete(f"{SECRETS}/TOKEN")
    listed = {one["name"]: one["used_by"] for one in (await client.get(SECRETS)).json()["items"]}
    fewer = await client.patch(f"{JOBS}/{job['id']}", json={"version": 2, "secrets": uses[1:]})

    assert kept["secrets"] == [{"name": "KEY", "as_file": True}, {"name": "TOKEN", "as_file": False}]
    assert refused.status_code == 409
    assert refused.json()["detail"].startswith("TOKEN is used by two. Take it out")
    assert listed == {"KEY": [{"id": job["id"], "name": "two"}], "TOKEN": [{"id": job["id"], "name": "two"}]}
    assert fewer.json()["secrets"] == kept["secrets"][:1]
    assert (await client.delete(f"{SECRETS}/TOKEN")).status_code == 200
    assert (await client.delete(f"{SECRETS}/TOKEN")).status_code == 404


@pytest.mark.parametrize(
    "uses",
    [[{"name": "NOT_STORED"}], [{"name": "TOKEN"}, {"name": "TOKEN", "as_file": True}], [{"name": "x"}]],
)
async def test_a_job_cannot_choose_what_no_run_could_be_given(
    client: httpx.AsyncClient, vault: Vault, uses: list[dict[str, Any]]
) -> None:
    await client.put(f"{SECRETS}/TOKEN", json={"value": VALUE})

    answer = await client.post(JOBS, json=a_body(secrets=uses))

    assert (answer.status_code, answer.json()["field"]) == (422, "secrets")
    assert (await client.get(JOBS)).json()["items"] == []


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
async def test_of_a_job_that_chooses_a_secret_and_who_deletes_it_one_waits_and_is_refused(
    parts: Parts, database: Database, vault: Vault
) -> None:
    await parts.portal.secrets.put("TOKEN", VALUE)
    both = parts.portal.secrets.delete("TOKEN"), a_job(parts, secrets=(SecretUse(name="TOKEN"),))
    async with database.ledger.begin() as session:
        await lock_secrets(session, ["TOKEN"])
        at_once = asyncio.gather(*both, return_exceptions=True)
        await until_found(lambda: both_wait(database), within_s=10)

    deleted, made = await at_once

    assert isinstance(deleted, Conflict) != isinstance(made, InvalidInput), (deleted, made)


async def both_wait(database: Database) -> bool:
    async with database.reading.begin() as session:
        return await session.scalar(_WAITING) == 2


async def test_a_deleted_job_holds_no_secret_and_says_what_it_lacks_when_it_is_edited(
    client: httpx.AsyncClient, vault: Vault
) -> None:
    await client.put(f"{SECRETS}/TOKEN", json={"value": VALUE})
    job = (await client.post(JOBS, json=a_body(secrets=[{"name": "TOKEN"}]))).json()
    await client.delete(f"{JOBS}/{job['id']}")
    assert (await client.delete(f"{SECRETS}/TOKEN")).status_code == 200

    restored = (await client.post(f"{JOBS}/{job['id']}/restore")).json()
    edited = await client.patch(f"{JOBS}/{job['id']}", json={"version": 3, "description": "again"})

    assert restored["secrets"] == [{"name": "TOKEN", "as_file": False}]
    assert (edited.status_code, edited.json()["field"]) == (422, "secrets")
    assert "no secret TOKEN" in edited.json()["detail"]

"""The version of a script that a job may run, over the API that pages share."""

import hashlib
import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.ui.settings import UiSettings
from shared.domain.script import MOST_HASHED_BYTES
from shared.runtime.settings import DatabaseSettings
from tests.integration.ui.stage import NOWHERE

JOBS = "/api/v1/jobs"
OLD, NEW, NEWEST = b"print('old')\n", b"print('new')\n", b"print('newest')\n"


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "scripts" / "reports" / "daily.py"
    path.parent.mkdir(parents=True)
    path.write_bytes(OLD)
    return path


@pytest.fixture
def settings(store: DatabaseSettings, script: Path) -> UiSettings:
    """Settings of a ui whose broker is away and whose scripts directory is the test's own."""
    scripts_dir = script.parents[1]
    return UiSettings(
        home=store.home,
        database_url=store.database_url,
        amqp_url=NOWHERE,  # type: ignore[arg-type]  # text, as in an environment
        ui_port=0,
        scripts_dir=scripts_dir,
    )


def write(path: Path, text: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)


def sha256(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


async def a_strict_job(client: httpx.AsyncClient) -> dict[str, Any]:
    body = {"name": "daily", "script": "reports/daily.py", "schedule": {"kind": "manual"}}
    return dict((await client.post(JOBS, json={**body, "pinning": "strict"})).json())


async def test_a_strict_job_keeps_its_version_until_another_is_accepted(
    client: httpx.AsyncClient, script: Path
) -> None:
    job = await a_strict_job(client)
    path = f"{JOBS}/{job['id']}"

    write(script, NEW)
    now = (await client.get(f"{path}/script")).json()
    kept = (await client.get(path)).json()
    write(script, NEWEST)
    too_late = await client.post(f"{path}/accept-script", json={"sha256": now["sha256"]})
    accepted = await client.post(f"{path}/accept-script", json={"sha256": sha256(NEWEST)})

    assert (job["pinning"], job["pinned_sha256"]) == ("strict", sha256(OLD))
    assert (now["sha256"], now["size"], now["problem"]) == (sha256(NEW), len(NEW), "")
    assert (kept["pinned_sha256"], kept["version"]) == (sha256(OLD), 1)
    assert too_late.status_code == 409
    assert "has changed since you looked" in too_late.json()["detail"]
    assert (accepted.json()["pinned_sha256"], accepted.json()["version"]) == (sha256(NEWEST), 2)


async def test_saving_a_strict_job_accepts_what_is_there(client: httpx.AsyncClient, script: Path) -> None:
    job = await a_strict_job(client)
    path = f"{JOBS}/{job['id']}"

    write(script, NEW)
    saved = (await client.patch(path, json={"version": 1, "timeout_s": 5})).json()
    freed = (await client.patch(path, json={"version": 2, "pinning": "record"})).json()
    nothing = await client.post(f"{path}/accept-script", json={"sha256": sha256(NEW)})

    assert saved["pinned_sha256"] == sha256(NEW)
    assert (freed["pinning"], freed["pinned_sha256"], freed["pinned_at"]) == ("record", None, None)
    assert nothing.status_code == 409


async def test_what_cannot_be_hashed_cannot_be_pinned(client: httpx.AsyncClient, script: Path) -> None:
    os.truncate(script, MOST_HASHED_BYTES + 1)
    body = {"name": "daily", "script": "reports/daily.py", "schedule": {"kind": "manual"}}

    refused = await client.post(JOBS, json={**body, "pinning": "strict"})

    assert (refused.status_code, refused.json()["field"]) == (422, "pinning")
    assert "up to 16 MB" in refused.json()["detail"]

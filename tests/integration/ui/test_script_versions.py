"""The version of a script that a job may run, over the API that pages share."""

import asyncio
import hashlib
import os
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.ui.app import Parts
from services.ui.pages import job
from services.ui.recorder.script_texts import ScriptTexts
from services.ui.scripts import Scripts
from services.ui.settings import UiSettings
from shared.db import script_texts
from shared.db.engine import Database
from shared.domain.ids import RunId
from shared.domain.run import RunState
from shared.domain.script import MOST_HASHED_BYTES
from shared.runtime.settings import DatabaseSettings
from tests.integration.ui.stage import NOW, NOWHERE, a_job, a_ledger, a_run, an_attempt, eventually, run_rows

JOBS, SCRIPTS = "/api/v1/jobs", "/api/v1/scripts"
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


async def until_kept(database: Database, one: str) -> None:
    async def found() -> bool:
        async with database.reading() as session:
            return one in await script_texts.texts_of(session, [one])

    await eventually(found)


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


async def test_what_changed_since_the_last_success_is_shown(
    client: httpx.AsyncClient, database: Database, parts: Parts, settings: UiSettings, script: Path
) -> None:
    body = {"name": "daily", "script": "reports/daily.py", "schedule": {"kind": "manual"}}
    job = (await client.post(JOBS, json=body)).json()
    well, badly = a_run(UUID(job["id"]), 1), a_run(UUID(job["id"]), 2, state=RunState.FAILED)
    texts = ScriptTexts(database, Scripts(settings.scripts_dir), parts.portal.clock)

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        loop = group.create_task(texts.run())
        for run, text in ((well, OLD), (badly, NEW)):
            write(script, text)
            await run_rows(database, run)
            await run_rows(database, an_attempt(run, state=run.state, script_sha256=sha256(text)))
            texts.note(RunId(run.id))
            await until_kept(database, sha256(text))
        loop.cancel()
    of_run = (await client.get(f"/api/v1/runs/{badly.id}/script")).json()["change"]
    write(script, b"\0")
    of_job = (await client.get(f"{JOBS}/{job['id']}/script")).json()["change"]

    assert of_run["since"] | {"at": ""} == {
        "sha256": sha256(OLD),
        "at": "",
        "run_id": str(well.id),
        "run_number": 1,
    }
    assert [(one["kind"], one["text"]) for one in of_run["diff"]["lines"]] == [
        ("removed", "print('old')"),
        ("added", "print('new')"),
        ("same", ""),
    ]
    assert of_job["diff"]["problem"] == "What changed is not shown: this version is no text."
    assert (await client.get(f"/api/v1/runs/{well.id}/script")).json() == {"change": None}
    # What succeeds later is no change before it.
    await run_rows(database, later := a_run(UUID(job["id"]), 3))
    await run_rows(database, an_attempt(later, script_sha256=sha256(NEWEST)))
    assert (await client.get(f"/api/v1/runs/{badly.id}/script")).json()["change"] == of_run


async def test_of_large_scripts_one_at_a_time_is_held(
    client: httpx.AsyncClient, database: Database, parts: Parts, settings: UiSettings
) -> None:
    size = MOST_HASHED_BYTES - 1_000_000
    hashes = []
    for name in ("a.py", "b.py", "c.py", "d.py"):
        content = name.encode().ljust(size)
        write(settings.scripts_dir / name, content)
        body = {"name": name, "script": name, "schedule": {"kind": "manual"}}
        run = a_run(UUID((await client.post(JOBS, json=body)).json()["id"]), 1)
        hashes.append(sha256(content))
        await run_rows(database, run)
        await run_rows(database, an_attempt(run, script_sha256=hashes[-1]))
        await a_ledger(database, run.job_id, last_run_id=run.id)
    del content
    texts = ScriptTexts(database, Scripts(settings.scripts_dir), parts.portal.clock)

    tracemalloc.start()
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        loop = group.create_task(texts.run())
        for one in hashes:
            await until_kept(database, one)
        loop.cancel()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 3 * size


async def test_texts_go_with_the_runs_that_ran_them_unless_they_are_pinned(
    client: httpx.AsyncClient, database: Database
) -> None:
    job = await a_strict_job(client)
    long_ago = NOW - timedelta(days=30)
    async with database.ledger.begin() as session:
        for text in (OLD, NEW):
            await script_texts.keep(session, sha256(text), text, now=long_ago)
        await script_texts.keep(session, sha256(NEWEST), NEWEST, now=NOW)
        session.add(a_run(UUID(job["id"]), due_at=NOW - timedelta(days=9)))

    async with database.ledger.begin() as session:
        await script_texts.drop_unused(session)
        kept = await script_texts.texts_of(session, list(map(sha256, (OLD, NEW, NEWEST))))

    assert set(kept) == {sha256(OLD), sha256(NEWEST)}


async def test_the_folder_is_listed_with_its_users_and_what_is_missing(
    client: httpx.AsyncClient, script: Path
) -> None:
    root = script.parents[1]
    for name in ("data.csv", ".hidden.py", " odd.py", "reports/plain", "gone.py", "secrets/.key"):
        write(root / name, b"<script>alert(1)</script>\n")
    (root / "link.py").symlink_to("/etc/passwd")
    (root / "away").symlink_to("/etc")
    os.link(root / "data.csv", root / "hard.py")
    for name in ("reports/daily.py", "gone.py"):
        await client.post(JOBS, json={"name": name, "script": name, "schedule": {"kind": "manual"}})
    (root / "gone.py").unlink()

    folder = (await client.get(f"{SCRIPTS}/folder")).json()

    assert {one["name"]: one["problem"].split(":")[0].split(".")[0] for one in folder["items"]} == {
        " odd.py": "' odd",
        "away": "A symbolic link",
        "data.csv": "A hard link to a file that has other names",
        "hard.py": "A hard link to a file that has other names",
        "link.py": "A symbolic link",
        "reports/daily.py": "",
        "reports/plain": "Nothing says how to run it",
    }
    assert [(one["name"], [job["name"] for job in one["jobs"]]) for one in folder["missing"]] == [
        ("gone.py", ["gone.py"])
    ]
    (daily,) = [one for one in folder["items"] if one["name"] == "reports/daily.py"]
    assert (daily["size"], daily["job_count"], daily["jobs"][0]["name"]) == (len(OLD), 1, "reports/daily.py")
    assert folder["cut"] is False


async def test_what_lies_beyond_the_folders_that_are_looked_at_is_not_missing(
    client: httpx.AsyncClient, script: Path
) -> None:
    root = script.parents[1]
    for number in range(2_000):
        (root / f"many/{number}").mkdir(parents=True)
    await client.post(
        JOBS, json={"name": "daily", "script": "reports/daily.py", "schedule": {"kind": "manual"}}
    )

    folder = (await client.get(f"{SCRIPTS}/folder")).json()

    assert (folder["items"], folder["missing"]) == ([], [])


async def test_a_script_is_read_by_the_rules_of_executors(client: httpx.AsyncClient, script: Path) -> None:
    root = script.parents[1]
    for path in (root / ".hidden.py", root.parent / "outside.py"):
        write(path, b"outside")
    (root / "link.py").symlink_to("../outside.py")
    refused = {
        "link.py": "symbolic link",
        "reports/../../outside.py": "may not contain '..'",
        "/etc/passwd": "without a leading /",
        ".hidden.py": "Hidden files",
        "reports": "not a plain file",
        "gone.py": "does not exist",
    }

    read = await client.get(f"{SCRIPTS}/text", params={"name": "reports/daily.py"})
    answers = {name: await client.get(f"{SCRIPTS}/text", params={"name": name}) for name in refused}

    assert read.json()["text"] == OLD.decode()
    assert {one.status_code for one in answers.values()} == {404}
    assert {
        name: answers[name].json()["detail"] for name in refused if refused[name] not in answers[name].text
    } == {}


async def test_what_cannot_be_hashed_cannot_be_pinned(client: httpx.AsyncClient, script: Path) -> None:
    os.truncate(script, MOST_HASHED_BYTES + 1)
    body = {"name": "daily", "script": "reports/daily.py", "schedule": {"kind": "manual"}}

    refused = await client.post(JOBS, json={**body, "pinning": "strict"})

    assert (refused.status_code, refused.json()["field"]) == (422, "pinning")
    assert "up to 16 MB" in refused.json()["detail"]


async def test_the_page_of_a_job_does_not_wait_for_a_disk_that_hangs(
    parts: Parts, script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = await a_job(parts, script="reports/daily.py")
    quick = await job.script_in_time(parts.portal, job_id)
    monkeypatch.setattr(job, "_PATIENCE_S", 0.02)
    disk, answers = ThreadPoolExecutor(1), threading.Event()
    asyncio.get_running_loop().set_default_executor(disk)
    disk.submit(answers.wait)
    try:
        slow = await job.script_in_time(parts.portal, job_id)
    finally:
        answers.set()

    assert (quick and quick.sha256, slow) == (sha256(OLD), None)

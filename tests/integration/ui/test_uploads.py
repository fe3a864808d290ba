"""Scripts that people upload: whole, in their place, over nothing that nobody named; on both databases."""

import asyncio
import fcntl
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import ClientDisconnect

from services.ui import app
from services.ui.app import Parts
from services.ui.settings import UiSettings
from shared.db.engine import Database
from shared.runtime.settings import DatabaseSettings
from tests.integration.ui.stage import NOWHERE, ClockFromNow, a_client, a_job

SCRIPTS = "/api/v1/scripts"
OLD, NEW = b"print('old')\n", b"print('new')\n"

HOSTILE = (
    "",
    "../new.py",
    "ledger/../../outside/new.py",
    "/etc/new.py",
    "..\\new.py",
    "away/new.py",
    "away/secret.py",
    "old.py/new.py",
    "nowhere/new.py",
    "link.py",
    "fifo.py",
    "ledger",
    ".hidden.py",
    ".git/new.py",
    "new\0.py",
    "new\u202e.py",
    " new.py",
    f"{'n' * 300}.py",
    "notes.txt",
    "new",
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A scripts directory with a neighbour that nobody may touch, and ways that lead there."""
    root = tmp_path / "outer" / "scripts"
    (root / "ledger").mkdir(parents=True)
    (root / "old.py").write_bytes(OLD)
    outside = tmp_path / "outer" / "outside"
    outside.mkdir()
    (outside / "secret.py").write_bytes(OLD)
    (root / "away").symlink_to(outside)
    (root / "link.py").symlink_to(outside / "secret.py")
    os.mkfifo(root / "fifo.py")
    return root


@pytest.fixture
def settings(store: DatabaseSettings, root: Path) -> UiSettings:
    return UiSettings(
        home=store.home,
        database_url=store.database_url,
        amqp_url=NOWHERE,
        scripts_dir=root,
        upload_bytes=10_000,
    )


async def upload(
    client: httpx.AsyncClient, name: str, content: bytes | AsyncIterator[bytes], **query: str
) -> httpx.Response:
    return await client.post(SCRIPTS, params={"name": name, **query}, content=content)


def everything(root: Path) -> dict[str, Any]:
    """Return what lies in the directory and beside it, hidden files and all."""
    return {
        str(path): (path.lstat().st_mode, path.read_bytes() if path.is_file() else None)
        for path in sorted(root.parent.rglob("*"))
    }


async def in_pieces(content: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(content), 7):
        yield content[at : at + 7]


async def test_a_script_is_stored_whole_for_everybody_to_run_and_noted(
    client: httpx.AsyncClient, root: Path
) -> None:
    room = (await client.get(SCRIPTS)).json()
    script = await upload(client, "ledger/close.py", in_pieces(NEW * 100))
    program = await upload(client, "tool", b"#!/bin/sh\necho hello\n")

    assert (room["root"], room["upload_bytes"]) == (str(root), 10_000)
    assert (script.status_code, script.json()["sha256"]) == (201, hashlib.sha256(NEW * 100).hexdigest())
    assert (program.status_code, program.json()["is_runnable"]) == (201, True)
    modes = [(root / name).stat().st_mode & 0o777 for name in ("ledger/close.py", "tool")]
    assert modes == [0o644, 0o755]
    assert not [path for path in everything(root) if "/." in path]
    assert {"ledger/close.py", "tool"} <= set((await client.get(SCRIPTS)).json()["items"])
    done = (await client.get("/api/v1/activity")).json()["items"]
    assert [(one["kind"], one["subject"]) for one in done] == [
        ("script-uploaded", "tool"),
        ("script-uploaded", "ledger/close.py"),
    ]


async def test_a_script_is_replaced_only_where_that_is_asked_and_only_what_was_seen(
    client: httpx.AsyncClient, root: Path
) -> None:
    seen = hashlib.sha256(OLD).hexdigest()

    refused = await upload(client, "old.py", NEW)
    stale = await upload(client, "old.py", NEW, replaces=hashlib.sha256(NEW).hexdigest())
    assert (refused.status_code, stale.status_code) == (409, 409)
    assert "already" in refused.json()["detail"]
    assert (root / "old.py").read_bytes() == OLD

    async with asyncio.TaskGroup() as group:
        both = [
            group.create_task(upload(client, "old.py", content, replaces=seen))
            for content in (NEW, NEW + NEW)
        ]
    won = [task.result().status_code for task in both]
    assert sorted(won) == [201, 409]
    assert (root / "old.py").read_bytes() == (NEW if won[0] == 201 else NEW + NEW)
    done = (await client.get("/api/v1/activity")).json()["items"]
    assert [one["kind"] for one in done] == ["script-replaced"]


async def test_who_locks_the_folder_holds_up_neither_uploads_nor_the_ledger(
    client: httpx.AsyncClient, parts: Parts, root: Path
) -> None:
    """Scripts may read the scripts directory, and so lock it."""
    held = os.open(root, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    try:
        async with asyncio.TaskGroup() as group:
            new = group.create_task(upload(client, "new.py", NEW))
            over = group.create_task(upload(client, "old.py", NEW, replaces=hashlib.sha256(OLD).hexdigest()))
            job = group.create_task(a_job(parts, script="old.py"))
        assert (new.result().status_code, over.result().status_code) == (201, 409)
        assert "locked" in over.result().json()["detail"]
        assert job.result()
    finally:
        os.close(held)


async def test_a_name_that_leads_away_or_cannot_run_touches_nothing(
    client: httpx.AsyncClient, root: Path
) -> None:
    before = everything(root)

    wrong = []
    for name in HOSTILE:
        for query in ({}, {"replaces": hashlib.sha256(OLD).hexdigest()}):
            answer = await upload(client, name, NEW, **query)
            if answer.status_code not in {409, 422} or not answer.json()["detail"]:
                wrong.append((name, query, answer.text))

    assert wrong == []
    assert everything(root) == before


async def test_what_a_crash_left_is_removed_by_the_next_upload(client: httpx.AsyncClient, root: Path) -> None:
    left, going_on, another = (root / f".upload-{name}" for name in ("0" * 16, "1" * 16, "of-mine"))
    for path in (left, going_on, another):
        path.write_bytes(NEW)
    for path in (left, another):
        os.utime(path, (0, 0))

    stored = await upload(client, "new.py", NEW)

    assert stored.status_code == 201
    assert [path.exists() for path in (left, going_on, another)] == [False, True, True]


async def test_what_is_too_large_empty_or_cut_off_leaves_nothing(
    client: httpx.AsyncClient, parts: Parts, root: Path
) -> None:
    before = everything(root)

    async def cut_off() -> AsyncIterator[bytes]:
        yield NEW
        raise ClientDisconnect

    large = await upload(client, "large.py", in_pieces(b"#" * 10_001))
    empty = await upload(client, "empty.py", b"")
    with pytest.raises(ClientDisconnect):
        await parts.portal.uploads.store("cut.py", cut_off())

    assert (large.status_code, empty.status_code) == (422, 422)
    assert "PORTAL_UPLOAD_BYTES" in large.json()["detail"]
    assert everything(root) == before
    assert (await client.get("/api/v1/activity")).json()["items"] == []


async def test_where_nothing_may_be_stored_it_says_so(
    settings: UiSettings, database: Database, root: Path
) -> None:
    for place, most in ((Path("/sys/kernel"), 10_000), (root / "nowhere", 10_000), (root, 0)):
        changed = settings.model_copy(update={"scripts_dir": place, "upload_bytes": most})
        portal = app.compose(changed, database, ClockFromNow()).portal
        async with a_client(portal) as client:
            answer = await upload(client, "new.py", NEW)
            room = (await client.get(f"{SCRIPTS}/folder")).json()["upload_bytes"]

        assert (answer.status_code, answer.json()["field"]) == (422, "script")
        assert "scripts directory" in answer.json()["detail"]
        assert room == 0 or place == Path("/sys/kernel")  # root may write there, as far as access(2) knows

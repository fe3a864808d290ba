"""Names and paths that mean harm, at every parameter of every route: refused, and nothing is touched."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from sqlalchemy import select

from services.ui import app
from services.ui.api.openapi import operations
from services.ui.app import Parts
from shared.db.engine import Database
from shared.db.tables import LedgerBase
from tests.integration.ui.stage import a_job

HOSTILE = [
    *("..", "../../etc/passwd", "%2e%2e%2fetc", "..\\..\\boot.ini", "\0", "a\0b", "a/../../b", "/etc/passwd"),
    *(
        "\u2024\u2024/x",
        "\uff0e\uff0e/x",
        "\u202egnp.exe",
        "jo\u0430b",
        "' OR 1=1 --",
        "<script>",
        "${jndi:x}",
    ),
    *("x" * 60_000, "\ud7ff\U0010ffff", " ", "\r\nSet-Cookie: a=b"),
]
JSON = {"content-type": "application/json"}
BASE = httpx.URL("http://127.0.0.1:8080")


@pytest.fixture
async def client(parts: Parts) -> AsyncIterator[httpx.AsyncClient]:
    """A program that is told of what went wrong by its status, as from a real server."""
    ours = app.guarded(app.machine_side(parts.portal), parts.portal)
    transport = httpx.ASGITransport(ours, raise_app_exceptions=False)
    bearer = {"authorization": f"Bearer {parts.portal.access.local.key}"}
    async with httpx.AsyncClient(transport=transport, base_url=BASE, headers=bearer) as opened:
        yield opened


async def state_of(database: Database, folder: Path) -> tuple[object, ...]:
    """Return what must stay as it is: every row of the ledger, and every file of the scripts directory."""
    async with database.reading() as session:
        rows = [
            (table.name, sorted(map(repr, await session.execute(select(table)))))
            for table in LedgerBase.metadata.sorted_tables
        ]
    files = [(str(one), hashlib.sha256(one.read_bytes()).hexdigest()) for one in files_in(folder)]
    return rows, files


def files_in(folder: Path) -> list[Path]:
    return sorted(one for one in folder.rglob("*") if one.is_file())


def quoted(text: str) -> str:
    # A client makes a path of two dots the folder above before it asks; of these it does not.
    return quote(text, safe="").replace(".", "%2e")


def places(operation: dict[str, Any], kind: str) -> list[str]:
    return [one["name"] for one in operation.get("parameters", ()) if one["in"] == kind]


def paths(name: str, operation: dict[str, Any], known: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the paths of a route with one hostile part each, the others known."""
    method, _, path = name.partition(" ")
    parts = places(operation, "path")
    for part in parts:
        for hostile in HOSTILE:
            given = {**{one: known.get(one, "1") for one in parts}, part: quoted(hostile)}
            yield method, path.format(**given)


async def test_a_hostile_part_of_a_path_is_refused(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    known = {"job_id": str(await a_job(parts))}
    document = (await client.get("/api/openapi.json")).json()
    folder = parts.portal.settings.scripts_dir
    before = await state_of(database, folder)

    asked, answered = 0, []
    for name, operation in operations(document):
        for method, path in paths(name, operation, known):
            url = BASE.copy_with(raw_path=path.encode())
            answer = await client.request(method, url, content=b"{}", headers=JSON)
            asked += 1
            if not 400 <= answer.status_code < 500:
                answered.append((method, path[:80], answer.status_code))

    assert answered == []
    assert asked > 1_000
    assert await state_of(database, folder) == before


async def test_a_hostile_question_breaks_nothing(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    known = {"job_id": str(await a_job(parts))}
    document = (await client.get("/api/openapi.json")).json()
    folder = parts.portal.settings.scripts_dir
    before = await state_of(database, folder)

    asked, broken = 0, []
    for name, operation in operations(document):
        method, _, path = name.partition(" ")
        given = {one: known.get(one, "1") for one in places(operation, "path")}
        for question in places(operation, "query"):
            for hostile in HOSTILE:
                url = BASE.copy_with(raw_path=f"{path.format(**given)}?{question}={quoted(hostile)}".encode())
                answer = await client.request(method, url)
                asked += 1
                if answer.status_code >= 500:
                    broken.append((name, question, hostile[:20], answer.status_code))

    assert broken == []
    assert asked > 500
    assert await state_of(database, folder) == before


async def test_a_hostile_field_of_a_job_is_refused_or_kept_as_text(
    client: httpx.AsyncClient, parts: Parts
) -> None:
    document = (await client.get("/api/openapi.json")).json()
    fields = document["components"]["schemas"]["JobBody"]["properties"]
    folder = parts.portal.settings.scripts_dir
    before = files_in(folder)

    kept = []
    for field in fields:
        for hostile in (*HOSTILE, "x" * 1_000_000):
            body = {"name": "hello", "script": "hello.py", "schedule": {"kind": "manual"}, field: hostile}
            answer = await client.post("/api/v1/jobs", json=body)
            if answer.status_code == 201:
                kept.append(field)
                job = answer.json()
                assert (job[field] or "") == hostile.strip()
                await client.delete(f"/api/v1/jobs/{job['id']}")
            else:
                assert answer.status_code == 422, (field, hostile[:20], answer.text[:200])
                assert answer.json()["detail"]

    assert set(kept) <= {"name", "description", "limit_key"}
    assert files_in(folder) == before

"""The files that runs left: whole or not listed, and saved under their names by every browser."""

from urllib.parse import quote

import httpx
import pytest

from services.ui.recorder.writer import Writer
from shared.db.engine import Database
from tests.integration.ui.stage import Parts, a_job, a_part, a_piece, a_run, an_attempt, an_output, run_rows


async def test_a_file_is_there_when_its_last_piece_is_and_comes_as_it_was(
    parts: Parts, database: Database, client: httpx.AsyncClient
) -> None:
    run = a_run(await a_job(parts))
    attempt = an_attempt(run, last_seq=4)
    await run_rows(database, run)
    await run_rows(database, attempt)
    at = f"/api/v1/runs/{run.id}/artifacts"
    writer = Writer(database.logs)
    first = a_piece(run, attempt.id, 2, a_part("a/b.csv", b"\x00\xff" * 32_768, is_last=False))
    last = a_piece(run, attempt.id, 4, a_part("a/b.csv", b"end", start=65_536))
    empty = a_piece(run, attempt.id, 3, a_part("empty", b""))

    stored = await writer.write([last, an_output(run, attempt.id, 1, "said\n"), empty, last])
    assert stored == {attempt.id: 1}
    page = (await client.get(at)).json()
    assert ([item["name"] for item in page["items"]], page["complete"]) == (["empty"], False)
    assert (await client.get(f"{at}/a/b.csv")).status_code == 404

    assert await writer.write([first]) == {attempt.id: 4}
    page = (await client.get(at)).json()
    assert page == {
        "items": [
            {"name": "a/b.csv", "size": 65_539, "sha256": "5e" * 32},
            {"name": "empty", "size": 0, "sha256": "5e" * 32},
        ],
        "complete": True,
    }
    assert (await client.get(f"{at}/a/b.csv?attempt=1")).content == b"\x00\xff" * 32_768 + b"end"
    assert (await client.get(f"{at}/empty")).content == b""
    assert (await client.get(f"{at}/a/b.csv?attempt=2")).status_code == 404
    # In the log they are nothing to read.
    assert (await client.get(f"/api/v1/runs/{run.id}/log.txt")).text == "said\n"
    assert (await client.get(f"/api/v1/runs/{run.id}")).json()["log"]["complete"] is True


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("page.html", "page.html"),
        ('x"; filename=evil.exe', "x__ filename_evil.exe"),
        ("50% 早安.html", "50_ __.html"),
    ],
)
async def test_a_download_is_saved_and_never_shown(
    parts: Parts, database: Database, client: httpx.AsyncClient, name: str, plain: str
) -> None:
    run = a_run(await a_job(parts))
    attempt = an_attempt(run)
    await run_rows(database, run)
    await run_rows(database, attempt)
    await Writer(database.logs).write([a_piece(run, attempt.id, 1, a_part(f"a b/{name}", b"<script>"))])

    answer = await client.get(f"/api/v1/runs/{run.id}/artifacts/{quote(f'a b/{name}')}")

    assert answer.content == b"<script>"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    saved = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    assert answer.headers["content-disposition"] == saved

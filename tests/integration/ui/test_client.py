"""The client of the command line, and a real ui at the other end of a real socket."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from services.cli import record
from services.cli.client import Client
from services.cli.errors import CannotDo, Exit
from services.cli.home import Home
from services.cli.process import identify
from services.cli.record import Record
from services.ui.app import Parts
from services.ui.settings import UiSettings
from tests.integration.ui.stage import a_job, serving

# About the wire: what is behind it is the same on every database.
on_one_database = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
Deed = Callable[[Client], Any]


@pytest.fixture
async def home(settings: UiSettings, parts: Parts) -> AsyncIterator[Path]:
    """The ui's home, whose record names this process and where it serves."""
    folder = Home(settings.home)
    folder.record.parent.mkdir()
    me = identify(os.getpid())
    assert me is not None
    async with serving(settings, parts) as address:
        running = Record(
            pid=me.pid,
            started=me.started,
            since=datetime.now(UTC),
            portal_url=f"http://{address}",
            console_url=None,
            children=(),
        )
        record.write(running, folder.record)
        yield folder.folder


async def told(deed: Deed, **where: Any) -> Any:
    """Return what the deed returns, or the words and the code of why it cannot be done."""

    def done() -> Any:
        try:
            with Client.open(**where) as client:
                return deed(client)
        except CannotDo as error:
            return str(error), error.code

    return await asyncio.to_thread(done)


@on_one_database
async def test_the_portal_of_a_home_is_found_and_asked(home: Path, parts: Parts) -> None:
    ids = [str(await a_job(parts, name=f"job {number}")) for number in range(5)]

    page = await told(lambda client: client.pages("/jobs", limit=4, q="job", state=None), home=home)
    one = await told(lambda client: client.get("/jobs/{}", ids[0]), home=home)
    paused = await told(lambda client: client.post("/jobs/{}/pause", ids[0]), home=home)
    text = await told(lambda client: client.post("/freeze", body="for_s: 60"), home=home)

    assert ([job["id"] for job in page["items"]], page["total"]) == (ids[:4], 5)
    assert (one["name"], one["paused_at"], paused["paused_at"] is not None) == ("job 0", None, True)
    assert text[1] is Exit.WRONG


@pytest.mark.parametrize(
    ("deed", "code", "words"),
    [
        (lambda client: client.get("/jobs/{}", "no-id"), Exit.WRONG, "valid UUID"),
        (lambda client: client.get("/executors/{}", "a/b"), Exit.NOT_THERE, ""),
        (lambda client: client.get("/executors/{}", "%2e%2e"), Exit.NOT_THERE, "executor"),
        (lambda client: client.get("/executors/{}", "a\x00\n?q=#"), Exit.NOT_THERE, "executor"),
        (lambda client: client.get("/executors/{}", "\udc80"), Exit.WRONG, "no text in UTF-8"),
        (lambda client: client.get("/jobs", q="\udc80"), Exit.WRONG, "no text in UTF-8"),
        (lambda client: client.get("/executors/{}", ".."), Exit.WRONG, "'..' is no name"),
        (lambda client: client.get("/executors/{}", "x" * 1_000_000), Exit.WRONG, "is no name"),
        (lambda client: client.get("/jobs", q="x" * 1_000_000), Exit.WRONG, "too long"),
        (lambda client: client.get("/jobs", limit=0), Exit.WRONG, "limit"),
        (
            lambda client: client.post("/jobs", body={"name": "a", "script": "../x", "schedule": {}}),
            Exit.WRONG,
            "script",
        ),
    ],
)
@on_one_database
async def test_what_cannot_be_is_one_line_and_a_code(home: Path, deed: Deed, code: Exit, words: str) -> None:
    said = await told(deed, home=home)

    assert said[1] is code
    assert words in said[0]
    assert "\n" not in said[0]


@pytest.mark.parametrize(
    ("where", "code", "words"),
    [
        ({"url": "http://127.0.0.1:1"}, Exit.NOT_THERE, "No portal answers at http://127.0.0.1:1"),
        ({"url": "127.0.0.1:8080"}, Exit.WRONG, "https://jobs.example.org"),
        ({"url": "http://user:password@portal"}, Exit.WRONG, "https://jobs.example.org"),
        ({"url": "http://127.0.0.1:1", "token": "two\nlines"}, Exit.WRONG, "copy it again"),
        ({"home": Path("/nowhere")}, Exit.NOT_THERE, "No portal runs in /nowhere"),
    ],
)
async def test_a_portal_that_cannot_be_found_is_told(where: dict[str, Any], code: Exit, words: str) -> None:
    said = await told(lambda client: client.get("/jobs"), **where)

    assert said[1] is code
    assert words in said[0]


@on_one_database
async def test_the_key_of_a_home_goes_to_its_own_portal_only(home: Path) -> None:
    (home / "local.key").write_text("secret\n")

    def sent(client: Client) -> str | None:
        return client.http.headers.get("authorization")

    assert await told(sent, home=home) == "Bearer secret"
    assert await told(sent, home=home, token="jtp_mine") == "Bearer jtp_mine"
    assert await told(sent, home=home, url="http://127.0.0.1:1") is None

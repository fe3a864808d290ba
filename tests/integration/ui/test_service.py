"""The ui as a process: how it starts, what it serves alone, how it stops."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.integration.ui.conftest import SCRIPTS
from tests.integration.ui.stage import NOWHERE, eventually
from tests.support.identity import bearer
from tests.support.node import SessionBroker

ROOT = Path(__file__).parents[3]
JOB = {"name": "hello", "script": "hello.py", "schedule": {"kind": "manual"}}


class Process:
    def __init__(self, process: asyncio.subprocess.Process, url: str, home: Path) -> None:
        self.process = process
        self.url = url
        self.bearer = bearer(home)

    def client(self) -> httpx.AsyncClient:
        """Return a client of it that is this machine's command line."""
        return httpx.AsyncClient(base_url=self.url, headers=self.bearer)

    async def stopped(self) -> tuple[int, float]:
        """Ask it to stop; return its exit status and how long it took."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        self.process.send_signal(signal.SIGTERM)
        status = await asyncio.wait_for(self.process.wait(), 20)
        return status, loop.time() - began


async def spawned(home: Path, **settings: str) -> asyncio.subprocess.Process:
    environment = {
        "PATH": os.environ["PATH"],
        "PORTAL_HOME": str(home),
        "PORTAL_SCRIPTS_DIR": str(SCRIPTS),
        "PORTAL_UI_PORT": "0",
        "PORTAL_AMQP_URL": NOWHERE,
        "PORTAL_LOG_FORMAT": "json",
        **settings,
    }
    given = {name: value for name, value in environment.items() if value}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.ui", cwd=ROOT, env=given, stderr=asyncio.subprocess.PIPE
    )


@asynccontextmanager
async def a_ui(home: Path, **settings: str) -> AsyncIterator[Process]:
    process = await spawned(home, **settings)
    try:
        assert process.stderr is not None
        while True:
            line = await asyncio.wait_for(process.stderr.readline(), 30)
            assert line, "the ui ended before it served"
            if "url" in (said := json.loads(line)):
                break
        yield Process(process, said["url"], home)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_without_a_broker_it_serves_takes_requests_and_stops_in_time(home: Path) -> None:
    async with a_ui(home) as ui, ui.client() as client, AsyncExitStack() as stack:
        ready = await eventually(lambda: answered(client, "/readyz"))
        page = await client.get("/jobs")
        job = (await client.post("/api/v1/jobs", json=JOB)).json()
        asked = await client.post(f"/api/v1/jobs/{job['id']}/run")
        shown = (await client.get(asked.headers["location"])).json()
        for _ in range(3):
            address = f"{ui.url.replace('http', 'ws')}/api/v1/stream"
            socket = await stack.enter_async_context(connect(address, additional_headers=ui.bearer))
            await socket.recv()
        status, took_s = await ui.stopped()

    assert (ready.json()["ready"], ready.json()["facts"]["title"]) == (True, "RabbitMQ is away")
    assert page.status_code == 200
    assert asked.status_code == 202
    assert shown["state"] == "queued"
    assert status == 0
    assert took_s < 5


async def test_with_a_broker_it_stops_in_time_and_leaves_no_live_queue(home: Path, amqp_url: str) -> None:
    async with a_ui(home, PORTAL_AMQP_URL=amqp_url) as ui, ui.client() as client:

        async def has_broker() -> bool:
            answer = await answered(client, "/api/v1/health")
            return answer is not None and answer.json()["broker"]

        await eventually(has_broker)
        status, took_s = await ui.stopped()

    assert status == 0
    assert took_s < 5


async def test_when_the_broker_goes_health_says_so_and_it_stops_in_time(
    home: Path, broker_node: SessionBroker
) -> None:
    amqp_url = broker_node.fresh_vhost()
    async with a_ui(home, PORTAL_AMQP_URL=amqp_url) as ui, ui.client() as client:

        async def has_broker(*, expected: bool) -> bool:
            answer = await answered(client, "/api/v1/health")
            return answer is not None and answer.json()["broker"] is expected

        await eventually(lambda: has_broker(expected=True))
        broker_node.drop_vhost(amqp_url)
        await eventually(lambda: has_broker(expected=False))
        health = (await client.get("/api/v1/health")).json()
        status, took_s = await ui.stopped()

    assert health["title"] == "RabbitMQ is away"
    assert health["since"] is not None
    assert status == 0
    assert took_s < 5


async def test_its_pages_carry_a_fresh_nonce_on_every_script(home: Path) -> None:
    async with a_ui(home) as ui, ui.client() as client:
        await eventually(lambda: answered(client, "/readyz"))
        first, second = [await client.get("/") for _ in range(2)]

    policies = [answer.headers["content-security-policy"] for answer in (first, second)]
    nonce = policies[0].split("'nonce-")[1].split("'")[0]
    assert "unsafe-inline' 'nonce" not in policies[0]
    assert policies[0] != policies[1]
    assert first.text.count("<script") == first.text.count(f'<script nonce="{nonce}"') > 0
    assert int(first.headers["content-length"]) > 0


async def answered(client: httpx.AsyncClient, path: str) -> httpx.Response | None:
    try:
        return await client.get(path)
    except httpx.TransportError:
        return None


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"PORTAL_UI_HOST": "0.0.0.0"}, b"no owner yet"),
        ({"PORTAL_AMQP_URL": ""}, b"PORTAL_AMQP_URL: Field required"),
        ({"PORTAL_UI_PORT": "99999"}, b"PORTAL_UI_PORT"),
    ],
)
async def test_a_setting_that_cannot_be_is_refused_in_words(
    home: Path, changes: dict[str, str], says: bytes
) -> None:
    process = await spawned(home, **changes)
    _, error = await process.communicate()

    assert process.returncode == 1
    assert says in error
    assert b"Traceback" not in error


async def test_a_port_that_is_taken_is_said(home: Path) -> None:
    async with a_ui(home) as ui:
        process = await spawned(home, PORTAL_UI_PORT=ui.url.rsplit(":", 1)[1])
        _, error = await process.communicate()

    assert process.returncode == 1
    assert b"Stop what uses it" in error
    assert b"Traceback" not in error

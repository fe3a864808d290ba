"""Another ui beside a portal's own, as a second replica is, or as one that can be looked into."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
from websockets.asyncio.client import connect

from tests.support.eventually import eventually
from tests.support.identity import bearer
from tests.support.stack import ROOT, Stack


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """A ui that nobody starts again."""

    process: subprocess.Popen[bytes]
    url: str
    counts: Path
    known: dict[str, str]
    """The header of this machine's command line."""

    @property
    def port(self) -> int:
        """Return where it listens on loopback."""
        return urlsplit(self.url).port or 0

    def count(self) -> dict[str, int]:
        """Return what it holds: clients of pages, tasks, streams. Only of one that is counted."""
        self.counts.unlink(missing_ok=True)
        self.process.send_signal(signal.SIGUSR1)
        eventually(self.counts.exists, within_s=30, what="the ui said what it holds")
        found: dict[str, int] = json.loads(self.counts.read_text())
        return found


@contextmanager
def another_ui(stack: Stack, module: str = "services.ui") -> Iterator[Replica]:
    """Run another ui with the settings of the portal's own while inside."""
    folder = stack.home.parent
    said, counts = folder / f"{uuid4().hex}.log", folder / f"{uuid4().hex}.counts"
    settings = environment_of(stack.pid("ui")) | {"PORTAL_UI_PORT": "0", "PORTAL_LOG_FORMAT": "json"}
    settings |= {"PYTHONPATH": str(ROOT), "COUNTS": str(counts)}
    with said.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", module], env=settings, stderr=output)
    try:
        eventually(lambda: '"listening"' in said.read_text(), within_s=60, what="another ui listens")
        url = next(json.loads(line)["url"] for line in said.read_text().splitlines() if '"url"' in line)
        yield Replica(process=process, url=url, counts=counts, known=bearer(stack.home))
    finally:
        process.kill()
        process.wait()


def environment_of(pid: int) -> Mapping[str, Any]:
    """Return the environment that a process of ours was started with."""
    told = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return os.environ | dict(one.split("=", 1) for one in told if "=" in one)


async def open_and_close(http: httpx.AsyncClient, path: str) -> None:
    """Open a page with both its sockets, as a browser does, and leave."""
    page = (await http.get(path)).raise_for_status().text
    client = page.split("'client_id': '")[1].split("'")[0]
    base = str(http.base_url).rstrip("/").replace("http", "ws", 1)
    said = (
        f"client_id={client}&next_message_id=0&implicit_handshake=true&document_id={uuid4()}&tab_id={uuid4()}"
    )
    origin = str(http.base_url).rstrip("/")
    known = {"authorization": http.headers["authorization"]}
    async with (
        connect(
            f"{base}/_nicegui_ws/socket.io/?EIO=4&transport=websocket&{said}",
            origin=origin,
            additional_headers=known,
        ) as pages,
        connect(f"{base}/api/v1/stream", origin=origin, additional_headers=known) as stream,
    ):
        await pages.recv()  # engine.io opens
        await pages.send("40")
        assert str(await pages.recv()).startswith("40")  # socket.io took it
        await stream.send('{"subscribe": ["runs", "jobs", "executors", "health"]}')
        await stream.recv()

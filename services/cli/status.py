"""`portal status` and `portal down`: what another process can see of a portal, and ask of it."""

import asyncio
import os
import signal
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from services.cli import probe, record
from services.cli.console import Console
from services.cli.home import Home
from services.cli.process import is_alive, listens
from services.cli.record import Record
from services.cli.roster import DRAIN_BOUND_S

NOTHING_RUNS = 3
_POLL_S = 0.2
_REST_BOUND_S = 120.0  # ui, broker and epmd after the executors


def show(home: Home) -> int:
    """Print the table; return 0 if all are ready, 1 if not, 3 if nothing runs."""
    console = Console()
    running = record.running(home.record)
    if running is None:
        console.say(f"No portal runs in {home.folder}.")
        return NOTHING_RUNS
    ready = asyncio.run(_ask_all(running))
    console.say(f"{'name':<14}{'pid':>8}  {'ready':<7}{'restarts':>8}  up for")
    now = datetime.now(UTC)
    for child, is_ready in zip(running.children, ready, strict=True):
        up_for = timedelta(seconds=round((now - child.since).total_seconds()))
        console.say(
            f"{child.name:<14}{child.pid:>8}  {'yes' if is_ready else 'NO':<7}{child.restarts:>8}  {up_for}"
        )
    console.say(f"Portal    {running.portal_url}")
    if running.console_url is not None:
        console.say(f"RabbitMQ  {running.console_url}")
    return 0 if ready and all(ready) else 1


def stop(home: Home) -> int:
    """Ask the supervisor to drain and wait for it; return 0 when nothing runs any more."""
    console = Console()
    running = record.running(home.record)
    if running is None:
        console.say(f"No portal runs in {home.folder}.")
        return 0
    console.step("portal", f"asking pid {running.pid} to stop; executors wait for their running scripts")
    os.kill(running.pid, signal.SIGTERM)
    seen = ""
    bound = time.monotonic() + DRAIN_BOUND_S + _REST_BOUND_S
    while is_alive(running.identity):
        if time.monotonic() > bound:
            console.say(
                f"It has not stopped in time. Ctrl-C there, or `kill {running.pid}`, stops it at once."
            )
            return 1
        left = ", ".join(_living(record.read(home.record)))
        if left not in ("", seen):
            console.step("portal", f"still there: {left}")
            seen = left
        time.sleep(_POLL_S)
    console.step("portal", "stopped")
    return 0


def _living(current: Record | None) -> list[str]:
    return [child.name for child in current.children] if current is not None else []


async def _ask_all(running: Record) -> list[bool]:
    async with asyncio.TaskGroup() as asking:
        answers = [asking.create_task(probe.is_ready(child.probe)) for child in running.children]
    return [
        answer.result() and listens(child.pid, urlsplit(child.probe).port or 0)
        for child, answer in zip(running.children, answers, strict=True)
    ]

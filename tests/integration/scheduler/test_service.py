"""The whole service as a process: it starts, plans by the real clock, dies and goes on."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import urlopen
from uuid import UUID

import pytest
from sqlalchemy import select

from shared.broker import Consumer, connect
from shared.db import jobs
from shared.db.engine import open_database
from shared.db.tables import RunRow
from shared.domain.ids import JobId, new_id
from shared.domain.job import DEFAULT_POOL, Definition, Overlap
from shared.domain.run import RunState
from shared.domain.schedules import Interval
from shared.messages.commands import JobDue
from shared.messages.topology import due_queue
from shared.runtime.settings import DatabaseSettings
from tests.integration.scheduler.stage import seconds
from tests.support.eventually import eventually

ROOT = Path(__file__).parents[3]


def environment(store: DatabaseSettings, amqp_url: str, port: int = 0) -> dict[str, str]:
    key = store.home / "secrets" / "grant.key"
    key.parent.mkdir(exist_ok=True)
    key.write_text("ab" * 32)
    return {
        **os.environ,
        "PORTAL_HOME": str(store.home),
        **({} if store.database_url is None else {"PORTAL_DATABASE_URL": store.database_url}),
        "PORTAL_AMQP_URL": amqp_url,
        "PORTAL_HEALTH_PORT": str(port),
        "PYTHONPATH": str(ROOT),
    }


@contextmanager
def scheduler(store: DatabaseSettings, amqp_url: str, port: int = 0) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "services.scheduler"],
        env=environment(store, amqp_url, port),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_ready(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(json.load(answer)["ready"])
    except OSError:
        return False


async def a_job(store: DatabaseSettings, every_s: int) -> JobId:
    job_id, now = JobId(new_id()), datetime.now(UTC)
    async with open_database(store) as database, database.ledger.begin() as session:
        definition = Definition(name="ticks", script="hello.py", overlap=Overlap.ALLOW)
        await jobs.insert(session, job_id, definition, now=now)
        schedule = Interval(every=seconds(every_s), anchor=now)
        await jobs.replace_schedule(session, job_id, schedule, "UTC", now=now)
    return job_id


async def runs(store: DatabaseSettings) -> list[RunRow]:
    async with open_database(store) as database, database.reading.begin() as session:
        return list(await session.scalars(select(RunRow).order_by(RunRow.nominal_at)))


async def test_killed_at_any_moment_it_goes_on_and_every_instant_has_one_row(
    store: DatabaseSettings, amqp_url: str
) -> None:
    await a_job(store, 1)
    heard: Counter[UUID] = Counter()

    async with (
        connect(amqp_url, name="test") as broker,
        Consumer.on(broker, due_queue(DEFAULT_POOL, urgent=False), prefetch=100) as consumer,
        asyncio.timeout(150),
    ):
        for wanted in (1, 3, 5):
            with scheduler(store, amqp_url):  # killed at the end, in the middle of whatever it does
                while len(heard) < wanted:
                    await hear(consumer, heard)
        due = {row.id for row in await runs(store) if row.due_at <= datetime.now(UTC)}
        with scheduler(store, amqp_url):
            while due - set(heard):
                await hear(consumer, heard)

    rows = await runs(store)
    assert {row.state for row in rows} == {RunState.QUEUED}
    instants = [row.nominal_at for row in rows]
    assert instants == [instants[0] + seconds(count) for count in range(len(rows))]
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))


async def test_it_says_when_it_is_ready_and_stops_when_told(store: DatabaseSettings, amqp_url: str) -> None:
    port = free_port()
    with scheduler(store, amqp_url, port) as process:
        await asyncio.to_thread(eventually, lambda: is_ready(port), within_s=30, what="ready")

        process.terminate()
        _, log = await asyncio.to_thread(process.communicate, timeout=20)

    assert process.returncode == 0
    assert "scheduler stopped" in log


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_second_scheduler_of_one_home_says_so_and_ends(
    store: DatabaseSettings, amqp_url: str
) -> None:
    port = free_port()
    with scheduler(store, amqp_url, port):
        await asyncio.to_thread(eventually, lambda: is_ready(port), within_s=30, what="ready")
        with scheduler(store, amqp_url) as second:
            _, log = await asyncio.to_thread(second.communicate, timeout=30)

    assert second.returncode == 1
    assert "another scheduler works on" in log


async def test_without_a_migrated_database_it_says_what_to_do(tmp_path: Path, amqp_url: str) -> None:
    with scheduler(DatabaseSettings(home=tmp_path), amqp_url) as process:
        _, log = await asyncio.to_thread(process.communicate, timeout=30)

    assert process.returncode == 1
    assert "portal migrate" in log


async def hear(consumer: Consumer, heard: Counter[UUID]) -> None:
    delivery = await consumer.next()
    assert isinstance(delivery.message, JobDue)
    heard[delivery.message.run_id] += 1
    await delivery.ack()

"""The scheduler as a process of its own, and what is arranged around it."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO
from urllib.request import urlopen
from uuid import UUID

from sqlalchemy import select

from shared.broker import Consumer
from shared.db import jobs
from shared.db.engine import open_database
from shared.db.tables import RunRow
from shared.domain.ids import JobId, new_id
from shared.domain.job import Definition
from shared.domain.policy import Overlap
from shared.domain.schedules import Interval
from shared.messages.commands import JobDue
from shared.runtime.settings import DatabaseSettings
from tests.integration.scheduler.stage import seconds

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
def scheduler(
    store: DatabaseSettings,
    amqp_url: str,
    port: int = 0,
    *,
    said: IO[str] | int = subprocess.PIPE,
    settings: Mapping[str, str] = {},
) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "services.scheduler"],
        env=environment(store, amqp_url, port) | dict(settings),
        stderr=said,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


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


async def hear(consumer: Consumer, heard: Counter[UUID]) -> None:
    delivery = await consumer.next()
    assert isinstance(delivery.message, JobDue)
    heard[delivery.message.run_id] += 1
    await delivery.ack()

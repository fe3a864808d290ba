"""The whole service as a process: it starts, plans by the real clock, dies and goes on."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from shared.broker import Consumer, connect
from shared.domain.job import DEFAULT_POOL
from shared.domain.run import RunState
from shared.messages.topology import due_queue
from shared.runtime.settings import DatabaseSettings
from tests.integration.scheduler.process import a_job, hear, is_ready, runs, scheduler
from tests.integration.scheduler.stage import seconds
from tests.support.eventually import eventually
from tests.support.stack import free_port


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


async def test_it_stops_when_told_while_it_waits_for_its_broker(store: DatabaseSettings) -> None:
    with scheduler(store, f"amqp://guest:guest@127.0.0.1:{free_port()}/") as process:
        assert process.stderr is not None
        said = await asyncio.to_thread(process.stderr.readline)
        process.terminate()
        await asyncio.to_thread(process.wait, 20)

    assert "waiting for the broker" in said
    assert process.returncode == 0


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

"""The hub of live changes, apart from sockets and databases."""

import asyncio
from collections.abc import Sequence
from typing import Never

import pytest

from services.ui.live.hub import AWAY_S, FLUSH_S, Live, Sources
from services.ui.live.tails import LogSources
from services.ui.models import JobItem
from shared.domain.ids import JobId, new_id
from tests.support.manual_clock import ManualClock


async def test_a_database_that_is_away_is_asked_no_oftener_than_pages_can_load(
    request: pytest.FixtureRequest,
) -> None:
    clock = ManualClock()
    asked: list[list[JobId]] = []

    async def away(jobs: list[JobId]) -> Sequence[JobItem]:
        asked.append(jobs)
        raise ConnectionError("the database is away")

    async def unasked(*_: object) -> Never:
        raise AssertionError

    logs = LogSources(newest_attempt=unasked, chunks=unasked)
    live = Live(clock, Sources(jobs=away, health=unasked, logs=logs))
    running = asyncio.create_task(live.run())
    request.addfinalizer(running.cancel)

    async def asked_after(passed_s: float) -> int:
        clock.advance(passed_s)
        live.job_changed(JobId(new_id()))
        for _ in range(10):  # the hub has nothing to wait for but the clock
            await asyncio.sleep(0)
        return len(asked)

    with live.subscriber():
        counts = [await asked_after(passed_s) for passed_s in (0, FLUSH_S, AWAY_S - FLUSH_S)]

    assert counts == [1, 1, 2]

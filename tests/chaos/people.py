"""The people: they make the jobs, ask for runs and cancel some whatever goes on, and pause all at the end."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx

from tests.chaos.load import ASKED, EMPTIED, JOBS, UNWANTED
from tests.chaos.stage import Stage

_EVERY_S = 3.0
_PATIENCE_S = 60.0


@dataclass(slots=True)
class Wishes:
    """What they wanted. What was not answered was not promised, and may be done all the same."""

    asked: set[UUID] = field(default_factory=set)
    """The runs that they asked for and were told so."""
    unwanted: set[UUID] = field(default_factory=set)
    """The runs that they wanted to cancel, whatever the answer,"""
    cancelled: set[UUID] = field(default_factory=set)
    """and those of which they were told that it will be done."""


@dataclass(slots=True)
class People:
    """Uses the REST API as a browser does."""

    stage: Stage
    jobs: dict[str, str] = field(default_factory=dict)
    wishes: Wishes = field(default_factory=Wishes)

    async def make_jobs(self) -> None:
        """Make every job of the load."""
        for load in JOBS:
            body = load.body(self.stage.folder, self.jobs)
            self.jobs[load.name] = (await self._ask("POST", "/jobs", body))["id"]

    async def run(self, seed: int) -> None:
        """Ask and cancel every few seconds until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._ask_for_runs(random.Random(f"people {seed}")))
            group.create_task(self._cancel_runs(random.Random(f"unwanted {seed}")))

    async def pause_all(self) -> None:
        """Pause every job; asks again for as long as a minute."""
        for job in self.jobs.values():
            async with asyncio.timeout(_PATIENCE_S):
                while not await self._is_paused(job):  # noqa: ASYNC110
                    await asyncio.sleep(0.5)

    async def _ask_for_runs(self, chance: random.Random) -> None:
        async for _ in _now_and_then(chance, _EVERY_S):
            with suppress(httpx.HTTPError):
                answer = await self._ask("POST", f"/jobs/{self.jobs[chance.choice(ASKED)]}/run")
                self.wishes.asked.add(UUID(answer["run_id"]))

    async def _cancel_runs(self, chance: random.Random) -> None:
        async for _ in _now_and_then(chance, _EVERY_S):
            with suppress(httpx.HTTPError):
                if chance.random() < 0.1:
                    await self._ask("POST", f"/jobs/{self.jobs[EMPTIED]}/cancel-waiting")
                else:
                    await self._cancel_one(chance)

    async def _cancel_one(self, chance: random.Random) -> None:
        going = {"state": "held,queued,running", "job": self.jobs[chance.choice(UNWANTED)]}
        runs = (await self._ask("GET", "/runs", params=going))["items"]
        if runs:
            run_id = UUID(chance.choice(runs)["id"])
            self.wishes.unwanted.add(run_id)
            await self._ask("POST", f"/runs/{run_id}/cancel")
            self.wishes.cancelled.add(run_id)

    async def _is_paused(self, job: str) -> bool:
        try:
            await self._ask("POST", f"/jobs/{job}/pause")
        except httpx.HTTPError:
            return False
        return True

    async def _ask(
        self, method: str, path: str, body: object = None, params: dict[str, str] | None = None
    ) -> Any:
        answer = await self.stage.http.request(method, path, json=body, params=params)
        answer.raise_for_status()
        return answer.json() if answer.content else None


async def _now_and_then(chance: random.Random, every_s: float) -> AsyncIterator[None]:
    while True:
        await asyncio.sleep(chance.uniform(0.5, 2 * every_s))
        yield

"""The people: they make the jobs, ask for runs whatever goes on, and pause everything at the end."""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx

from tests.chaos.load import JOBS
from tests.chaos.stage import Stage

_EVERY_S = 3.0
_PATIENCE_S = 60.0


@dataclass(slots=True)
class People:
    """Uses the REST API as a browser does."""

    stage: Stage
    jobs: dict[str, str] = field(default_factory=dict)
    asked: set[UUID] = field(default_factory=set)

    async def make_jobs(self) -> None:
        """Make every job of the load."""
        for load in JOBS:
            self.jobs[load.name] = (await self._ask("POST", "/jobs", load.body(self.stage.folder)))["id"]

    async def run(self, seed: int) -> None:
        """Ask for a run every few seconds until cancelled; what is not answered was not promised."""
        chance = random.Random(f"people {seed}")
        while True:
            await asyncio.sleep(chance.uniform(0.5, 2 * _EVERY_S))
            try:
                answer = await self._ask("POST", f"/jobs/{self.jobs['asked']}/run")
            except httpx.HTTPError:
                continue
            self.asked.add(UUID(answer["run_id"]))

    async def pause_all(self) -> None:
        """Pause every job; asks again for as long as a minute."""
        for job in self.jobs.values():
            async with asyncio.timeout(_PATIENCE_S):
                while not await self._is_paused(job):  # noqa: ASYNC110
                    await asyncio.sleep(0.5)

    async def _is_paused(self, job: str) -> bool:
        try:
            await self._ask("POST", f"/jobs/{job}/pause")
        except httpx.HTTPError:
            return False
        return True

    async def _ask(self, method: str, path: str, body: object = None) -> Any:
        answer = await self.stage.http.request(method, path, json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None

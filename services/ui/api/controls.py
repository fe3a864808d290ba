"""Stopping and holding back over HTTP: runs, executors, pools, everything."""

from datetime import datetime, timedelta
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from services.ui.api.answers import answer
from services.ui.api.bodies import Instant
from services.ui.api.roles import FOLDER_OPERATOR, OPERATOR, VIEWER, roled
from services.ui.portal import Portal
from shared.domain.ids import ExecutorName, JobId, RunId

_LONGEST_S = 10**8


class FreezeBody(BaseModel):
    """When the freeze ends: at an instant, or at the first whole minute after so many seconds."""

    model_config = ConfigDict(extra="forbid")

    until: Instant | None = None
    for_s: int | None = Field(None, ge=1, le=_LONGEST_S)

    @model_validator(mode="after")
    def _has_one_end(self) -> "FreezeBody":
        if (self.until is None) == (self.for_s is None):
            raise ValueError("give either `until` or `for_s`")
        return self


def router(portal: Portal) -> APIRouter:
    """Return the routes of what stops and holds back."""
    routes = roled("/api/v1")
    _add_cancelling(routes, portal)
    _add_freezing(routes, portal)
    _add_pools(routes, portal)
    _add_executors(routes, portal)
    return routes


def _add_cancelling(routes: APIRouter, portal: Portal) -> None:
    @routes.post("/runs/{run_id}/cancel", openapi_extra=FOLDER_OPERATOR)
    async def cancel(run_id: UUID) -> Response:
        """Ask for the end of a run: one that waits never starts, one that runs is stopped."""
        await portal.controls.cancel(RunId(run_id))
        return answer(await portal.queries.run(RunId(run_id)), 202)

    @routes.get("/jobs/{job_id}/cancel-waiting", openapi_extra=VIEWER)
    async def waiting(job_id: UUID) -> Response:
        """Say how many runs of the job wait, before somebody decides over them."""
        return answer({"waiting": await portal.queries.waiting_of(JobId(job_id))})

    @routes.post("/jobs/{job_id}/cancel-waiting", openapi_extra=FOLDER_OPERATOR)
    async def cancel_waiting(job_id: UUID) -> Response:
        """Ask for the end of every run of the job that waits by now; what runs goes on."""
        return answer({"request_id": await portal.controls.cancel_waiting(JobId(job_id))}, 202)


def _add_freezing(routes: APIRouter, portal: Portal) -> None:
    async def freeze_now() -> Response:
        return answer({"freeze": (await portal.queries.health()).freeze})

    @routes.get("/freeze", openapi_extra=VIEWER)
    async def get_freeze() -> Response:
        """Say whether everything is frozen: since when, by whom, until when."""
        return await freeze_now()

    @routes.post("/freeze", openapi_extra=OPERATOR)
    async def freeze(body: FreezeBody) -> Response:
        """Let nothing start until then. Instants are recorded, and wait."""
        await portal.controls.freeze(body.until or _whole_minute(portal.clock.now(), body.for_s or 0))
        return await freeze_now()

    @routes.delete("/freeze", openapi_extra=OPERATOR)
    async def lift() -> Response:
        """Let runs start again; what waits goes on."""
        await portal.controls.lift_freeze()
        return await freeze_now()


def _whole_minute(now: datetime, seconds: int) -> datetime:
    end = now + timedelta(seconds=seconds, minutes=1) - timedelta(microseconds=1)
    return end.replace(second=0, microsecond=0)


def _add_pools(routes: APIRouter, portal: Portal) -> None:
    async def pools_now() -> Response:
        items = await portal.queries.pools()
        return answer({"items": items, "next": None, "total": len(items)})

    @routes.get("/pools", openapi_extra=VIEWER)
    async def list_pools() -> Response:
        return await pools_now()

    @routes.post("/pools/{pool}/pause", openapi_extra=OPERATOR)
    async def pause(pool: str) -> Response:
        """Let no run of the pool start until it is resumed."""
        await portal.controls.pause_pool(pool)
        return await pools_now()

    @routes.post("/pools/{pool}/resume", openapi_extra=OPERATOR)
    async def resume(pool: str) -> Response:
        await portal.controls.resume_pool(pool)
        return await pools_now()


def _add_executors(routes: APIRouter, portal: Portal) -> None:
    async def executors_now() -> Response:
        return answer({"items": await portal.queries.executors(), "next": None, "total": None})

    @routes.post("/executors/{name}/drain", openapi_extra=OPERATOR)
    async def drain(name: str) -> Response:
        """Let the executor take no more runs and finish what it has; it stays so over restarts."""
        await portal.controls.drain(ExecutorName(name))
        return await executors_now()

    @routes.post("/executors/{name}/resume", openapi_extra=OPERATOR)
    async def resume(name: str) -> Response:
        """Let the executor take runs again; it hears of it within 5 s."""
        await portal.controls.resume_executor(ExecutorName(name))
        return await executors_now()

"""Runs and their logs over HTTP."""

from enum import StrEnum
from typing import Annotated, Literal, TypeVar
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response, StreamingResponse

from services.ui.api.answers import answer, attachment
from services.ui.api.bodies import Instant, Limit, RerunBody
from services.ui.api.once import Key
from services.ui.api.roles import FOLDER_OPERATOR, VIEWER, roled
from services.ui.portal import Portal
from services.ui.queries import RunsFilter
from services.ui.queries.log_lines import LinesWanted, SearchWanted
from shared.domain.errors import InvalidInput
from shared.domain.ids import JobId, RunId
from shared.domain.run import Cause, Reason, RunState
from shared.messages.events import Stream

_MAX_SEQ = 2**31 - 1
_MAX_LINE = 2**53
Choice = TypeVar("Choice", bound=StrEnum)
Attempt = Annotated[int | None, Query(ge=1, le=_MAX_SEQ)]


class RunsQuery(BaseModel):
    """The query of the runs list; `state` and `reason` may hold several with commas between them."""

    state: str = Field("", max_length=200)
    reason: str = Field("", max_length=200)
    job: UUID | None = None
    number: int | None = Field(None, ge=1, le=_MAX_SEQ)
    q: str = Field("", max_length=200)
    executor: str | None = Field(None, max_length=200)
    cause: Cause | None = None
    since: Instant | None = Field(None, alias="from")
    until: Instant | None = Field(None, alias="to")
    after: str | None = Field(None, max_length=500)
    limit: int = Field(50, ge=1, le=200)

    def filter(self) -> RunsFilter:
        """Return what is to be listed.

        Raises:
            InvalidInput: a state or reason that is none, or a number without a job.
        """
        if self.number is not None and self.job is None:
            raise InvalidInput("number", "Each job counts its runs: say which job, too.")
        return RunsFilter(
            states=_several(RunState, "state", self.state),
            reasons=_several(Reason, "reason", self.reason),
            job_id=None if self.job is None else JobId(self.job),
            number=self.number,
            q=self.q,
            executor=self.executor,
            cause=self.cause,
            since=self.since,
            until=self.until,
        )


class HitsQuery(BaseModel):
    """What to look for in a log; `stream=stderr`: only there."""

    q: str = Field(max_length=200)
    attempt: int | None = Field(None, ge=1, le=_MAX_SEQ)
    first: int = Field(1, alias="from", ge=1, le=_MAX_LINE)
    stream: Literal["stderr"] | None = None


class LinesQuery(BaseModel):
    """Which lines of a log; with `stream=stderr` they are counted on stderr alone."""

    attempt: int | None = Field(None, ge=1, le=_MAX_SEQ)
    first: int = Field(1, alias="from", ge=-_MAX_LINE, le=_MAX_LINE)
    limit: int = Field(256, ge=0, le=1_000)
    stream: Literal["stderr"] | None = None
    tail: bool = False
    full: bool = False


def router(portal: Portal) -> APIRouter:
    """Return the routes of runs."""
    routes = roled("/api/v1/runs")
    _add_runs(routes, portal)
    _add_logs(routes, portal)
    _add_artifacts(routes, portal)
    return routes


def _add_runs(routes: APIRouter, portal: Portal) -> None:
    @routes.get("", openapi_extra=VIEWER)
    async def list_runs(which: Annotated[RunsQuery, Query()]) -> Response:
        return answer(await portal.queries.runs(which.filter(), after=which.after, limit=which.limit))

    @routes.get("/{run_id}", openapi_extra=VIEWER)
    async def get_run(run_id: UUID) -> Response:
        return answer(await portal.queries.run(RunId(run_id)))

    @routes.get("/{run_id}/script", openapi_extra=VIEWER)
    async def script(run_id: UUID, attempt: Attempt = None) -> Response:
        """Say what had changed in the script since the job's last success before this run."""
        return answer({"change": await portal.queries.change_of_run(RunId(run_id), attempt=attempt)})

    @routes.get("/{run_id}/changes", openapi_extra=VIEWER)
    async def changes(run_id: UUID, attempt: Attempt = None) -> Response:
        """Say what of all that a run depends on had changed since the job's last success before it."""
        return answer(await portal.since.changes(RunId(run_id), attempt=attempt))

    @routes.post("/{run_id}/rerun", openapi_extra=FOLDER_OPERATOR)
    async def run_again(run_id: UUID, once: Key, body: RerunBody | None = None) -> Response:
        """Ask for a run like this one; it can be watched at once under the answered id."""
        args = None if body is None else body.args
        new_run = await portal.commands.run_again(RunId(run_id), args=args, once=once)
        return answer({"run_id": new_run}, 202, {"location": f"/api/v1/runs/{new_run}"})


def _add_logs(routes: APIRouter, portal: Portal) -> None:
    @routes.get("/{run_id}/log", openapi_extra=VIEWER)
    async def get_log(
        run_id: UUID,
        attempt: Attempt = None,
        after_seq: Annotated[int, Query(ge=0, le=_MAX_SEQ)] = 0,
        limit: Limit = 100,
    ) -> Response:
        return answer(
            await portal.queries.log(RunId(run_id), attempt=attempt, after_seq=after_seq, limit=limit)
        )

    @routes.get("/{run_id}/log/lines", openapi_extra=VIEWER)
    async def get_lines(run_id: UUID, which: Annotated[LinesQuery, Query()]) -> Response:
        """Return lines by number, such as `from=150000`; `from=-100`: the last hundred."""
        wanted = LinesWanted(
            attempt=which.attempt,
            first=which.first,
            limit=which.limit,
            only_errors=which.stream is not None,
            tail=which.tail,
            full=which.full,
        )
        return answer(await portal.log_parts.lines(RunId(run_id), wanted))

    @routes.get("/{run_id}/log/search", openapi_extra=VIEWER)
    async def search_log(run_id: UUID, which: Annotated[HitsQuery, Query()]) -> Response:
        """Return the lines that hold `q`; ask again with `from=next` while `more`."""
        wanted = SearchWanted(
            attempt=which.attempt,
            first=which.first,
            needle=which.q,
            only_errors=which.stream is not None,
        )
        return answer(await portal.log_parts.hits(RunId(run_id), wanted))

    @routes.get("/{run_id}/log.txt", openapi_extra=VIEWER)
    async def get_log_text(
        run_id: UUID, attempt: Attempt = None, stream: Stream | None = None
    ) -> StreamingResponse:
        pieces = await portal.queries.log_text(
            RunId(run_id), attempt=attempt, stream=None if stream is None else stream.value
        )
        return StreamingResponse(
            pieces,
            media_type="text/plain; charset=utf-8",
            headers={
                "cache-control": "no-store",
                "content-disposition": f'attachment; filename="run-{run_id}.txt"',
            },
        )


def _add_artifacts(routes: APIRouter, portal: Portal) -> None:
    @routes.get("/{run_id}/artifacts", openapi_extra=VIEWER)
    async def list_artifacts(run_id: UUID, attempt: Attempt = None) -> Response:
        """Return the files that an attempt left to be kept."""
        return answer(await portal.queries.artifacts(RunId(run_id), attempt=attempt))

    @routes.get("/{run_id}/artifacts/{name:path}", openapi_extra=VIEWER)
    async def download(run_id: UUID, name: str, attempt: Attempt = None) -> StreamingResponse:
        """Return one of them, to be saved: no browser is to show what a script wrote as a page of ours."""
        item, pieces = await portal.queries.artifact(RunId(run_id), name, attempt=attempt)
        return StreamingResponse(
            pieces,
            media_type="application/octet-stream",
            headers={
                "cache-control": "no-store",
                "content-length": str(item.size),
                "content-disposition": attachment(item.name.rpartition("/")[2]),
                "x-content-type-options": "nosniff",
            },
        )


def _several(kind: type[Choice], field: str, text: str) -> frozenset[Choice]:
    try:
        return frozenset(kind(part) for part in text.split(",") if part)
    except ValueError:
        known = ", ".join(kind)
        raise InvalidInput(field, f"Unknown {field} in {text!r}. Choose from {known}.") from None

"""One wish for many runs over HTTP."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StrictInt, model_validator
from starlette.responses import Response

from services.ui.api.answers import answer
from services.ui.api.roles import FOLDER_OPERATOR, VIEWER, roled
from services.ui.api.runs import RunsQuery
from services.ui.many import Foreseen, RunsAction
from services.ui.portal import Portal
from shared.domain.errors import InvalidInput


class WhichRuns(RunsQuery):
    """All runs of a filter: a word that is none of its must not mean every run."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="after")
    def _is_whole(self) -> "WhichRuns":
        if self.model_fields_set & {"after", "limit"}:
            raise ValueError("a wish is for all runs that match, not for a page of them")
        return self


class RunsWishBody(BaseModel):
    """What to do to all runs that the list shows under a filter, if they are as many as expected."""

    model_config = ConfigDict(extra="forbid")

    action: RunsAction
    filter: WhichRuns
    expected: StrictInt | None = Field(None, ge=0)
    seen: str | None = Field(None, max_length=64)
    """As the preview told it: nothing is done if other runs match by then, though as many."""


def router(portal: Portal) -> APIRouter:
    """Return the routes of what is done to many runs."""
    routes = roled("/api/v1/runs/bulk")

    @routes.post("/preview", openapi_extra=VIEWER)
    async def preview(body: RunsWishBody) -> Response:
        """Say what it would do; `count` is what to expect."""
        return answer(await portal.queries.runs_preview(body.filter.filter(), body.action))

    @routes.post("", openapi_extra=FOLDER_OPERATOR)
    async def act(body: RunsWishBody) -> Response:
        """Ask for it; what could not be asked is told run by run."""
        if body.expected is None:
            raise InvalidInput("expected", "Say how many runs you expect: a preview counts them.")
        foreseen = Foreseen(count=body.expected, seen=body.seen)
        ids = await portal.queries.chosen_runs(body.filter.filter(), foreseen=foreseen)
        return answer(await portal.bulk.act_on_runs(body.action, ids, portal.controls))

    return routes

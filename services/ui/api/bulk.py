"""One wish for many jobs over HTTP."""

from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, StrictInt, model_validator
from starlette.responses import Response

from services.ui.api.answers import answer
from services.ui.api.jobs import cause_of
from services.ui.api.roles import FOLDER_OPERATOR, VIEWER, roled
from services.ui.many import BulkAction, Foreseen, Wish
from services.ui.models import JobFilter
from services.ui.portal import Portal
from services.ui.queries.bulk import MOST, Chosen
from services.ui.queries.jobs_page import JobsFilter
from shared.domain.errors import InvalidInput
from shared.domain.ids import JobId
from shared.domain.tags import MAX_TAGS, checked_tags


class FilterBody(BaseModel):
    """All jobs that the list shows under this search and filter."""

    model_config = ConfigDict(extra="forbid")

    q: str = Field("", max_length=200)
    state: JobFilter | None = None
    tags: tuple[str, ...] = Field((), max_length=MAX_TAGS)


class BulkBody(BaseModel):
    """What to do to which jobs: these, or all that match and are as many as expected."""

    model_config = ConfigDict(extra="forbid")

    action: BulkAction
    ids: tuple[UUID, ...] | None = Field(None, max_length=MOST)
    filter: FilterBody | None = None
    expected: StrictInt | None = Field(None, ge=0)
    seen: str | None = Field(None, max_length=64)
    """As the preview told it: nothing is done if other jobs are meant by then, though as many."""
    tag: str | None = None
    """Of the actions `tag` and `untag`: which."""

    @model_validator(mode="after")
    def _has_one_choice(self) -> "BulkBody":
        if (self.ids is None) == (self.filter is None):
            raise ValueError("give either `ids` or `filter`")
        if (self.tag is None) == (self.action in {BulkAction.TAG, BulkAction.UNTAG}):
            raise ValueError("give a `tag` with the actions tag and untag, and with no other")
        return self

    def chosen(self) -> Chosen:
        """Return which jobs are meant."""
        if self.filter is None:
            return Chosen(ids=tuple(dict.fromkeys(JobId(one) for one in self.ids or ())))
        which = self.filter
        return Chosen(matching=JobsFilter(q=which.q, state=which.state, tags=which.tags))

    def wish(self) -> Wish:
        """Return what to do.

        Raises:
            InvalidInput: this cannot be a tag.
        """
        return Wish(self.action, checked_tags(() if self.tag is None else (self.tag,)))


def router(portal: Portal) -> APIRouter:
    """Return the routes of what is done to many jobs."""
    routes = roled("/api/v1/jobs/bulk")

    @routes.post("/preview", openapi_extra=VIEWER)
    async def preview(body: BulkBody) -> Response:
        """Say what it would do; `count` is what to expect."""
        return answer(await portal.queries.bulk_preview(body.chosen(), body.wish()))

    @routes.post("", openapi_extra=FOLDER_OPERATOR)
    async def act(body: BulkBody, request: Request) -> Response:
        """Do it; what it did not do is told job by job."""
        if body.filter is not None and body.expected is None:
            raise InvalidInput("expected", "Say how many jobs you expect: a preview counts them.")
        foreseen = Foreseen(count=body.expected, seen=body.seen)
        ids = await portal.queries.bulk_ids(body.chosen(), foreseen=foreseen)
        return answer(await portal.bulk.act(body.wish(), ids, cause=cause_of(request)))

    return routes

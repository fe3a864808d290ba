"""What clients may send, as pydantic sees it; the domain judges the values."""

from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from services.ui.commands import JobDraft
from services.ui.models import JobItem
from shared.domain.job import DEFAULT_KILL_GRACE, DEFAULT_POOL, DEFAULT_TIMEOUT, OnLost
from shared.domain.policy import Overlap

Limit = Annotated[int, Query(ge=1, le=200)]
After = Annotated[str | None, Query(max_length=500)]
_ANY_SIZE = 2**53


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class JobBody(_Body):
    """A new job."""

    name: str
    script: str
    schedule: dict[str, Any]
    description: str = ""
    args: tuple[str, ...] = ()
    timeout_s: int = Field(int(DEFAULT_TIMEOUT.total_seconds()), le=_ANY_SIZE, ge=-_ANY_SIZE)
    kill_grace_s: int = Field(int(DEFAULT_KILL_GRACE.total_seconds()), le=_ANY_SIZE, ge=-_ANY_SIZE)
    on_lost: OnLost = OnLost.FAIL
    overlap: Overlap = Overlap.SKIP
    pool: str = DEFAULT_POOL

    def draft(self) -> JobDraft:
        """Return what is to be judged."""
        return JobDraft(**dict(self))


class JobPatch(_Body):
    """Changes of a job; what is left out stays. `version` is the one that the changes were made on."""

    version: int
    name: str | None = None
    script: str | None = None
    schedule: dict[str, Any] | None = None
    description: str | None = None
    args: tuple[str, ...] | None = None
    timeout_s: int | None = Field(None, le=_ANY_SIZE, ge=-_ANY_SIZE)
    kill_grace_s: int | None = Field(None, le=_ANY_SIZE, ge=-_ANY_SIZE)
    on_lost: OnLost | None = None
    overlap: Overlap | None = None
    pool: str | None = None

    def draft(self, job: JobItem) -> JobDraft:
        """Return the job as it is to become."""
        current = {name: getattr(job, name) for name in JobBody.model_fields}
        changes = self.model_dump(exclude={"version"}, exclude_none=True)
        return JobDraft(**{**current, **changes})


class PreviewBody(_Body):
    """A schedule that is being typed."""

    schedule: dict[str, Any]


class PersonBody(_Body):
    """How a browser wants to see the portal; what is left out stays."""

    zone: str | None = None
    theme: str | None = None
    density: str | None = None

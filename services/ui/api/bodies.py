"""What clients may send, as pydantic sees it; the domain judges the values."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from services.ui.commands import JobDraft, ScheduleDraft
from services.ui.models import JobItem, SecretUseItem
from services.ui.queries.preview import Typed
from shared.domain.chain import ChainOn, Join, RunsAfter, Upstream
from shared.domain.ids import JobId
from shared.domain.job import (
    DEFAULT_KILL_GRACE,
    DEFAULT_MAX_OUTPUT_BYTES,
    DEFAULT_POOL,
    DEFAULT_TIMEOUT,
    Network,
    OnLost,
)
from shared.domain.policy import Overlap
from shared.domain.sandbox import MinSandbox
from shared.domain.script import Pinning
from shared.domain.secret import SecretUse

Limit = Annotated[int, Query(ge=1, le=200)]
After = Annotated[str | None, Query(max_length=500)]
_ANY_SIZE = 2**53
_FIRST_YEAR, _LAST_YEAR = 1970, 2199


def _written(value: object) -> object:
    """Refuse a number, which pydantic would take for seconds since 1970."""
    if re.fullmatch(r"[-+\d.]*", str(value)):
        raise ValueError("write an instant with its offset, such as 2026-11-30T16:00:00+08:00")
    return value


def _within_reason(instant: datetime) -> datetime:
    if not _FIRST_YEAR <= instant.year <= _LAST_YEAR:
        raise ValueError(f"choose an instant between the years {_FIRST_YEAR} and {_LAST_YEAR}")
    return instant.astimezone(UTC)


Instant = Annotated[AwareDatetime, BeforeValidator(_written), AfterValidator(_within_reason)]
"""An instant as RFC 3339 writes it, within 1970 and 2199."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ScheduleBody(_Body):
    """One schedule of a job; with the `id` of the one that it changes, where it is no new one."""

    schedule: dict[str, Any]
    id: UUID | None = None
    zone: str | None = Field(None, max_length=200)
    args: tuple[str, ...] | None = None

    def draft(self) -> ScheduleDraft:
        """Return what is to be judged."""
        return ScheduleDraft(**dict(self))


class UpstreamBody(_Body):
    """A job that another one runs after."""

    job_id: UUID
    on: ChainOn = ChainOn.SUCCESS


class RunsAfterBody(_Body):
    """What a job runs after, besides its schedules."""

    join: Join = Join.ALL
    jobs: tuple[UpstreamBody, ...] = ()

    def value(self) -> RunsAfter:
        """Return what is to be judged."""
        return RunsAfter(self.join, tuple(Upstream(JobId(one.job_id), one.on) for one in self.jobs))


class SecretUseBody(_Body):
    """A secret that a job's runs are given."""

    name: str
    as_file: bool = False


class JobBody(_Body):
    """A new job: with `schedules`, or with `schedule` for the only one in the default zone."""

    name: str
    script: str
    schedule: dict[str, Any] = Field(default_factory=dict)
    schedules: tuple[ScheduleBody, ...] | None = None
    description: str = ""
    args: tuple[str, ...] = ()
    timeout_s: int = Field(int(DEFAULT_TIMEOUT.total_seconds()), le=_ANY_SIZE, ge=-_ANY_SIZE)
    kill_grace_s: int = Field(int(DEFAULT_KILL_GRACE.total_seconds()), le=_ANY_SIZE, ge=-_ANY_SIZE)
    on_lost: OnLost = OnLost.FAIL
    overlap: Overlap = Overlap.SKIP
    pool: str = DEFAULT_POOL
    limit_key: str | None = None
    policy: dict[str, Any] = Field(default_factory=dict)
    runs_after: RunsAfterBody = RunsAfterBody()
    max_output_bytes: int = Field(DEFAULT_MAX_OUTPUT_BYTES, le=_ANY_SIZE, ge=-_ANY_SIZE)
    merge_output: bool = False
    network: Network = Network.HOST
    pinning: Pinning = Pinning.RECORD
    resources: dict[str, Any] = Field(default_factory=dict)
    min_sandbox: MinSandbox = MinSandbox.ANY
    tags: tuple[str, ...] = ()
    secrets: tuple[SecretUseBody, ...] = ()
    parameters: tuple[dict[str, Any], ...] = ()

    def draft(self) -> JobDraft:
        """Return what is to be judged."""
        values = {
            **dict(self),
            "schedules": _drafts(self.schedules),
            "runs_after": self.runs_after.value(),
            "secrets": _uses(self.secrets),
        }
        return JobDraft(**values)


class JobPatch(_Body):
    """Changes of a job; what is left out stays. `version` is the one that the changes were made on.

    It may be left out where the header `If-Match` says it.
    """

    version: int | None = None
    name: str | None = None
    script: str | None = None
    schedule: dict[str, Any] | None = None
    schedules: tuple[ScheduleBody, ...] | None = None
    description: str | None = None
    args: tuple[str, ...] | None = None
    timeout_s: int | None = Field(None, le=_ANY_SIZE, ge=-_ANY_SIZE)
    kill_grace_s: int | None = Field(None, le=_ANY_SIZE, ge=-_ANY_SIZE)
    on_lost: OnLost | None = None
    overlap: Overlap | None = None
    pool: str | None = None
    limit_key: str | None = None
    """An empty text: no shared limit any more."""
    policy: dict[str, Any] | None = None
    runs_after: RunsAfterBody | None = None
    max_output_bytes: int | None = Field(None, le=_ANY_SIZE, ge=-_ANY_SIZE)
    merge_output: bool | None = None
    network: Network | None = None
    pinning: Pinning | None = None
    resources: dict[str, Any] | None = None
    min_sandbox: MinSandbox | None = None
    tags: tuple[str, ...] | None = None
    secrets: tuple[SecretUseBody, ...] | None = None
    parameters: tuple[dict[str, Any], ...] | None = None

    def draft(self, job: JobItem) -> JobDraft:
        """Return the job as it is to become."""
        current = {name: getattr(job, name) for name in JobBody.model_fields if not name.startswith("sched")}
        changes = {name: value for name, value in self if name != "version" and value is not None}
        kept = None if self.schedule is not None else _drafts_of(job)
        schedules = kept if self.schedules is None else _drafts(self.schedules)
        runs_after = _kept_after(job) if self.runs_after is None else self.runs_after.value()
        secrets = _uses(job.secrets if self.secrets is None else self.secrets)
        parts = {"schedules": schedules, "runs_after": runs_after, "secrets": secrets}
        return JobDraft(**{**current, **changes, **parts})


def _drafts(bodies: tuple[ScheduleBody, ...] | None) -> tuple[ScheduleDraft, ...] | None:
    return None if bodies is None else tuple(body.draft() for body in bodies)


def _drafts_of(job: JobItem) -> tuple[ScheduleDraft, ...]:
    return tuple(
        ScheduleDraft(id=one.id, schedule=one.schedule, zone=one.zone, args=one.args) for one in job.schedules
    )


def _uses(chosen: Iterable[SecretUseBody | SecretUseItem]) -> tuple[SecretUse, ...]:
    return tuple(SecretUse(name=one.name, as_file=one.as_file) for one in chosen)


def _kept_after(job: JobItem) -> RunsAfter:
    after = job.runs_after
    return RunsAfter(after.join, tuple(Upstream(JobId(one.job_id), one.on) for one in after.jobs))


class RunBody(_Body):
    """What a run is given of its job's parameters, by name; what is left out has its default."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    parameters: dict[str, Any] = Field(default_factory=dict)


class RerunBody(_Body):
    """How a run is to be repeated; without arguments: with the same."""

    args: tuple[str, ...] | None = None


class AcceptBody(_Body):
    """Which script somebody has looked at and lets a job run."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class RevertBody(_Body):
    """Which version somebody saw when they chose to go back to an earlier one."""

    version: int


class PreviewBody(_Body):
    """A schedule that is being typed."""

    schedule: dict[str, Any]
    zone: str | None = Field(None, max_length=200)
    policy: dict[str, Any] = Field(default_factory=dict)
    job_id: UUID | None = None
    """The job that it is a schedule of, once it exists: `H` is expanded by its id."""

    def typed(self) -> Typed:
        """Return what is to be said in words."""
        return Typed(
            schedule=self.schedule,
            zone=self.zone,
            policy=self.policy,
            seed=None if self.job_id is None else str(self.job_id),
        )


class PersonBody(_Body):
    """How a browser wants to see the portal; what is left out stays."""

    zone: str | None = None
    theme: str | None = None
    density: str | None = None
    language: str | None = None

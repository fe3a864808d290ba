"""Read models: one question each, answered from the ledger, shaped for what shows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.ui.models import (
    ExecutorItem,
    Health,
    JobFilter,
    JobItem,
    JobSort,
    LogPage,
    Overview,
    Page,
    Person,
    RunDetail,
    RunItem,
    SchedulePreview,
)
from shared.domain.ids import JobId, RunId
from shared.domain.run import Cause, RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsFilter:
    """Which runs to list; empty means all."""

    states: frozenset[RunState] = frozenset()
    job_id: JobId | None = None
    executor: str | None = None
    cause: Cause | None = None
    since: datetime | None = None
    """Due at or after."""
    until: datetime | None = None
    """Due before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queries:
    """Every question that pages and the REST API ask. Each opens and ends its own transaction."""

    async def jobs(
        self,
        *,
        q: str = "",
        state: JobFilter | None = None,
        sort: JobSort = JobSort.NAME,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[JobItem]:
        """List jobs whose name, script or description holds `q`.

        Raises:
            InvalidInput: `after` is no cursor of this list.
        """
        raise NotImplementedError

    async def job(self, job_id: JobId) -> JobItem:
        """Return one job, also a deleted one.

        Raises:
            NotFound: no such job.
        """
        raise NotImplementedError

    async def runs(
        self, which: RunsFilter = RunsFilter(), *, after: str | None = None, limit: int = 50
    ) -> Page[RunItem]:
        """List runs, newest first.

        Raises:
            InvalidInput: `after` is no cursor of this list.
        """
        raise NotImplementedError

    async def run(self, run_id: RunId) -> RunDetail:
        """Return one run; one that was asked for and is not in the ledger yet is queued.

        Raises:
            NotFound: no such run.
        """
        raise NotImplementedError

    async def log(
        self, run_id: RunId, *, attempt: int | None = None, after_seq: int = 0, limit: int = 100
    ) -> LogPage:
        """Return stored output of an attempt (its number; None: the newest) after a chunk.

        Raises:
            NotFound: no such run or attempt.
        """
        raise NotImplementedError

    async def executors(self) -> tuple[ExecutorItem, ...]:
        """Return every executor, online ones first, then by name."""
        raise NotImplementedError

    async def overview(self, *, hours: int = 6) -> Overview:
        """Return the first page; the timeline reaches `hours` (1 to 24) back."""
        raise NotImplementedError

    async def health(self) -> Health:
        """Return the one word on health; it never raises."""
        raise NotImplementedError

    async def scripts(self) -> tuple[str, ...]:
        """Return the runnable files of the scripts directory, relative, sorted, at most 5 000."""
        raise NotImplementedError

    async def person(self, person_id: UUID | None) -> Person:
        """Return how this browser wants to see the portal; the defaults for an unknown one."""
        raise NotImplementedError

    def preview(self, schedule: Mapping[str, object]) -> SchedulePreview:
        """Say a schedule in words, with its next five instants or what is wrong; never raises."""
        raise NotImplementedError

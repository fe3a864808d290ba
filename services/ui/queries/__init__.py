"""Read models: one question each, answered from the ledger, shaped for what shows it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import msgspec
import structlog
from sqlalchemy.exc import SQLAlchemyError

from services.ui.chained import ChainGraph
from services.ui.link import Link
from services.ui.many import BulkPreview, Foreseen, RunsAction, Wish
from services.ui.models import (
    ExecutorItem,
    Health,
    JobFilter,
    JobItem,
    JobSort,
    LogChunk,
    LogPage,
    Page,
    Person,
    RunDetail,
    RunItem,
)
from services.ui.planned import SchedulePreview
from services.ui.queries import (
    artifacts,
    backfill,
    bulk,
    calendars,
    chains,
    executors,
    folder,
    health,
    jobs,
    jobs_page,
    limits,
    logs,
    many_runs,
    overview,
    parked,
    people,
    pools,
    preview,
    runs,
    secrets,
    versions,
    why,
)
from services.ui.queries.artifacts import ArtifactItem, ArtifactsPage
from services.ui.queries.backfill import BackfillPreview, ResumePreview
from services.ui.queries.bulk import Chosen
from services.ui.queries.calendars import CalendarItem
from services.ui.queries.explained import WhyAnswer
from services.ui.queries.folder import Folder, ReadScript
from services.ui.queries.jobs_page import JobsFilter
from services.ui.queries.limits import LimitItem
from services.ui.queries.log_lines import attempt_of
from services.ui.queries.overview import Overview
from services.ui.queries.parked import ParkedList
from services.ui.queries.planning import Planning
from services.ui.queries.pools import PoolItem
from services.ui.queries.preview import Typed
from services.ui.queries.runs import RunsFilter
from services.ui.queries.secrets import SecretItem
from services.ui.queries.versions import ScriptChange, ScriptNow
from services.ui.scripts import Scripts
from shared.db.engine import Database
from shared.db.tags import known_tags
from shared.domain.ids import AttemptId, CalendarId, JobId, RunId, ScheduleId
from shared.domain.why import Standing
from shared.runtime.clock import Clock

__all__ = ["Planning", "Queries", "RunsFilter"]

log = structlog.get_logger()

_HEALTH_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Queries:
    """Every question that pages and the REST API ask. Each opens and ends its own transaction."""

    database: Database
    script_files: Scripts
    clock: Clock
    link: Link
    planning: Planning

    async def jobs(  # noqa: PLR0913 - a filter each
        self,
        *,
        q: str = "",
        state: JobFilter | None = None,
        tags: tuple[str, ...] = (),
        name: str | None = None,
        sort: JobSort = JobSort.NAME,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[JobItem]:
        """List jobs whose name, script, description and tags hold all words of `q`.

        Raises:
            InvalidInput: `after` is no cursor of this list.
        """
        async with self.database.reading() as session:
            which = JobsFilter(q=q, state=state, tags=tags, name=name, sort=sort)
            return await jobs_page.page_of_jobs(
                session, which, after=after, limit=limit, now=self.clock.now()
            )

    async def tags(self) -> tuple[str, ...]:
        """Return the tags that jobs have, at most 200."""
        async with self.database.reading() as session:
            return await known_tags(session, limit=200)

    async def bulk_preview(self, chosen: Chosen, wish: Wish) -> BulkPreview:
        """Say what a wish for many jobs would do.

        Raises:
            InvalidInput: they are more than 5,000.
        """
        async with self.database.reading() as session:
            return await bulk.preview(session, chosen, wish)

    async def bulk_ids(self, chosen: Chosen, *, foreseen: Foreseen) -> tuple[JobId, ...]:
        """Return the jobs that are meant.

        Raises:
            InvalidInput: they are more than 5,000.
            Conflict: others match by now than were foreseen.
        """
        async with self.database.reading() as session:
            return await bulk.chosen_ids(session, chosen, foreseen=foreseen)

    async def runs_preview(self, which: RunsFilter, action: RunsAction) -> BulkPreview:
        """Say what a wish for many runs would do; raises InvalidInput where they are more than 1,000."""
        async with self.database.reading() as session:
            return await many_runs.preview(session, which, action)

    async def chosen_runs(self, which: RunsFilter, *, foreseen: Foreseen) -> tuple[RunId, ...]:
        """Return the runs that are meant; raises as `bulk_ids` does."""
        async with self.database.reading() as session:
            return await many_runs.chosen_runs(session, which, foreseen=foreseen)

    async def jobs_by_ids(self, job_ids: list[JobId]) -> list[JobItem]:
        """Return those of the jobs that exist, in no order."""
        async with self.database.reading() as session:
            return await jobs.jobs_by_ids(session, job_ids, now=self.clock.now())

    async def job(self, job_id: JobId) -> JobItem:
        """Return one job, also a deleted one.

        Raises:
            NotFound: no such job.
        """
        async with self.database.reading() as session:
            return await jobs.job_by_id(session, job_id, now=self.clock.now())

    async def chain(self, job_id: JobId) -> ChainGraph:
        """Return the jobs that a job runs after, and those that run after it, a few levels each way.

        Raises:
            NotFound: no such job.
        """
        async with self.database.reading() as session:
            return await chains.graph_of(session, job_id)

    async def script_of_job(self, job_id: JobId) -> ScriptNow:
        """Return how a job's script stands in the scripts directory, and what changed in it.

        Raises:
            NotFound: no such job.
        """
        job = await self.job(job_id)
        return await versions.script_of_job(self.database.reading, self.script_files, job)

    async def scripts_folder(self) -> Folder:
        """Return every file of the scripts directory that is not hidden, and the jobs that name each."""
        return await folder.folder(self.database.reading, self.script_files)

    async def script_text(self, name: str) -> ReadScript:
        """Return one script with its text.

        Raises:
            NotFound: it cannot be read, and why.
        """
        return await folder.script_text(self.database.reading, self.script_files, name)

    async def change_of_run(self, run_id: RunId, *, attempt: int | None = None) -> ScriptChange | None:
        """Return what had changed in the script of a run since its job's last success before it.

        Raises:
            NotFound: no such run.
        """
        async with self.database.reading() as session:
            run = await runs.run_by_id(session, run_id)
        return await versions.change_of_run(self.database.reading, self.script_files, run, attempt)

    async def why(self, job_id: JobId, at: datetime | None) -> WhyAnswer:
        """Say why a job ran or did not at an instant; for None of what waits or was due last.

        Raises:
            NotFound: no such job.
        """
        now = self.clock.now()
        broker, since = self.link.connected, self.link.since
        async with self.database.reading() as session:
            known = await health.facts(session, broker=broker, broker_since=since, now=now)
            standing = Standing(
                broker=broker,
                broker_since=since,
                scheduler=known.overdue_since is None,
                silent_since=known.overdue_since,
                holds=known.holds,
            )
            return await why.why_of(session, job_id, at, standing=standing, now=now)

    async def resume_preview(self, job_id: JobId) -> ResumePreview:
        """Say what passed while a job was paused.

        Raises:
            NotFound: no such job.
        """
        async with self.database.reading() as session:
            return await backfill.resume_preview(session, job_id, now=self.clock.now())

    async def backfill_preview(
        self, job_id: JobId, *, after: datetime, until: datetime, schedule_id: ScheduleId | None = None
    ) -> BackfillPreview:
        """Say what running the instants in (`after`, `until`] after the fact would do.

        Raises:
            NotFound: no such job.
        """
        now = self.clock.now()
        async with self.database.reading() as session:
            return await backfill.preview_of(session, job_id, schedule_id, after=after, until=min(until, now))

    async def calendars(self) -> tuple[CalendarItem, ...]:
        """Return the calendars by name, each with the jobs that are judged by it."""
        async with self.database.reading() as session:
            return await calendars.every_calendar(session)

    async def calendar(self, calendar_id: CalendarId) -> CalendarItem:
        """Return one calendar.

        Raises:
            NotFound: no such calendar, or it is deleted.
        """
        async with self.database.reading() as session:
            return await calendars.calendar(session, calendar_id)

    async def runs(
        self, which: RunsFilter | None = None, *, after: str | None = None, limit: int = 50
    ) -> Page[RunItem]:
        """List runs, newest first.

        Raises:
            InvalidInput: `after` is no cursor of this list.
        """
        async with self.database.reading() as session:
            return await runs.page_of_runs(session, which or RunsFilter(), after=after, limit=limit)

    async def run(self, run_id: RunId) -> RunDetail:
        """Return one run; one that was asked for and is not in the ledger yet is queued.

        Raises:
            NotFound: no such run.
        """
        async with self.database.reading() as session:
            run = await runs.run_by_id(session, run_id)
        async with self.database.reading_logs() as session:
            state = await logs.state_of_log(session, logs.chosen(run.attempts, None))
        return msgspec.structs.replace(run, log=state)

    async def log(
        self, run_id: RunId, *, attempt: int | None = None, after_seq: int = 0, limit: int = 100
    ) -> LogPage:
        """Return stored output of an attempt (its number; None: the newest) after a chunk.

        Raises:
            NotFound: no such run or attempt.
        """
        chosen = await attempt_of(self.database, run_id, attempt)
        async with self.database.reading_logs() as session:
            return await logs.page_of_log(session, chosen, after_seq=after_seq, limit=limit)

    async def newest_attempt(self, run_id: RunId) -> AttemptId | None:
        """Return the attempt whose log is followed now; None while there is none."""
        async with self.database.reading() as session:
            return await runs.newest_attempt(session, run_id)

    async def chunks(self, attempt_id: AttemptId, after: int, limit: int) -> list[LogChunk]:
        """Return at most `limit` stored chunks after `after`, in order."""
        async with self.database.reading_logs() as session:
            return await logs.chunks_of(session, attempt_id, after=after, limit=limit)

    async def log_text(
        self, run_id: RunId, *, attempt: int | None = None, stream: str | None = None
    ) -> AsyncIterator[str]:
        """Return the stored output as pieces of text, of both streams in order or of one.

        Raises:
            NotFound: no such run or attempt.
        """
        chosen = await attempt_of(self.database, run_id, attempt)
        return logs.text_of_log(self.database.reading_logs, chosen, stream)

    async def artifacts(self, run_id: RunId, *, attempt: int | None = None) -> ArtifactsPage:
        """Return the files that an attempt (its number; None: the newest) left to be kept.

        Raises:
            NotFound: no such run or attempt.
        """
        chosen = await attempt_of(self.database, run_id, attempt)
        async with self.database.reading_logs() as session:
            return await artifacts.of_attempt(session, chosen)

    async def artifact(
        self, run_id: RunId, name: str, *, attempt: int | None = None
    ) -> tuple[ArtifactItem, AsyncIterator[bytes]]:
        """Return one of them and its bytes, piece by piece.

        Raises:
            NotFound: no such run, attempt or file.
        """
        chosen = await attempt_of(self.database, run_id, attempt)
        return await artifacts.bytes_of(self.database.reading_logs, chosen, name)

    async def executors(self) -> tuple[ExecutorItem, ...]:
        """Return the executors, online ones first, then by name; those that left for a day, at the end."""
        async with self.database.reading() as session:
            return await executors.all_executors(session, now=self.clock.now())

    async def pools(self) -> tuple[PoolItem, ...]:
        """Return the pools by name: who serves each, what waits for it, whether it is paused."""
        async with self.database.reading() as session:
            return await pools.all_pools(session, now=self.clock.now())

    async def limits(self) -> tuple[LimitItem, ...]:
        """Return the shared limits by key: the maximum of each, who holds its places, how many wait."""
        async with self.database.reading() as session:
            return await limits.all_limits(session, now=self.clock.now())

    async def secrets(self) -> tuple[SecretItem, ...]:
        """Return the stored secrets by name, each with the jobs that use it; never their values."""
        async with self.database.reading() as session:
            return await secrets.all_secrets(session)

    async def parked(self) -> ParkedList:
        """Return the messages that nobody could handle: the undecided ones first."""
        async with self.database.reading() as session:
            return await parked.parked_list(session)

    async def waiting_of(self, job_id: JobId) -> int:
        """Return how many runs of a job wait."""
        async with self.database.reading() as session:
            return await runs.waiting_of(session, job_id, now=self.clock.now())

    async def overview(self, *, hours: int = 6) -> Overview:
        """Return the first page; the timeline reaches `hours` (1 to 24) back."""
        return await overview.overview(
            self.database.reading, self.database.reading_logs, hours=hours, now=self.clock.now()
        )

    async def health(self) -> Health:
        """Return the one word on health; it never raises."""
        now = self.clock.now()
        try:
            async with asyncio.timeout(_HEALTH_S), self.database.reading() as session:
                known = await health.facts(
                    session, broker=self.link.connected, broker_since=self.link.since, now=now
                )
                known = replace(known, blocked_since=self.link.blocked_since)
        except (SQLAlchemyError, OSError) as error:  # TimeoutError is an OSError
            log.warning("the database does not answer", error=repr(error))
            known = health.Facts(database=False, broker=self.link.connected, broker_since=self.link.since)
        return health.judged(known, now=now)

    async def scripts(self) -> tuple[str, ...]:
        """Return the runnable files of the scripts directory, relative, sorted, at most 5 000."""
        return await asyncio.to_thread(self.script_files.listed)

    async def person(self, person_id: UUID | None) -> Person:
        """Return how this browser wants to see the portal; the defaults for an unknown one."""
        async with self.database.reading() as session:
            return await people.person(session, person_id)

    async def preview(self, typed: Typed) -> SchedulePreview:
        """Say a schedule in words, with its next ten instants or what is wrong with it."""
        async with self.database.reading() as session:
            rules = await preview.rules_of(session, typed)
        return await asyncio.to_thread(preview.preview, typed, rules, now=self.clock.now())

"""People change jobs as the ui does, and each change is written down: what is promised follows from it."""

from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import jobs
from shared.db.engine import Sessions
from shared.db.pauses import begin_pause, end_pause
from shared.db.tables import CursorRow, RequestRow, RunRow, ScheduleRow
from shared.domain.ids import JobId, RequestId, RunId, new_id
from shared.domain.job import Definition
from shared.domain.run import Cause, RunState
from tests.simulation import mix
from tests.simulation.machine import Machine, micros


@dataclass
class Period:
    """A time in which a schedule is followed: its instants in (after, until] are promised."""

    after: int
    until: int | None = None
    decided: int = 0
    """How far its cursor was when the period ended: planned ahead, or ahead of a clock that was set back."""


@dataclass
class Followed:
    """One schedule of a job, as people see it."""

    id: UUID
    form: dict[str, Any]
    zone: str
    periods: list[Period]


@dataclass
class Person:
    """One job and what people did to it."""

    id: JobId
    definition: Definition
    longest: float
    is_dense: bool
    schedules: list[Followed] = field(default_factory=list)
    retired: list[Followed] = field(default_factory=list)
    is_paused: bool = False
    is_deleted: bool = False


class People:
    """Everyone who changes jobs. Each change is one transaction of the ui, between those of the scheduler."""

    def __init__(self, sessions: Sessions, machine: Machine, random: Random, *, year: int) -> None:
        self._sessions = sessions
        self._machine = machine
        self._random = random
        self._year = year
        self._taste = mix.taste(random, year)
        self.jobs: list[Person] = []
        self.asked = 0
        self.changes = 0

    async def create(self, *, dense: bool = False) -> Person:
        """Make a job with one to three schedules; a dense one is made paused."""
        random, now = self._random, self._machine.wall
        definition, longest = mix.definition(random, f"job {len(self.jobs)}")
        job = Person(JobId(new_id()), definition, longest, dense)
        async with self._sessions.begin() as session:
            await jobs.insert(session, job.id, definition, now=now)
            for _ in range(1 if dense else random.choice((1, 1, 1, 2, 3))):
                self._add(session, job, self._form(dense=dense), now)
            if dense:
                head = await jobs.head_of(session, job.id)
                assert head is not None
                await jobs.set_paused(session, head, now, now=now)
                await begin_pause(session, job.id, by="somebody", at=now)
                await self._end_periods(session, job, now)
        job.is_paused = dense
        self.jobs.append(job)
        return job

    async def set_paused(self, job: Person, *, paused: bool) -> None:
        """Pause or resume."""
        now = self._machine.wall
        async with self._sessions.begin() as session:
            head = await jobs.head_of(session, job.id)
            assert head is not None
            await jobs.set_paused(session, head, now if paused else None, now=now)
            if paused:
                await begin_pause(session, job.id, by="somebody", at=now)
                await self._end_periods(session, job, now)
            else:
                await end_pause(session, job.id, by="somebody", at=now)
                for one in job.schedules:
                    one.periods.append(Period(micros(now)))
        job.is_paused = paused
        self.changes += 1

    async def edit(self, job: Person) -> None:
        """Replace one of the job's schedules by another."""
        now = self._machine.wall
        old = self._random.choice(job.schedules)
        async with self._sessions.begin() as session:
            await self._touch(session, job, now)
            await session.execute(update(ScheduleRow).where(ScheduleRow.id == old.id).values(retired_at=now))
            if not job.is_paused:
                await self._end_period(session, old, now)
            job.schedules.remove(old)
            job.retired.append(old)
            self._add(session, job, self._form(dense=job.is_dense), now)
        self.changes += 1

    async def rename(self, job: Person) -> None:
        """Change what has nothing to do with its schedules."""
        async with self._sessions.begin() as session:
            await self._touch(session, job, self._machine.wall)
        self.changes += 1

    async def delete(self, job: Person) -> None:
        """Delete it for good."""
        now = self._machine.wall
        async with self._sessions.begin() as session:
            head = await jobs.head_of(session, job.id)
            assert head is not None
            await jobs.mark_deleted(session, head, now=now)
            if not job.is_paused:
                await self._end_periods(session, job, now)
        job.is_deleted = True
        self.changes += 1

    async def run_now(self, job: Person) -> None:
        """Ask for a run."""
        await self._ask(job, "run_now", RunId(new_id()))

    async def cancel(self, job: Person) -> None:
        """Ask for the end of a run, if there is one that has not ended."""
        unfinished = (RunState.HELD, RunState.QUEUED, RunState.RUNNING)
        async with self._sessions.begin() as session:
            run_id = await session.scalar(
                select(RunRow.id).where(RunRow.job_id == job.id, RunRow.state.in_(unfinished)).limit(1)
            )
        if run_id is not None:
            await self._ask(job, "cancel", RunId(run_id))

    async def _ask(self, job: Person, kind: str, run_id: RunId) -> None:
        self.asked += 1
        async with self._sessions.begin() as session:
            session.add(
                RequestRow(
                    id=RequestId(new_id()),
                    kind=kind,
                    job_id=job.id,
                    run_id=run_id,
                    requested_by="somebody",
                    cause=Cause.MANUAL,
                    requested_at=self._machine.wall,
                )
            )

    async def _touch(self, session: AsyncSession, job: Person, now: datetime) -> None:
        head = await jobs.head_of(session, job.id)
        assert head is not None
        assert await jobs.replace_definition(
            session, job.id, job.definition, expected_version=head.version, now=now
        )

    def _form(self, *, dense: bool) -> dict[str, Any]:
        if not dense:
            return mix.schedule(self._random, self._taste)
        form = dict(self._random.choice(mix.DENSE))
        if form["kind"] == "interval":
            form["anchor"] = f"{self._year}-01-01T00:00:00+00:00"
        return form

    def _add(self, session: AsyncSession, job: Person, form: dict[str, Any], now: datetime) -> None:
        zone = mix.DENSE_ZONE if job.is_dense else self._random.choice(self._taste.zones)
        followed = Followed(new_id(), form, zone, [] if job.is_paused else [Period(micros(now))])
        session.add(
            ScheduleRow(id=followed.id, job_id=job.id, spec=form, zone=zone, created_at=now, retired_at=None)
        )
        job.schedules.append(followed)

    async def _end_periods(self, session: AsyncSession, job: Person, now: datetime) -> None:
        for followed in job.schedules:
            await self._end_period(session, followed, now)

    async def _end_period(self, session: AsyncSession, followed: Followed, now: datetime) -> None:
        decided = await session.scalar(
            select(CursorRow.decided_until).where(CursorRow.schedule_id == followed.id)
        )
        period = followed.periods[-1]
        period.until = micros(now)
        period.decided = 0 if decided is None else micros(decided)

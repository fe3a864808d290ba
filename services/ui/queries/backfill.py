"""What running after the fact would do: each instant of a range, what became of it, and which would run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import pauses
from shared.db.retention import removed_until
from shared.db.schedules import schedules_ever
from shared.db.tables import CursorRow, JobRow, RunRow, ScheduleRow
from shared.domain import backfill
from shared.domain.backfill import MAX_BACKFILLED, SETTLED, Instant, Key, Lane
from shared.domain.errors import InvalidInput, NotFound
from shared.domain.ids import JobId, ScheduleId
from shared.domain.instants import newest_span
from shared.domain.run import RunState
from shared.domain.why import Pause

SHOWN = 200
"""So many instants of a preview are listed, the newest ones."""


class Happened(StrEnum):
    """What became of an instant without a run."""

    PAUSED = "paused"
    NEVER = "never"
    """It was not promised, or its run was removed from the history."""


class BackfillInstant(msgspec.Struct, frozen=True, kw_only=True):
    """One instant of the range."""

    at: datetime
    schedule_id: UUID
    happened: str
    """The state of its run, or `paused` or `never`."""
    run_id: UUID | None
    number: int | None
    runs: bool
    """It would run."""


class BackfillPreview(msgspec.Struct, frozen=True, kw_only=True):
    """What a backfill of (`after`, `until`] would do."""

    after: datetime
    until: datetime
    count: int
    runs: int
    """How many would run; 0 where they are too many."""
    refused: str | None
    """Why this range cannot be run, in words."""
    items: tuple[BackfillInstant, ...]
    """The newest 200, oldest first."""


class ResumePreview(msgspec.Struct, frozen=True, kw_only=True):
    """What passed while a job was paused."""

    paused_at: datetime | None
    paused_by: str | None
    count: int
    first: datetime | None
    last: datetime | None
    most: int = MAX_BACKFILLED
    """So many of them run at most, the newest ones."""


async def preview_of(
    session: AsyncSession,
    job_id: JobId,
    schedule_id: ScheduleId | None,
    *,
    after: datetime,
    until: datetime,
) -> BackfillPreview:
    """Return what a backfill would do now.

    Raises:
        NotFound: no such job.
    """
    lanes = await _lanes(session, job_id, schedule_id)
    # What was removed may have run: the scheduler does not run it again.
    after = max(after, await removed_until(session, job_id) or after)
    after = min(after, until)
    try:
        instants = backfill.instants_of(lanes, after=after, until=until)
    except InvalidInput as error:
        count = sum(lane.fires.count_between(after, until) for lane in lanes)
        return BackfillPreview(after=after, until=until, count=count, runs=0, refused=error.message, items=())
    past = await _past(session, job_id, after=after, until=until)
    candidates = backfill.eligible(instants, past.settled())
    refused = _refusal(candidates)
    will_run = set() if refused else set(candidates)
    return BackfillPreview(
        after=after,
        until=until,
        count=len(instants),
        runs=len(will_run),
        refused=refused,
        items=tuple(past.item(one, runs=one in will_run) for one in instants[-SHOWN:]),
    )


async def resume_preview(session: AsyncSession, job_id: JobId, *, now: datetime) -> ResumePreview:
    """Return what passed while the job was paused; counts nothing where it is not.

    Raises:
        NotFound: no such job.
    """
    paused_at = await _paused_at(session, job_id)
    if paused_at is None:
        return ResumePreview(paused_at=None, paused_by=None, count=0, first=None, last=None)
    schedules = [one for one in await schedules_ever(session, job_id) if one.until is None]
    span = newest_span(schedules, paused_at, now, limit=MAX_BACKFILLED)
    open_pause = (await pauses.open_pauses(session, [job_id])).get(job_id)
    return ResumePreview(
        paused_at=paused_at,
        paused_by=None if open_pause is None else open_pause.paused_by,
        count=0 if span is None else span.count,
        first=None if span is None else span.first,
        last=None if span is None else span.last,
    )


async def _paused_at(session: AsyncSession, job_id: JobId) -> datetime | None:
    found = (await session.execute(select(JobRow.paused_at).where(JobRow.id == job_id))).one_or_none()
    if found is None:
        raise NotFound("There is no such job.")
    at: datetime | None = found.paused_at
    return at


async def _lanes(session: AsyncSession, job_id: JobId, schedule_id: ScheduleId | None) -> list[Lane]:
    """Return the schedules that the job follows, or the one that is asked about, with their arguments."""
    known = {one.id: one for one in await schedules_ever(session, job_id)}
    rows = await session.execute(
        select(ScheduleRow.id, ScheduleRow.args, ScheduleRow.retired_at, JobRow.args.label("job_args"))
        .add_columns(CursorRow.next_due_at)
        .join(JobRow, JobRow.id == ScheduleRow.job_id)
        .outerjoin(CursorRow, CursorRow.schedule_id == ScheduleRow.id)
        .where(ScheduleRow.job_id == job_id)
        .order_by(ScheduleRow.id)
    )
    return [
        Lane(
            schedule_id=ScheduleId(row.id),
            fires=known[ScheduleId(row.id)].timetable,
            args=tuple(row.job_args if row.args is None else row.args),
            undecided_from=row.next_due_at,
        )
        for row in rows
        if row.id == schedule_id or (schedule_id is None and row.retired_at is None)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Past:
    """What the ledger and the pauses say of a range."""

    runs: dict[Key, list[RunRow]]
    """Of each instant, the newest first."""
    ranges: list[RunRow]
    """Missed instants that share a row."""
    pauses: tuple[Pause, ...]

    def settled(self) -> set[Key]:
        """Return the instants that need no other run."""
        return {key for key, found in self.runs.items() if any(run.state in SETTLED for run in found)}

    def item(self, one: Instant, *, runs: bool) -> BackfillInstant:
        """Return the instant with what became of it."""
        run = self._run_of(one)
        is_paused = any(pause.holds(one.nominal_at) for pause in self.pauses)
        happened = Happened.PAUSED if is_paused else Happened.NEVER
        return BackfillInstant(
            at=one.nominal_at,
            schedule_id=one.schedule_id,
            happened=str(happened if run is None else run.state),
            run_id=None if run is None else run.id,
            number=None if run is None else run.number,
            runs=runs,
        )

    def _run_of(self, one: Instant) -> RunRow | None:
        known = self.runs.get((one.schedule_id, one.nominal_at))
        return known[0] if known else next((run for run in self.ranges if _covers(run, one)), None)


async def _past(session: AsyncSession, job_id: JobId, *, after: datetime, until: datetime) -> _Past:
    rows = await session.scalars(
        select(RunRow)
        .where(
            RunRow.job_id == job_id,
            RunRow.nominal_at > after,
            RunRow.nominal_at <= until,
            RunRow.schedule_id.is_not(None),
        )
        .order_by(RunRow.number.desc())
    )
    runs: dict[Key, list[RunRow]] = {}
    for row in rows:
        runs.setdefault((ScheduleId(row.schedule_id or row.id), row.nominal_at), []).append(row)
    ranges = await session.scalars(
        select(RunRow).where(
            RunRow.job_id == job_id,
            RunRow.state == RunState.MISSED,
            RunRow.nominal_until > after,
            RunRow.nominal_at <= until,
        )
    )
    return _Past(runs=runs, ranges=list(ranges), pauses=await pauses.pauses_of(session, job_id))


def _covers(run: RunRow, one: Instant) -> bool:
    until = run.nominal_until or run.nominal_at
    return run.schedule_id == one.schedule_id and run.nominal_at <= one.nominal_at <= until


def _refusal(candidates: Sequence[Instant]) -> str | None:
    try:
        backfill.chosen(candidates, backfill.Which.ALL)
    except InvalidInput as error:
        return error.message
    return None

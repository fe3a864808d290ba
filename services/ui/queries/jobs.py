"""The jobs list and one job."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace
from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.chained import RunsAfterItem
from services.ui.models import JobFilter, JobItem, JobSort, NoNext, Page, RunBrief, ScheduleItem
from services.ui.queries import paging
from services.ui.queries.briefs import recent_of
from services.ui.queries.chains import runs_after_by_job
from services.ui.queries.paging import Cursor
from services.ui.queries.pools import offers_of_pools
from services.ui.queries.schedules import in_one_line, schedules_by_job, shown_schedule
from services.ui.queries.secrets import uses_by_job
from shared.db.jobs import head_of
from shared.db.tables import JobLedgerRow, JobRow, PauseRow, RunRow
from shared.db.types import UtcDateTime, storable
from shared.domain.chain import Join
from shared.domain.errors import NotFound
from shared.domain.ids import JobId
from shared.domain.job import JobSchedule, name_key
from shared.domain.policy import Policy, policy_from_json, policy_to_json
from shared.domain.run import RunState
from shared.domain.sandbox import HOW_TO_OFFER, is_enough
from shared.domain.schedules import Manual
from shared.domain.script import Pinning

FAILING = (RunState.FAILED, RunState.TIMED_OUT, RunState.LOST, RunState.MISSED)
"""The ends that want somebody's attention."""

_NAMED = 2
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
_LONG_AGO = datetime(1, 1, 2, tzinfo=UTC)

_Query = Select[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsFilter:
    """Which jobs to list, and in which order."""

    q: str = ""
    state: JobFilter | None = None
    sort: JobSort = JobSort.NAME


async def page_of_jobs(
    session: AsyncSession, which: JobsFilter, *, after: str | None, limit: int, now: datetime
) -> Page[JobItem]:
    """Return one page; `total` is counted on the first page only."""
    cursor = paging.read(after, which.sort)
    conditions = _conditions(which.q, which.state)
    total = await session.scalar(select(func.count(JobRow.id)).where(*conditions)) if cursor is None else None
    query = _sorted(_base().where(*conditions), which.sort, cursor)
    rows = list(await session.execute(query.limit(limit + 1)))
    shown = rows[:limit]
    return Page(
        items=tuple(await _items(session, shown, now)),
        next=paging.written(_cursor_of(shown[-1], which.sort)) if len(rows) > limit else None,
        total=total,
    )


async def check_job(session: AsyncSession, job_id: JobId) -> None:
    """Raise NotFound if there is no such job; a deleted one is one."""
    if await head_of(session, job_id) is None:
        raise NotFound("There is no such job.")


async def job_by_id(session: AsyncSession, job_id: JobId, *, now: datetime) -> JobItem:
    """Return one job, also a deleted one.

    Raises:
        NotFound: no such job.
    """
    items = await jobs_by_ids(session, [job_id], now=now)
    if not items:
        raise NotFound("There is no such job.")
    return replace(items[0], warnings=await _warnings(session, items[0]))


async def _warnings(session: AsyncSession, job: JobItem) -> tuple[str, ...]:
    best = (await offers_of_pools(session)).get(job.pool)
    if best is None or is_enough(best, job.min_sandbox):
        return ()
    lacking = f"No executor of pool {job.pool} offers {job.min_sandbox}."
    return (f"{lacking} {HOW_TO_OFFER[job.min_sandbox]}, or lower the job's minimum.",)


async def jobs_by_ids(session: AsyncSession, job_ids: list[JobId], *, now: datetime) -> list[JobItem]:
    """Return those of the jobs that exist, in no order."""
    rows = await session.execute(_base().where(JobRow.id.in_(job_ids)))
    return await _items(session, list(rows), now)


def _base() -> _Query:
    paused_by = (
        select(PauseRow.paused_by)
        .where(PauseRow.job_id == JobRow.id, PauseRow.resumed_at.is_(None))
        .order_by(PauseRow.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    return select(
        JobRow,
        paused_by.label("paused_by"),
        JobLedgerRow.seen_version,
        JobLedgerRow.next_due_at,
        JobLedgerRow.promised_count,
        JobLedgerRow.last_finished_at,
        JobLedgerRow.removed_count,
        JobLedgerRow.removed_until,
    ).join_from(JobRow, JobLedgerRow, JobLedgerRow.job_id == JobRow.id, isouter=True)


def _conditions(q: str, state: JobFilter | None) -> list[ColumnElement[bool]]:
    wanted = storable(q).strip()
    if not wanted:
        return [_in_state(state)]
    found = or_(
        JobRow.name_key.contains(name_key(wanted), autoescape=True),
        JobRow.script.icontains(wanted, autoescape=True),
        JobRow.description.icontains(wanted, autoescape=True),
    )
    return [_in_state(state), found]


def _in_state(state: JobFilter | None) -> ColumnElement[bool]:
    living = JobRow.deleted_at.is_(None)
    match state:
        case None:
            return living
        case JobFilter.ACTIVE:
            return and_(living, JobRow.paused_at.is_(None))
        case JobFilter.PAUSED:
            return and_(living, JobRow.paused_at.is_not(None))
        case JobFilter.RUNNING:
            running = select(RunRow.job_id).where(RunRow.state == RunState.RUNNING)
            return and_(living, JobRow.id.in_(running))
        case JobFilter.FAILING:
            failing = select(JobLedgerRow.job_id).where(JobLedgerRow.last_state.in_(FAILING))
            return and_(living, JobRow.id.in_(failing))
        case JobFilter.DELETED:
            return JobRow.deleted_at.is_not(None)


def _next_key() -> ColumnElement[datetime]:
    return func.coalesce(JobLedgerRow.next_due_at, literal(_NEVER, UtcDateTime()))


def _last_key() -> ColumnElement[datetime]:
    return func.coalesce(JobLedgerRow.last_finished_at, literal(_LONG_AGO, UtcDateTime()))


def _sorted(query: _Query, sort: JobSort, cursor: Cursor | None) -> _Query:
    match sort:
        case JobSort.NAME:
            return (
                query if cursor is None else query.where(JobRow.name_key > storable(cursor.text))
            ).order_by(JobRow.name_key)
        case JobSort.NEXT:
            key = _next_key()
            if cursor is not None:
                at = cursor.instant or _NEVER
                query = query.where(or_(key > at, and_(key == at, JobRow.id > cursor.id)))
            return query.order_by(key, JobRow.id)
        case JobSort.LAST:
            key = _last_key()
            if cursor is not None:
                at = cursor.instant or _LONG_AGO
                query = query.where(or_(key < at, and_(key == at, JobRow.id > cursor.id)))
            return query.order_by(key.desc(), JobRow.id)


def _cursor_of(row: Any, sort: JobSort) -> Cursor:
    job: JobRow = row.JobRow
    match sort:
        case JobSort.NAME:
            return Cursor(sort, job.id, text=job.name_key)
        case JobSort.NEXT:
            return Cursor(sort, job.id, instant=row.next_due_at)
        case JobSort.LAST:
            return Cursor(sort, job.id, instant=row.last_finished_at)


async def _items(session: AsyncSession, rows: list[Any], now: datetime) -> list[JobItem]:
    ids = [row.JobRow.id for row in rows]
    followed = await schedules_by_job(session, ids)
    recent = await recent_of(session, ids)
    after = await runs_after_by_job(session, {row.JobRow.id: row.JobRow.chain_join for row in rows})
    uses = await uses_by_job(session, ids)
    items = [
        _item(row, followed.get(row.JobRow.id, []), after[row.JobRow.id], recent.get(row.JobRow.id, []), now)
        for row in rows
    ]
    return [replace(one, secrets=tuple(uses[one.id])) if one.id in uses else one for one in items]


def _item(
    row: Any, followed: list[JobSchedule], after: RunsAfterItem, recent: list[RunBrief], now: datetime
) -> JobItem:
    job: JobRow = row.JobRow
    active = job.paused_at is None and job.deleted_at is None
    shown = tuple(shown_schedule(one, after=now if active else None) for one in followed)
    # A run enters the ledger up to 2 s before it is due: until then it is the future, not the past.
    due = [run for run in recent if run.due_at <= now]
    policy = policy_from_json(job.policy)
    next_due_at = _next_due_at(row, shown) if active else None
    return JobItem(
        id=job.id,
        name=job.name,
        description=job.description,
        script=job.script,
        args=tuple(job.args),
        schedule=shown[0].schedule if shown else {"kind": "manual"},
        schedules=shown,
        schedule_text=_when(followed, after),
        timeout_s=job.timeout_s,
        kill_grace_s=job.kill_grace_s,
        on_lost=job.on_lost,
        overlap=job.overlap,
        pool=job.pool,
        limit_key=job.limit_key,
        policy=policy_to_json(policy),
        runs_after=after,
        max_output_bytes=job.max_output_bytes,
        merge_output=job.merge_output,
        network=job.network,
        pinning=Pinning.RECORD if job.pinned_sha256 is None else Pinning.STRICT,
        pinned_sha256=job.pinned_sha256,
        pinned_at=job.pinned_at,
        resources=job.resources or {},
        min_sandbox=job.min_sandbox,
        secrets=(),
        parameters=tuple(job.parameters or ()),
        version=job.version,
        paused_at=job.paused_at,
        paused_by=None if job.paused_at is None else row.paused_by,
        deleted_at=job.deleted_at,
        next_due_at=next_due_at,
        no_next=_no_next(shown, after, policy, row.promised_count or 0)
        if active and next_due_at is None
        else None,
        created_at=job.created_at,
        last_run=due[-1] if due else None,
        recent=tuple(due),
        removed_count=row.removed_count or 0,
        removed_until=row.removed_until,
    )


def _next_due_at(row: Any, shown: tuple[ScheduleItem, ...]) -> datetime | None:
    if row.seen_version == row.JobRow.version:
        at: datetime | None = row.next_due_at
        return at
    # The scheduler has not seen this version yet: the rules alone say what it will decide.
    return min((one.next_at for one in shown if one.next_at is not None), default=None)


def _when(followed: list[JobSchedule], after: RunsAfterItem) -> str:
    """Say in one line when the job runs: by its schedules, and after which others."""
    if not after.jobs:
        return in_one_line(followed)
    names = [one.name for one in after.jobs[:_NAMED]]
    more = len(after.jobs) - _NAMED
    if more > 0:
        names.append(f"{more} more")
    chained = f"After {(' and ' if after.join is Join.ALL else ' or ').join(names)}"
    is_manual = all(isinstance(one.schedule, Manual) for one in followed)
    return chained if is_manual else f"{in_one_line(followed)}; {chained[0].lower()}{chained[1:]}"


def _no_next(shown: tuple[ScheduleItem, ...], after: RunsAfterItem, policy: Policy, promised: int) -> NoNext:
    if all(one.schedule["kind"] == "manual" for one in shown):
        return NoNext.AFTER if after.jobs else NoNext.MANUAL
    named = min((one.next_at for one in shown if one.next_at is not None), default=None)
    is_over = (
        named is None
        or (policy.ends_at is not None and named > policy.ends_at)
        or (policy.max_runs is not None and promised >= policy.max_runs)
    )
    return NoNext.COMPLETED if is_over else NoNext.EXCLUDED

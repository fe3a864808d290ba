"""Jobs with what is shown of them, in lists and alone."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from msgspec.structs import replace
from sqlalchemy import Select, bindparam, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.chained import RunsAfterItem
from services.ui.models import JobItem, NoNext, RunBrief, ScheduleItem
from services.ui.queries.briefs import recent_of
from services.ui.queries.chains import runs_after_by_job
from services.ui.queries.pools import offers_of_pools
from services.ui.queries.schedules import in_one_line, schedules_by_job, shown_schedule
from services.ui.queries.secrets import uses_by_job
from shared.db.jobs import head_of
from shared.db.tables import ChainEdgeRow, JobLedgerRow, JobRow, JobSecretRow, JobTagRow, PauseRow
from shared.db.tags import tags_by_job
from shared.domain.chain import Join
from shared.domain.errors import NotFound
from shared.domain.ids import JobId
from shared.domain.job import JobSchedule
from shared.domain.policy import Policy, policy_from_json, policy_to_json
from shared.domain.run import RunState
from shared.domain.sandbox import HOW_TO_OFFER, is_enough
from shared.domain.schedules import Manual
from shared.domain.script import Pinning

FAILING = (RunState.FAILED, RunState.TIMED_OUT, RunState.LOST, RunState.MISSED)
"""The ends that want somebody's attention."""

_NAMED = 2

_LATER: Final[dict[str, Any]] = {"tags": (), "secrets": ()}
"""Of a job, what other tables say."""

_RARE: Final[Mapping[str, Any]] = MappingProxyType(
    {"has_edges": ChainEdgeRow, "has_secrets": JobSecretRow, "has_tags": JobTagRow}
)

_Query = Select[*tuple[Any, ...]]

_PAUSED_BY = (
    select(PauseRow.paused_by)
    .where(PauseRow.job_id == JobRow.id, PauseRow.resumed_at.is_(None))
    .order_by(PauseRow.id.desc())
    .limit(1)
    .scalar_subquery()
)
_JOBS: Final[_Query] = (
    select(
        JobRow,
        _PAUSED_BY.label("paused_by"),
        JobLedgerRow.seen_version,
        JobLedgerRow.next_due_at,
        JobLedgerRow.promised_count,
        JobLedgerRow.removed_count,
        JobLedgerRow.removed_until,
        # Few jobs have any: what no job of a page has is not asked for, which takes longer than this.
        *(exists().where(one.job_id == JobRow.id).label(name) for name, one in _RARE.items()),
    )
    .join_from(JobRow, JobLedgerRow, JobLedgerRow.job_id == JobRow.id, isouter=True)
    .where(JobRow.id.in_(bindparam("jobs", expanding=True)))
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
    rows = await session.execute(_JOBS, {"jobs": job_ids})
    return await _items(session, list(rows), now)


async def jobs_in_order(
    session: AsyncSession, job_ids: Sequence[UUID], *, now: datetime
) -> tuple[JobItem, ...]:
    """Return these jobs, which exist, in this order."""
    found = {job.id: job for job in await jobs_by_ids(session, [JobId(one) for one in job_ids], now=now)}
    return tuple(found[job_id] for job_id in job_ids)


async def _items(session: AsyncSession, rows: list[Any], now: datetime) -> list[JobItem]:
    ids = [row.JobRow.id for row in rows]
    followed = await schedules_by_job(session, ids)
    recent = await recent_of(session, ids)
    joins = {row.JobRow.id: row.JobRow.chain_join for row in rows if row.has_edges}
    after = await runs_after_by_job(session, joins) if joins else {}
    users = [row.JobRow.id for row in rows if row.has_secrets]
    uses = await uses_by_job(session, users) if users else {}
    tagged = [row.JobRow.id for row in rows if row.has_tags]
    tags = await tags_by_job(session, tagged) if tagged else {}
    items = [
        _item(row, followed.get(row.JobRow.id, []), _after(row, after), recent.get(row.JobRow.id, []), now)
        for row in rows
    ]
    return [replace(one, secrets=tuple(uses.get(one.id, ())), tags=tags.get(one.id, ())) for one in items]


def _after(row: Any, after: Mapping[UUID, RunsAfterItem]) -> RunsAfterItem:
    return after.get(row.JobRow.id) or RunsAfterItem(join=row.JobRow.chain_join, jobs=())


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
        **_LATER,
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

"""The runs list and one run with its attempts."""

from dataclasses import dataclass, replace
from datetime import datetime
from statistics import median
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Select, func, literal_column, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from services.ui.models import AttemptItem, LogState, Page, ParameterValue, RunDetail, RunItem
from services.ui.queries import chains, paging, runs_search
from services.ui.queries.briefs import item, item_values, items_query
from services.ui.queries.paging import Cursor
from services.ui.queries.runs_search import Searched
from shared.db import requests
from shared.db.cursors import args_of
from shared.db.parameters import sealed_values
from shared.db.requests import RunRequest
from shared.db.tables import AttemptRow, JobRow, RunRow, ScheduleRow
from shared.domain.errors import NotFound
from shared.domain.ids import AttemptId, JobId, RunId
from shared.domain.policy import policy_from_json
from shared.domain.retry import tries
from shared.domain.run import FINAL, Cause, Reason, RunState

Told = TypeVar("Told", bound=RunItem)
Query = Select[*tuple[Any, ...]]

_USUAL_OF = 20
_USUAL_WINDOW = 200
_REPEATED = aliased(RunRow)
_DETAIL = (
    JobRow.script,
    JobRow.timeout_s,
    JobRow.policy,
    RunRow.rerun_of,
    _REPEATED.number.label("rerun_of_number"),
    RunRow.args.label("own_args"),
    RunRow.parameters,
    ScheduleRow.args.label("schedule_args"),
    JobRow.args.label("job_args"),
)
_ATTEMPT = tuple(name for name in AttemptItem.__struct_fields__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsFilter:
    """Which runs to list; empty means all."""

    states: frozenset[RunState] = frozenset()
    reasons: frozenset[Reason] = frozenset()
    job_id: JobId | None = None
    number: int | None = None
    """Of one job: its only run with this number."""
    q: str = ""
    """Words, each of which the name, script, description or tags of a run's job hold."""
    executor: str | None = None
    cause: Cause | None = None
    since: datetime | None = None
    """Due at or after."""
    until: datetime | None = None
    """Due before."""


async def page_of_runs(
    session: AsyncSession, which: RunsFilter, *, after: str | None, limit: int
) -> Page[RunItem]:
    """Return one page, newest first: of one job by number, over all jobs by due instant.

    A page of a search may be short, or empty, and not the last: then the next one looks further.
    """
    order = "runs" if which.job_id is None else "job-runs"
    cursor = paging.read(after, order)
    found = await searched(session, which, most=runs_search.LOOKED_AT, cursor=cursor)
    query = chosen(items_query(), which, found, limit=limit + 1, cursor=cursor)
    rows = list(await session.execute(query))
    shown = await _with_wishes(session, [item(row) for row in rows[:limit]])
    following = None
    if len(rows) > limit:
        last = shown[-1]
        following = paging.written(Cursor(order, last.id, instant=last.due_at, number=last.number or 0))
    elif found.edge is not None:
        # All that is due at the edge was looked at: no id is before this one.
        following = paging.written(Cursor(order, UUID(int=0), instant=found.edge))
    return Page(items=tuple(shown), next=following)


async def searched(
    session: AsyncSession, which: RunsFilter, *, most: int, cursor: Cursor | None = None
) -> Searched:
    """Return what the search leaves of the runs after the cursor, looking at so many at most."""
    found = await runs_search.jobs_of(session, which.q, which.job_id)
    if found.is_whole or not found.conditions:
        return found
    others = [*_conditions(replace(which, states=frozenset())), *_after(which, cursor)]
    edge = await runs_search.edge_of(session, others, which.states, most)
    within = () if edge is None else (RunRow.due_at >= edge,)
    return replace(found, conditions=(*found.conditions, *within), edge=edge)


def chosen(
    query: Query, which: RunsFilter, found: Searched, *, limit: int, cursor: Cursor | None = None
) -> Query:
    """Return the query of runs for those that match, newest first, from after the cursor on."""
    conditions = [*_conditions(which), *_after(which, cursor), *found.conditions]
    if found.is_whole and which.job_id is None:
        return query.where(*conditions).order_by(*runs_search.by_due_after_all()).limit(limit)
    if len(which.states) > 1:
        conditions = [RunRow.id.in_(_newest_of_each_state(which, conditions, limit))]
    return query.where(*conditions).order_by(*_order(which)).limit(limit)


async def run_by_id(session: AsyncSession, run_id: RunId) -> RunDetail:
    """Return one run, its log not counted yet; one that is only asked for is queued.

    Raises:
        NotFound: neither in the ledger nor asked for.
    """
    row = (
        await session.execute(
            items_query()
            .outerjoin(ScheduleRow, ScheduleRow.id == RunRow.schedule_id)
            .outerjoin(_REPEATED, _REPEATED.id == RunRow.rerun_of)
            .add_columns(*_DETAIL)
            .where(RunRow.id == run_id)
        )
    ).one_or_none()
    if row is None:
        return await _asked_for(session, run_id)
    detail = RunDetail(
        **item_values(row),
        script=row.script,
        args=args_of(row.own_args if row.own_args is not None else row.schedule_args, row.job_args),
        parameters=await _values(session, run_id, row.parameters),
        tries=tries(policy_from_json(row.policy).retry, row.attempt),
        rerun_of=row.rerun_of,
        rerun_of_number=row.rerun_of_number,
        started_by=await chains.started_by(session, run_id),
        started=await chains.started(session, run_id),
        timeout_s=row.timeout_s,
        usual_ms=await _usual_ms(session, row.job_id, row.number),
        attempts=await attempts_of(session, run_id),
        log=LogState(),
    )
    (told,) = await _with_wishes(session, [detail])
    return told


async def attempts_of(session: AsyncSession, run_id: RunId) -> tuple[AttemptItem, ...]:
    """Return the attempts of a run in their order."""
    rows = await session.execute(
        select(*(getattr(AttemptRow, name) for name in _ATTEMPT))
        .where(AttemptRow.run_id == run_id)
        .order_by(AttemptRow.number)
    )
    return tuple(AttemptItem(**row._mapping) for row in rows)  # noqa: SLF001 - SQLAlchemy's public name


async def newest_attempt(session: AsyncSession, run_id: RunId) -> AttemptId | None:
    """Return the newest attempt of a run; None while there is none."""
    found = await session.scalar(
        select(AttemptRow.id).where(AttemptRow.run_id == run_id).order_by(AttemptRow.number.desc()).limit(1)
    )
    return None if found is None else AttemptId(found)


async def waiting_of(session: AsyncSession, job_id: JobId, *, now: datetime) -> int:
    """Return how many runs of a job are held or queued, of instants up to now."""
    waiting = (RunState.HELD, RunState.QUEUED)
    found = await session.scalar(
        select(func.count()).where(
            RunRow.job_id == job_id, RunRow.state.in_(waiting), RunRow.nominal_at <= now
        )
    )
    return found or 0


async def _with_wishes(session: AsyncSession, runs: list[Told]) -> list[Told]:
    """Return the runs, those that have not ended with who wants their end."""
    going = {RunId(run.id) for run in runs if run.state not in FINAL}
    asked = await requests.cancels_of(session, going) if going else {}
    return [
        msgspec.structs.replace(run, stop_asked_at=wish.requested_at, stop_asked_by=wish.requested_by)
        if (wish := asked.get(RunId(run.id))) is not None
        else run
        for run in runs
    ]


def _conditions(which: RunsFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [
        column.in_(values)
        for column, values in ((RunRow.state, which.states), (RunRow.reason, which.reasons))
        if values
    ]
    wanted = (
        *((RunRow.job_id, which.job_id), (RunRow.number, which.number)),
        *((RunRow.executor, which.executor), (RunRow.cause, which.cause)),
    )
    conditions += [column == value for column, value in wanted if value is not None]
    if which.cause not in {None, Cause.SCHEDULE}:
        conditions.append(RunRow.cause != literal_column("'schedule'"))  # as its index has it
    if which.since is not None:
        conditions.append(RunRow.due_at >= which.since)
    if which.until is not None:
        conditions.append(RunRow.due_at < which.until)
    return conditions


def _after(which: RunsFilter, cursor: Cursor | None) -> list[ColumnElement[bool]]:
    if cursor is None:
        return []
    if which.job_id is not None:
        return [RunRow.number < cursor.number]
    # The first condition is what an index is walked by; "earlier, or as early and before it" would walk none.
    return [RunRow.due_at <= cursor.instant, or_(RunRow.due_at < cursor.instant, RunRow.id < cursor.id)]


def _order(which: RunsFilter) -> tuple[ColumnElement[Any], ...]:
    return (RunRow.due_at.desc(), RunRow.id.desc()) if which.job_id is None else (RunRow.number.desc(),)


def _newest_of_each_state(
    which: RunsFilter, conditions: list[ColumnElement[bool]], limit: int
) -> Select[UUID]:
    """Return the ids that can be on the page.

    Each state is read from the end of its index; asked for several states at once, SQLite sorts
    everything in them: measured 1.5 s against 5 ms at a million runs.
    """
    newest = [
        select(RunRow.id)
        .where(RunRow.state == state, *conditions)
        .order_by(*_order(which))
        .limit(limit)
        .subquery()
        for state in sorted(which.states)
    ]
    return select(union_all(*(select(each.c.id) for each in newest)).subquery().c.id)


async def _usual_ms(session: AsyncSession, job_id: JobId, number: int) -> int | None:
    # The window keeps the search a short range of (job_id, number), however many runs there are.
    window = (
        select(RunRow.state, RunRow.duration_ms)
        .where(RunRow.job_id == job_id, RunRow.number < number)
        .order_by(RunRow.number.desc())
        .limit(_USUAL_WINDOW)
        .subquery()
    )
    found = await session.scalars(
        select(window.c.duration_ms)
        .where(window.c.state == RunState.SUCCEEDED, window.c.duration_ms.is_not(None))
        .limit(_USUAL_OF)
    )
    durations = list(found)
    return round(median(durations)) if durations else None


async def _asked_for(session: AsyncSession, run_id: RunId) -> RunDetail:
    request = await requests.request_of_run(session, run_id)
    job = None
    if request is not None:
        job = await session.scalar(select(JobRow).where(JobRow.id == request.job_id))
    # Whatever was not refused became a run; where there is none any more, it was removed.
    outcome = None if request is None else request.outcome
    was_run = outcome is not None and not outcome.startswith("refused")
    if request is None or job is None or was_run:
        raise NotFound("There is no such run, or it was so old that it was removed.")
    values = await _values(session, request.rerun_of or run_id, await _asked_values(session, request))
    (told,) = await _with_wishes(session, [_as_queued(request, job, values)])
    return told


async def _asked_values(session: AsyncSession, request: RunRequest) -> dict[str, Any] | None:
    if request.rerun_of is None:
        return request.parameters
    return await session.scalar(select(RunRow.parameters).where(RunRow.id == request.rerun_of))


async def _values(
    session: AsyncSession, run_id: RunId, values: dict[str, Any] | None
) -> tuple[ParameterValue, ...]:
    if values is None:
        return ()
    sealed = (await sealed_values(session, [run_id])).get(run_id, {})
    shown = {**values, **dict.fromkeys(sealed)}
    return tuple(ParameterValue(name=name, value=shown[name]) for name in sorted(shown))


def _as_queued(request: RunRequest, job: JobRow, values: tuple[ParameterValue, ...]) -> RunDetail:
    """A handled request without a run is one that the scheduler refused."""
    refused = request.outcome is not None
    return RunDetail(
        id=request.run_id,
        number=None,
        state=RunState.CANCELLED if refused else RunState.QUEUED,
        reason=Reason.DELETED if refused and job.deleted_at is not None else None,
        due_at=request.requested_at,
        started_at=None,
        finished_at=None,
        duration_ms=None,
        job_id=job.id,
        job_name=job.name,
        schedule_id=None,
        cause=request.cause,
        requested_by=request.requested_by,
        nominal_at=request.requested_at,
        nominal_until=None,
        instants=1,
        detail=request.outcome or "",
        attempt=0,
        executor=None,
        exit_code=None,
        signal=None,
        pool=job.pool,
        min_sandbox=job.min_sandbox,
        script=job.script,
        args=args_of(request.args, job.args),
        parameters=values,
        tries=tries(policy_from_json(job.policy).retry, 1),
        rerun_of=request.rerun_of,
        rerun_of_number=None,
        started_by=(),
        started=(),
        timeout_s=job.timeout_s,
        usual_ms=None,
        attempts=(),
        log=LogState(),
    )

"""Pages of the jobs list: a search, a filter and an order, whose cost does not grow with the jobs.

Of what narrows the list the smallest set is looked for, counting no further than needed. A small one is
read and sorted whole. Otherwise the index of the order is walked: then what is looked for is never far.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    bindparam,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.models import JobFilter, JobItem, JobSort, Page
from services.ui.queries import paging
from services.ui.queries.jobs import FAILING, jobs_in_order
from services.ui.queries.paging import Cursor
from shared.db import job_texts
from shared.db.tables import JobLedgerRow, JobRow, JobTagRow, JobTextRow, RunRow
from shared.db.types import storable
from shared.domain.ids import JobId
from shared.domain.job import name_key
from shared.domain.run import RunState

MOST_COUNTED = 10_000
"""Of more jobs it is only said that there are more; of a narrowed list that is said of `_SMALL`."""
_SMALL = 1_000
"""So many jobs are looked up and sorted in some 10 ms."""
_NEAR = 5_000
"""So many names are walked in some 20 ms; of what is spread over all, a page is found in as many."""

_Query = Select[*tuple[Any, ...]]
_Set = Select[Any]
_Narrowing = tuple[_Set, ColumnElement[bool]]
"""A set of ids, and the condition that holds for whatever is in it."""
_LIVING = JobRow.deleted_at.is_(None)
_NEVER_DUE = (JobFilter.PAUSED, JobFilter.DELETED)
_KEYS = (
    *(JobRow.id, JobRow.name_key, JobRow.paused_at, JobRow.deleted_at),
    *(JobLedgerRow.next_due_at, JobLedgerRow.last_finished_at),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsFilter:
    """Which jobs to list, and in which order."""

    q: str = ""
    """Words, each of which a job's name, script, description or tags hold."""
    state: JobFilter | None = None
    tags: tuple[str, ...] = ()
    """All of which a job has."""
    name: str | None = None
    """The one that is called so, whatever its case; a deleted one has no name any more."""
    sort: JobSort = JobSort.NAME


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    """A filter: its conditions, and the sets of ids by which an index narrows it."""

    conditions: tuple[ColumnElement[bool], ...]
    sets: tuple[_Narrowing, ...]
    few: tuple[UUID, ...] | None
    """The smallest of the sets, where it is small."""


async def page_of_jobs(
    session: AsyncSession, which: JobsFilter, *, after: str | None, limit: int, now: datetime
) -> Page[JobItem]:
    """Return one page; `total` is counted on the first page only, and not without end."""
    cursor = paging.read(after, which.sort)
    chosen = await _chosen(session, which)
    if chosen.few is None:
        keys = await _walked(session, chosen, which, cursor, limit + 1)
        total, more = (None, False) if cursor is not None else await _total(session, chosen)
    else:
        found = await _few(session, chosen, which.sort)
        keys = [key for key in found if cursor is None or _place(key, which.sort) > _place_of(cursor)]
        total, more = None if cursor is not None else len(found), False
    shown = keys[:limit]
    return Page(
        items=await jobs_in_order(session, [key.id for key in shown], now=now),
        next=paging.written(_cursor_of(shown[-1], which.sort)) if len(keys) > limit else None,
        total=total,
        more=more,
    )


async def ids_of_all(session: AsyncSession, which: JobsFilter, *, most: int) -> tuple[JobId, ...]:
    """Return the ids of all jobs that match, by name, at most so many."""
    chosen = await _chosen(session, which)
    if chosen.few is not None:
        found = await _few(session, chosen, JobSort.NAME)
    else:
        query = _named(JobSort.NAME, None).where(*chosen.conditions).limit(most)
        found = list(await session.execute(query))
    return tuple(JobId(key.id) for key in found[:most])


async def _chosen(session: AsyncSession, which: JobsFilter) -> _Chosen:
    conditions, sets = _of_state(which.state)
    words = job_texts.words_of(which.q)
    if words:
        holds = exists().where(JobTextRow.job_id == JobRow.id, job_texts.holds(session, words))
        conditions.append(holds)
        sets.append((await job_texts.found(session, words), holds))
    if which.name is not None:
        named = JobRow.name_key == name_key(storable(which.name.strip()))
        conditions.append(named)
        sets.append((select(JobRow.id).where(named), named))
    for tag in which.tags:
        tagged = select(JobTagRow.job_id).where(JobTagRow.tag == storable(tag))
        has_it = exists().where(JobTagRow.job_id == JobRow.id, JobTagRow.tag == storable(tag))
        conditions.append(has_it)
        sets.append((tagged, has_it))
    small = [ids for one, _ in sets if (ids := await _ids(session, one)) is not None]
    few = min(small, key=len, default=None)
    if few is None and len(sets) > 1:
        few = await _in_all(session, conditions, sets)
    return _Chosen(conditions=tuple(conditions), sets=tuple(sets), few=few)


async def _ids(session: AsyncSession, query: _Set) -> tuple[UUID, ...] | None:
    """Return the ids that a query finds; None where there are more than a few."""
    # As they are stored: of a large set, whose ids nobody wants, to make UUIDs takes longest.
    stored = query.with_only_columns(type_coerce(query.selected_columns[0], String)).limit(_SMALL + 1)
    ids = [value for (value,) in await session.execute(stored)]
    return None if len(ids) > _SMALL else tuple(UUID(str(value)) for value in ids)


async def _in_all(
    session: AsyncSession, conditions: list[ColumnElement[bool]], sets: list[_Narrowing]
) -> tuple[UUID, ...] | None:
    """Return the ids of what is in all of large sets; None where these are more than a few, too."""
    sizes = [
        await session.scalar(select(func.count()).select_from(one.limit(_NEAR + 1).subquery())) or 0
        for one, _ in sets
    ]
    least = min(sizes)
    if least > _NEAR:
        return None
    one, implied = sets[sizes.index(least)]
    names = one.subquery()
    query = _with_ledger(JobRow.id).join(names, names.c[0] == JobRow.id)
    return await _ids(session, query.where(*(it for it in conditions if it is not implied)))


def _of_state(state: JobFilter | None) -> tuple[list[ColumnElement[bool]], list[_Narrowing]]:
    """Return the conditions of a filter, and the set of jobs that an index knows for it."""
    match state:
        case None:
            return [_LIVING], []
        case JobFilter.ACTIVE:
            return [_LIVING, JobRow.paused_at.is_(None)], []
        case JobFilter.PAUSED:
            paused = JobRow.paused_at.is_not(None)
            return [_LIVING, paused], [(select(JobRow.id).where(_LIVING, paused), paused)]
        case JobFilter.RUNNING:
            running = select(RunRow.job_id).where(RunRow.state == RunState.RUNNING)
            runs = JobRow.id.in_(running)
            return [_LIVING, runs], [(running.distinct(), runs)]
        case JobFilter.FAILING:
            # As an expression that no index has: where many fail the index of the order is to be walked.
            fails = func.coalesce(JobLedgerRow.last_state, literal_column("NULL")).in_(FAILING)
            failing = select(JobLedgerRow.job_id).where(JobLedgerRow.last_state.in_(FAILING))
            return [_LIVING, fails], [(failing, fails)]
        case JobFilter.DELETED:
            deleted = JobRow.deleted_at.is_not(None)
            return [deleted], [(select(JobRow.id).where(deleted), deleted)]


async def _few(session: AsyncSession, chosen: _Chosen, sort: JobSort) -> list[Any]:
    """Return the keys of all that match, in order."""
    query = _with_ledger(*_KEYS).where(
        JobRow.id.in_(bindparam(None, chosen.few or (), expanding=True)), *chosen.conditions
    )
    return sorted(await session.execute(query), key=lambda key: _place(key, sort))


async def _walked(
    session: AsyncSession, chosen: _Chosen, which: JobsFilter, cursor: Cursor | None, limit: int
) -> list[Any]:
    """Return the keys of what comes next: first what has an instant to sort by, then the others by name."""
    keys: list[Any] = []
    has_none = which.sort is JobSort.NAME or (which.sort is JobSort.NEXT and which.state in _NEVER_DUE)
    if not has_none and (cursor is None or cursor.instant is not None):
        keys += await session.execute(_dated(which.sort, cursor).where(*chosen.conditions).limit(limit))
        cursor = None
    if len(keys) < limit:
        rest = limit - len(keys)
        keys += await _by_name(session, chosen, which.sort, cursor, rest)
    return keys


async def _by_name(
    session: AsyncSession, chosen: _Chosen, sort: JobSort, cursor: Cursor | None, limit: int
) -> list[Any]:
    """Walk the names; of what stands far from here, as every "sync" does, the set is sorted instead."""
    walk = _named(sort, cursor).where(*chosen.conditions).limit(limit)
    end = await _name_ahead(session, cursor) if chosen.sets and sort is JobSort.NAME else None
    if end is None:
        return list(await session.execute(walk))
    near = list(await session.execute(walk.where(JobRow.name_key <= end)))
    if len(near) == limit:
        return near
    first, implied = chosen.sets[0]
    one = first.subquery()
    # As an expression that no index has: the set is to be read, and not the names.
    name = func.coalesce(JobRow.name_key, literal_column("NULL"))
    query = _named(sort, cursor).join(one, one.c[0] == JobRow.id).order_by(None).order_by(name)
    rest = (it for it in chosen.conditions if it is not implied)
    return list(await session.execute(query.where(*rest).limit(limit)))


async def _name_ahead(session: AsyncSession, cursor: Cursor | None) -> str | None:
    """Return the name that stands `_NEAR` jobs further; None: the names end before."""
    query = select(JobRow.name_key).order_by(JobRow.name_key).offset(_NEAR).limit(1)
    if cursor is not None:
        query = query.where(JobRow.name_key > storable(cursor.text))
    return await session.scalar(query)


def _dated(sort: JobSort, cursor: Cursor | None) -> _Query:
    query = select(*_KEYS).join_from(JobLedgerRow, JobRow, JobRow.id == JobLedgerRow.job_id)
    job_id = JobLedgerRow.job_id
    if sort is JobSort.NEXT:
        at = JobLedgerRow.next_due_at
        query = query.where(at.is_not(None), JobRow.paused_at.is_(None), _LIVING)
        if cursor is not None:
            query = query.where(at >= cursor.instant, or_(at > cursor.instant, job_id > cursor.id))
        return query.order_by(at, job_id)
    at = JobLedgerRow.last_finished_at
    query = query.where(at.is_not(None))
    if cursor is not None:
        query = query.where(at <= cursor.instant, or_(at < cursor.instant, job_id < cursor.id))
    return query.order_by(at.desc(), job_id.desc())


def _named(sort: JobSort, cursor: Cursor | None) -> _Query:
    query = _with_ledger(*_KEYS)
    if sort is JobSort.NEXT:
        is_due = JobLedgerRow.next_due_at.is_not(None)
        query = query.where(or_(~is_due, JobRow.paused_at.is_not(None), ~_LIVING))
    elif sort is JobSort.LAST:
        query = query.where(JobLedgerRow.last_finished_at.is_(None))
    if cursor is not None:
        query = query.where(JobRow.name_key > storable(cursor.text))
    return query.order_by(JobRow.name_key)


async def _total(session: AsyncSession, chosen: _Chosen) -> tuple[int, bool]:
    """Return how many match, and whether there are more than that."""
    most = MOST_COUNTED if len(chosen.conditions) == 1 and not chosen.sets else _SMALL
    query, implied = select(literal(1)).select_from(JobRow), None
    if chosen.sets:
        first, implied = chosen.sets[0]
        one = first.subquery()
        query = query.join(one, one.c[0] == JobRow.id)
    some = query.where(*(it for it in chosen.conditions if it is not implied)).limit(most + 1).subquery()
    count = await session.scalar(select(func.count()).select_from(some)) or 0
    return min(count, most), count > most


def _with_ledger(*columns: Any) -> _Query:
    return select(*columns).select_from(JobRow).outerjoin(JobLedgerRow, JobLedgerRow.job_id == JobRow.id)


def _instant(key: Any, sort: JobSort) -> datetime | None:
    """Return what the row is sorted by before its name; None: by the name alone."""
    at: datetime | None = None
    if sort is JobSort.LAST:
        at = key.last_finished_at
    elif sort is JobSort.NEXT and key.paused_at is None and key.deleted_at is None:
        at = key.next_due_at
    return at


def _place(key: Any, sort: JobSort) -> tuple[Any, ...]:
    return _place_of(_cursor_of(key, sort))


def _place_of(cursor: Cursor) -> tuple[Any, ...]:
    """Return where a row stands, as a value that compares: as `_dated` and `_named` order them."""
    if cursor.instant is None:
        return (1, cursor.text)
    seconds, number = cursor.instant.timestamp(), cursor.id.int
    return (0, -seconds, -number) if cursor.order == JobSort.LAST else (0, seconds, number)


def _cursor_of(key: Any, sort: JobSort) -> Cursor:
    at = _instant(key, sort)
    return Cursor(sort, key.id, text=key.name_key if at is None else "", instant=at)

"""Channels, rules, and what they are judged by; messages are in `shared.db.deliveries`."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.statements import changed, changed_where, columns_of, insert_all, pieces, table_of
from shared.db.tables import (
    AlertChannelRow,
    AlertIncidentRow,
    AlertLookRow,
    AlertRuleRow,
    AttemptRow,
    ExecutorRow,
    JobRow,
    PauseRow,
    RunRow,
)
from shared.domain.alert import STARTED, ChannelKind, Rule
from shared.domain.ids import JobId
from shared.domain.run import Cause, Reason, RunState

MOST_RULES = 500
_LOOK = 1
_KEPT = timedelta(days=30)
_MOST_OPEN = 20_000
_UNTOLD = (RunState.CANCELLED, RunState.SKIPPED)
_RULES = table_of(AlertRuleRow)
_JOB = (JobRow.name.label("job_name"), JobRow.script)


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """Where messages go; its address is sealed."""

    id: UUID
    name: str
    kind: ChannelKind
    sealed: str
    shown: str
    """What people may see of its address."""
    quiet: dict[str, Any] | None
    changed_by: str
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """That what a rule tells of holds of a subject, or held."""

    id: UUID
    rule_id: UUID
    subject: str
    job_id: UUID | None
    run_id: UUID | None
    opened_at: datetime
    ended_at: datetime | None
    seen_at: datetime
    told_at: datetime
    count: int
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRun:
    """A run with its job: what is judged and told."""

    id: UUID
    job_id: UUID
    number: int
    state: RunState
    cause: Cause
    attempt: int
    due_at: datetime
    started_at: datetime | None
    noted_at: datetime | None
    duration_ms: int | None
    reason: Reason | None
    detail: str
    exit_code: int | None
    signal: int | None
    instants: int
    job_name: str
    script: str


_RUN = tuple(getattr(RunRow, name) for name in JobRun.__dataclass_fields__ if hasattr(RunRow, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How far the ends of runs were judged; `version` is what a judge claims."""

    version: int
    noted_until: datetime


async def channels(session: AsyncSession) -> list[Channel]:
    """Return where messages can go, by name."""
    rows = await session.execute(select(*table_of(AlertChannelRow).c).order_by(AlertChannelRow.name))
    return [Channel(**values) for values in rows.mappings()]


async def put_channel(session: AsyncSession, channel: Channel) -> None:
    """Store it in place of an earlier one of its id."""
    values = columns_of(channel)
    if not await changed_where(session, AlertChannelRow, {"id": values.pop("id")}, values):
        await insert_all(session, AlertChannelRow, [columns_of(channel)])


async def seal_channel_again(session: AsyncSession, channel_id: UUID, *, was: str, sealed: str) -> bool:
    """Replace its sealed address and nothing else; False: somebody changed or deleted it meanwhile."""
    is_ = {"id": channel_id, "sealed": was}
    return await changed_where(session, AlertChannelRow, is_, {"sealed": sealed}) == 1


async def rules(session: AsyncSession, *, job_id: UUID | None = None) -> list[Rule]:
    """Return the rules, oldest first; of deleted jobs none."""
    query = (
        select(*_RULES.c)
        .outerjoin(JobRow, JobRow.id == AlertRuleRow.job_id)
        .where(or_(AlertRuleRow.job_id.is_(None), JobRow.deleted_at.is_(None)))
        .order_by(AlertRuleRow.id)
        .limit(MOST_RULES)
    )
    if job_id is not None:
        query = query.where(or_(AlertRuleRow.job_id.is_(None), AlertRuleRow.job_id == job_id))
    rows = await session.execute(query)
    return [_rule(values) for values in rows.mappings()]


def _rule(values: Mapping[Any, Any]) -> Rule:
    known = {name: values[name] for name in Rule.__dataclass_fields__}
    return Rule(**{**known, "channels": tuple(UUID(one) for one in values["channels"])})


async def put_rule(session: AsyncSession, rule: Rule, *, by: str, at: datetime) -> None:
    """Store it in place of an earlier one of its id."""
    values = {**columns_of(rule), "channels": [str(one) for one in rule.channels]}
    values |= {"changed_by": by, "changed_at": at}
    later = {name: value for name, value in values.items() if name != "id"}
    if not await changed_where(session, AlertRuleRow, {"id": rule.id}, later):
        await insert_all(session, AlertRuleRow, [values])


async def snooze(session: AsyncSession, rule_id: UUID, until: datetime | None) -> bool:
    """Let a rule be silent until then; False: there is none."""
    return await changed_where(session, AlertRuleRow, {"id": rule_id}, {"snoozed_until": until}) == 1


async def forget_rule(session: AsyncSession, rule_id: UUID) -> bool:
    """Delete a rule with what it knows; say whether there was one."""
    await forget_incidents_of(session, rule_id)
    was = await session.scalar(select(AlertRuleRow.id).where(AlertRuleRow.id == rule_id))
    await session.execute(delete(AlertRuleRow).where(AlertRuleRow.id == rule_id))
    return was is not None


async def forget_incidents_of(session: AsyncSession, rule_id: UUID) -> None:
    """Forget what a rule has told of."""
    await session.execute(delete(AlertIncidentRow).where(AlertIncidentRow.rule_id == rule_id))


async def incidents(
    session: AsyncSession, *, is_open: bool, subjects: Collection[str] = ()
) -> list[Incident]:
    """Return those that hold, the oldest first; or all of these subjects, that have ended as well."""
    query = select(*table_of(AlertIncidentRow).c).order_by(AlertIncidentRow.opened_at).limit(_MOST_OPEN)
    if is_open:
        rows = list((await session.execute(query.where(AlertIncidentRow.ended_at.is_(None)))).mappings())
    else:
        rows = []
        for piece in pieces(subjects):
            some = query.where(AlertIncidentRow.subject.in_(piece))
            rows += (await session.execute(some)).mappings()
    return [Incident(**values) for values in rows]


async def put_incidents(session: AsyncSession, found: Sequence[Incident], known: Collection[UUID]) -> None:
    """Store these; `known` are the ids of those that are stored already."""
    await insert_all(session, AlertIncidentRow, [columns_of(one) for one in found if one.id not in known])
    for one in found:
        if one.id in known:
            values = columns_of(one)
            await changed_where(session, AlertIncidentRow, {"id": values.pop("id")}, values)


async def forget_incidents(session: AsyncSession, now: datetime) -> None:
    """Forget what has ended a month ago."""
    await session.execute(delete(AlertIncidentRow).where(AlertIncidentRow.ended_at < now - _KEPT))


async def look(session: AsyncSession) -> Look | None:
    """Return how far it was judged; None: never."""
    row = await session.get(AlertLookRow, _LOOK)
    return None if row is None else Look(version=row.version, noted_until=row.noted_until)


async def begin_look(session: AsyncSession, now: datetime) -> None:
    """Judge from now on; where somebody has begun, that stays."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    values = {"id": _LOOK, "version": 0, "noted_until": now}
    await session.execute(insert(AlertLookRow).values(values).on_conflict_do_nothing())


async def take_look(session: AsyncSession, was: Look, noted_until: datetime) -> bool:
    """Claim what was judged since `was`, in the transaction that stores it; False: somebody else did."""
    statement = update(AlertLookRow).where(AlertLookRow.id == _LOOK, AlertLookRow.version == was.version)
    values = {"version": was.version + 1, "noted_until": noted_until}
    return await changed(session, statement.values(values)) == 1


async def noted_since(
    session: AsyncSession,
    after: tuple[datetime, UUID],
    *,
    successes_of: Collection[UUID] | None,
    limit: int,
) -> list[JobRun]:
    """Return the runs whose end was noted after this instant and id, in that order, at most `limit`.

    Cancelled and skipped ones are not told of. Of succeeded ones, those of these jobs; None: all.
    """
    is_told: ColumnElement[bool] = RunRow.state.not_in(_UNTOLD)
    if successes_of is not None:
        is_other = RunRow.state != RunState.SUCCEEDED
        is_told = and_(is_told, or_(is_other, RunRow.job_id.in_(list(successes_of))))
    at, run_id = after
    is_after = or_(RunRow.noted_at > at, and_(RunRow.noted_at == at, RunRow.id > run_id))
    query = (
        select(*_RUN, *_JOB)
        .join(JobRow, JobRow.id == RunRow.job_id)
        .where(RunRow.noted_at >= at, is_after, JobRow.deleted_at.is_(None), is_told)
        .order_by(RunRow.noted_at, RunRow.id)
        .limit(limit)
    )
    return [JobRun(**values) for values in (await session.execute(query)).mappings()]


async def failing_since(session: AsyncSession, since: datetime, *, limit: int) -> set[UUID] | None:
    """Return the jobs of the runs that ended since then otherwise than well; None: more than `limit` did."""
    # Not DISTINCT: SQLite would walk the index of all runs by job for it.
    is_told = (RunRow.state.not_in(_UNTOLD), RunRow.state != RunState.SUCCEEDED)
    query = select(RunRow.job_id).where(RunRow.noted_at >= since, *is_told).order_by(RunRow.noted_at)
    found = list(await session.scalars(query.limit(limit + 1)))
    return set(found) if len(found) <= limit else None


async def going(session: AsyncSession, *, limit: int) -> list[JobRun]:
    """Return the runs that go on now."""
    query = select(*_RUN, *_JOB).join(JobRow, JobRow.id == RunRow.job_id)
    rows = await session.execute(query.where(RunRow.state == RunState.RUNNING).limit(limit))
    return [JobRun(**values) for values in rows.mappings()]


async def not_started(session: AsyncSession, *, due_before: datetime, limit: int) -> list[JobRun]:
    """Return scheduled runs that were due before then and wait for their first start, oldest first."""
    query = (
        select(*_RUN, *_JOB)
        .join(JobRow, JobRow.id == RunRow.job_id)
        .where(
            RunRow.state.in_((RunState.HELD, RunState.QUEUED)),
            RunRow.due_at < due_before,
            RunRow.attempt <= 1,
            RunRow.cause == Cause.SCHEDULE,
            JobRow.deleted_at.is_(None),
        )
        .order_by(RunRow.due_at)
        .limit(limit)
    )
    return [JobRun(**values) for values in (await session.execute(query)).mappings()]


async def newest_states(session: AsyncSession, job_id: UUID, number: int, limit: int) -> list[RunState]:
    """Return how the job's runs up to this number ended that were started, newest first."""
    query = (
        select(RunRow.state)
        .where(RunRow.job_id == job_id, RunRow.number <= number, RunRow.state.in_(tuple(STARTED)))
        .order_by(RunRow.number.desc())
        .limit(limit)
    )
    return list(await session.scalars(query))


async def newest_took(session: AsyncSession, job_id: UUID, *, before: int, limit: int) -> list[int]:
    """Return how long those of the runs before this number took that succeeded, in ms, in order of length."""
    query = (
        select(RunRow.state, RunRow.duration_ms)
        .where(RunRow.job_id == job_id, RunRow.number < before, RunRow.duration_ms.is_not(None))
        .order_by(RunRow.number.desc())
        .limit(limit)
    )
    rows = await session.execute(query)
    return sorted(row.duration_ms for row in rows if row.state is RunState.SUCCEEDED)


async def silent_since(session: AsyncSession, job_id: UUID) -> tuple[str, datetime] | None:
    """Return a job's name and since when it could have succeeded; None: it is paused or gone.

    That is its newest success, its making, or the end of its last pause, whichever is the latest.
    """
    job = (
        await session.execute(
            select(JobRow.name, JobRow.created_at, JobRow.paused_at, JobRow.deleted_at).where(
                JobRow.id == job_id
            )
        )
    ).one_or_none()
    if job is None or job.paused_at is not None or job.deleted_at is not None:
        return None
    success = await session.scalar(
        select(RunRow.finished_at)
        .where(RunRow.job_id == job_id, RunRow.state == RunState.SUCCEEDED)
        .order_by(RunRow.number.desc())
        .limit(1)
    )
    resumed = await session.scalar(select(func.max(PauseRow.resumed_at)).where(PauseRow.job_id == job_id))
    return job.name, max(at for at in (job.created_at, success, resumed) if at is not None)


async def silent_executors(session: AsyncSession) -> list[tuple[str, datetime]]:
    """Return the executors that fell silent, without those that took their leave, and when each was heard."""
    query = select(ExecutorRow.name, ExecutorRow.last_seen_at).where(
        ExecutorRow.online.is_(False), ExecutorRow.draining.is_(False)
    )
    return [(row.name, row.last_seen_at) for row in await session.execute(query.limit(1_000))]


async def oldest_waiting(session: AsyncSession) -> datetime | None:
    """Return since when the oldest attempt waits that is to start."""
    return await session.scalar(
        select(func.min(AttemptRow.due_at)).where(AttemptRow.state == RunState.QUEUED)
    )


async def names_of(session: AsyncSession, job_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the names of those of these jobs that live."""
    found: dict[UUID, str] = {}
    for piece in pieces(job_ids):
        query = select(JobRow.id, JobRow.name).where(JobRow.id.in_(piece), JobRow.deleted_at.is_(None))
        found |= {JobId(row.id): row.name for row in await session.execute(query)}
    return found

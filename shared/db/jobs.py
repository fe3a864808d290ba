"""Definitions of jobs, as the ui writes them. Every change counts `version` up: the scheduler follows it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import job_texts, tags
from shared.db.statements import pieces
from shared.db.tables import CalendarRow, JobRow, ScheduleRow
from shared.domain.ids import CalendarId, JobId, ScheduleId, new_id
from shared.domain.job import Definition, JobSchedule, name_key
from shared.domain.parameters import parameters_to_json
from shared.domain.policy import policy_to_json
from shared.domain.resources import resources_to_json
from shared.domain.schedules import Schedule, from_json, to_json
from shared.domain.script import Pin


@dataclass(frozen=True, slots=True, kw_only=True)
class JobHead:
    """What a change of a job must know of it."""

    id: JobId
    name: str
    script: str
    version: int
    paused_at: datetime | None
    deleted_at: datetime | None


async def head_of(session: AsyncSession, job_id: JobId) -> JobHead | None:
    """Return the job's head, also of a deleted one; None when there is none."""
    row = (
        await session.execute(
            select(JobRow.name, JobRow.script, JobRow.version, JobRow.paused_at, JobRow.deleted_at).where(
                JobRow.id == job_id
            )
        )
    ).one_or_none()
    if row is None:
        return None
    return JobHead(
        id=job_id,
        name=row.name,
        script=row.script,
        version=row.version,
        paused_at=row.paused_at,
        deleted_at=row.deleted_at,
    )


async def living_heads(session: AsyncSession, keys: Collection[str] | None = None) -> list[JobHead]:
    """Return the heads of the jobs that are not deleted, by name; of those with these folded names."""
    columns = (JobRow.id, JobRow.name, JobRow.script, JobRow.version, JobRow.paused_at, JobRow.deleted_at)
    living = select(*columns).where(JobRow.deleted_at.is_(None)).order_by(JobRow.name_key)
    statements = (
        [living] if keys is None else [living.where(JobRow.name_key.in_(some)) for some in pieces(keys)]
    )
    return [
        JobHead(
            id=JobId(row.id),
            name=row.name,
            script=row.script,
            version=row.version,
            paused_at=row.paused_at,
            deleted_at=row.deleted_at,
        )
        for statement in statements
        for row in await session.execute(statement)
    ]


async def insert(session: AsyncSession, job_id: JobId, definition: Definition, *, now: datetime) -> None:
    """Store a new job, version 1.

    Raises:
        sqlalchemy.exc.IntegrityError: at flush, when a living job has the name.
    """
    session.add(
        JobRow(
            id=job_id,
            version=1,
            created_at=now,
            updated_at=now,
            paused_at=None,
            deleted_at=None,
            **columns_of_definition(definition),
        )
    )
    await session.flush()
    await tags.save(session, job_id, definition.tags)
    await job_texts.save(session, job_id)


async def replace_definition(
    session: AsyncSession, job_id: JobId, definition: Definition, *, expected_version: int, now: datetime
) -> bool:
    """Store an edited definition; False when the job is deleted or has another version by now.

    Raises:
        sqlalchemy.exc.IntegrityError: when another living job has the name.
    """
    changed = await session.execute(
        update(JobRow)
        .where(JobRow.id == job_id, JobRow.version == expected_version, JobRow.deleted_at.is_(None))
        .values(version=expected_version + 1, updated_at=now, **columns_of_definition(definition))
    )
    if not _touched(changed):
        return False
    await tags.save(session, job_id, definition.tags)
    await job_texts.save(session, job_id)
    return True


async def set_paused(
    session: AsyncSession, head: JobHead, paused_at: datetime | None, *, now: datetime
) -> bool:
    """Pause (an instant) or resume (None); False when the job changed since its head was read."""
    return await _set(session, head, {"paused_at": paused_at}, now=now)


async def mark_deleted(session: AsyncSession, head: JobHead, *, now: datetime) -> bool:
    """Delete softly and free the name; False when the job changed since its head was read."""
    return await _set(session, head, {"deleted_at": now, "name_key": f"deleted:{head.id}"}, now=now)


async def mark_restored(session: AsyncSession, head: JobHead, *, now: datetime) -> bool:
    """Undo a deletion; False when the job changed since its head was read.

    Raises:
        sqlalchemy.exc.IntegrityError: when another living job has taken the name.
    """
    return await _set(session, head, {"deleted_at": None, "name_key": name_key(head.name)}, now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """A job's script, and the hash of the only one that may run under that name."""

    script: str
    sha256: str | None


async def pinned_of(session: AsyncSession, job_id: JobId) -> Pinned:
    """Return what a job that exists pins."""
    row = (
        await session.execute(select(JobRow.script, JobRow.pinned_sha256).where(JobRow.id == job_id))
    ).one()
    return Pinned(script=row.script, sha256=row.pinned_sha256)


async def pin(session: AsyncSession, head: JobHead, pin: Pin, *, now: datetime) -> bool:
    """Pin another script; False when the job changed since its head was read."""
    return await _set(session, head, {"pinned_sha256": pin.sha256, "pinned_at": pin.at}, now=now)


async def set_tags(session: AsyncSession, head: JobHead, words: Sequence[str], *, now: datetime) -> bool:
    """Give the job other tags; False when it changed since its head was read."""
    if not await _set(session, head, {}, now=now):
        return False
    await tags.save(session, head.id, words)
    await job_texts.save(session, head.id)
    return True


async def schedules_of(session: AsyncSession, job_id: JobId) -> tuple[JobSchedule, ...]:
    """Return the schedules that the job follows now, oldest first."""
    rows = await session.scalars(
        select(ScheduleRow)
        .where(ScheduleRow.job_id == job_id, ScheduleRow.retired_at.is_(None))
        .order_by(ScheduleRow.id)
    )
    return tuple(
        JobSchedule(
            id=ScheduleId(row.id),
            schedule=from_json(row.spec, anchor=row.created_at),
            zone=row.zone,
            args=None if row.args is None else tuple(row.args),
        )
        for row in rows
    )


async def replace_schedules(
    session: AsyncSession, job_id: JobId, schedules: Sequence[JobSchedule], *, now: datetime
) -> None:
    """Let the job follow these schedules, and retire what it follows besides.

    A schedule whose id the job follows already is left as it is: an id never changes its meaning, so
    an edited schedule must come with a new one.
    """
    followed = ScheduleRow.job_id == job_id, ScheduleRow.retired_at.is_(None)
    known = set(await session.scalars(select(ScheduleRow.id).where(*followed)))
    gone = known - {one.id for one in schedules}
    if gone:
        await session.execute(update(ScheduleRow).where(ScheduleRow.id.in_(gone)).values(retired_at=now))
    session.add_all(_row(job_id, one, now=now) for one in schedules if one.id not in known)
    await session.flush()


async def replace_schedule(
    session: AsyncSession, job_id: JobId, schedule: Schedule, zone: str, *, now: datetime
) -> None:
    """Let the job follow this schedule alone, under a new id."""
    alone = JobSchedule(id=ScheduleId(new_id()), schedule=schedule, zone=zone)
    await replace_schedules(session, job_id, [alone], now=now)


async def unknown_calendars(session: AsyncSession, ids: Collection[CalendarId]) -> set[CalendarId]:
    """Return those of the ids that are no calendar's, or a deleted one's."""
    if not ids:
        return set()
    living = select(CalendarRow.id).where(CalendarRow.id.in_(ids), CalendarRow.deleted_at.is_(None))
    return set(ids) - {CalendarId(one) for one in await session.scalars(living)}


def _row(job_id: JobId, one: JobSchedule, *, now: datetime) -> ScheduleRow:
    return ScheduleRow(
        id=one.id,
        job_id=job_id,
        spec=to_json(one.schedule),
        zone=one.zone,
        args=None if one.args is None else list(one.args),
        created_at=now,
        retired_at=None,
    )


async def _set(session: AsyncSession, head: JobHead, values: dict[str, Any], *, now: datetime) -> bool:
    changed = await session.execute(
        update(JobRow)
        .where(JobRow.id == head.id, JobRow.version == head.version)
        .values(version=head.version + 1, updated_at=now, **values)
    )
    return _touched(changed)


def columns_of_definition(definition: Definition) -> dict[str, Any]:
    """Return what a job's own row holds of its definition; schedules and tags have rows of theirs."""
    return {
        "name": definition.name,
        "name_key": name_key(definition.name),
        "description": definition.description,
        "script": definition.script,
        "args": list(definition.args),
        "timeout_s": int(definition.timeout.total_seconds()),
        "kill_grace_s": int(definition.kill_grace.total_seconds()),
        "on_lost": definition.on_lost,
        "overlap": definition.overlap,
        "pool": definition.pool,
        "limit_key": definition.limit_key,
        "policy": policy_to_json(definition.policy),
        "chain_join": definition.runs_after.join,
        "max_output_bytes": definition.max_output_bytes,
        "merge_output": definition.merge_output,
        "network": definition.network,
        "pinned_sha256": definition.pin.sha256 if definition.pin else None,
        "pinned_at": definition.pin.at if definition.pin else None,
        "resources": resources_to_json(definition.resources) or None,
        "min_sandbox": definition.min_sandbox,
        "parameters": parameters_to_json(definition.parameters) or None,
    }


def _touched(result: Any) -> bool:
    return bool(result.rowcount == 1)


async def deleted_before(
    session: AsyncSession, job_ids: Collection[JobId], before: datetime
) -> tuple[JobId, ...]:
    """Return those of the jobs that were deleted before this instant and still are."""
    if not job_ids:
        return ()
    found = await session.scalars(select(JobRow.id).where(JobRow.id.in_(job_ids), JobRow.deleted_at < before))
    return tuple(map(JobId, found))

"""Jobs and calendars as files say them, read from the ledger."""

from collections.abc import Collection, Iterable, Mapping
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.documents.entries import Names, Stored
from shared.db import calendars, edges
from shared.db.definitions import COPIED, definitions_of
from shared.db.jobs import JobHead, columns_of_definition
from shared.domain.ids import JobId, ScheduleId
from shared.domain.job import Definition, JobSchedule
from shared.domain.parameters import parameters_to_json
from shared.domain.resources import resources_to_json
from shared.domain.schedules import from_json, to_json


async def stored_jobs(session: AsyncSession, heads: Collection[JobHead]) -> dict[JobId, Stored]:
    """Return these jobs as they are defined at this moment."""
    definitions = await definitions_of(session, [head.id for head in heads])
    return {
        head.id: Stored(id=head.id, definition=definitions[head.id], paused=head.paused_at is not None)
        for head in heads
    }


def stored_as(
    job_id: JobId, definition: Definition, schedules: Iterable[JobSchedule], *, paused: bool
) -> Stored:
    """Return a job as `stored_jobs` would, once it is stored."""
    columns = columns_of_definition(definition)
    values = {
        **{column.key: columns[column.key] for column in COPIED},
        "schedules": [
            {
                "id": str(one.id),
                "schedule": to_json(one.schedule),
                "zone": one.zone,
                "args": None if one.args is None else list(one.args),
            }
            for one in schedules
        ],
        "runs_after": {
            "join": definition.runs_after.join,
            "jobs": [{"job_id": str(one.job_id), "on": one.on} for one in definition.runs_after.upstreams],
        },
        "tags": list(definition.tags),
        "resources": resources_to_json(definition.resources),
        "parameters": parameters_to_json(definition.parameters),
        "secrets": [{"name": one.name, "as_file": one.as_file} for one in definition.secrets],
    }
    return Stored(id=job_id, definition=values, paused=paused)


def schedules_of(job: Stored) -> tuple[JobSchedule, ...]:
    """Return the schedules that the job follows now."""
    return tuple(
        JobSchedule(
            id=ScheduleId(UUID(one["id"])),
            schedule=from_json(one["schedule"]),
            zone=one["zone"],
            args=None if one["args"] is None else tuple(one["args"]),
        )
        for one in job.definition["schedules"]
    )


async def names_in(session: AsyncSession, jobs: Iterable[Stored]) -> Names:
    """Return what the jobs that these run after and all calendars are called; deleted ones are left out."""
    ids = {one for job in jobs for one in upstream_ids(job)}
    gone = await edges.unknown_jobs(session, ids)
    kept = await calendars.all_calendars(session)
    return Names(
        jobs=await edges.names_of(session, ids - gone),
        calendars={one.id: one.calendar.name for one in kept},
    )


def upstream_ids(job: Stored) -> dict[JobId, str]:
    """Return what the job runs after, deleted jobs as well, with which of their ends."""
    after: Mapping[str, list[dict[str, str]]] = job.definition["runs_after"]
    return {JobId(UUID(one["job_id"])): one["on"] for one in after["jobs"]}

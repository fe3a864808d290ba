"""How jobs are defined at a moment, as plain values: what their history keeps, and what files are made of."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.secrets import sealed_uses
from shared.db.statements import pieces
from shared.db.tables import ChainEdgeRow, JobRow, ScheduleRow
from shared.db.tags import tags_by_job
from shared.domain.ids import JobId
from shared.domain.schedules import from_json, to_json

COPIED = (
    JobRow.name,
    JobRow.description,
    JobRow.script,
    JobRow.args,
    JobRow.timeout_s,
    JobRow.kill_grace_s,
    JobRow.on_lost,
    JobRow.overlap,
    JobRow.pool,
    JobRow.limit_key,
    JobRow.policy,
    JobRow.max_output_bytes,
    JobRow.merge_output,
    JobRow.network,
    JobRow.pinned_sha256,
    JobRow.min_sandbox,
)
"""What a definition as plain values has as it stands in the job's row."""
_OF_SCHEDULE = (
    ScheduleRow.job_id,
    ScheduleRow.id,
    ScheduleRow.spec,
    ScheduleRow.zone,
    ScheduleRow.args,
    ScheduleRow.created_at,
)


async def definition_of(session: AsyncSession, job_id: JobId) -> dict[str, Any]:
    """Return how a job that exists is defined at this moment, as the API's body of a new job has it.

    And the hash of the script that it pins. No secret's value is part of it.
    """
    return (await definitions_of(session, [job_id]))[job_id]


async def definitions_of(session: AsyncSession, job_ids: Collection[JobId]) -> dict[JobId, dict[str, Any]]:
    """Return this of each of the jobs that exist."""
    found: dict[JobId, dict[str, Any]] = {}
    for piece in pieces(job_ids):
        found |= await _definitions(session, piece)
    return found


async def _definitions(session: AsyncSession, job_ids: list[JobId]) -> dict[JobId, dict[str, Any]]:
    # Columns, not entities: what the session holds of a row may be older than what it has written since.
    columns = (JobRow.id, JobRow.chain_join, JobRow.resources, JobRow.parameters, *COPIED)
    rows = (await session.execute(select(*columns).where(JobRow.id.in_(job_ids)))).all()
    schedules = await _schedules(session, job_ids)
    upstreams = await _upstreams(session, job_ids)
    tags = await tags_by_job(session, job_ids)
    uses = await sealed_uses(session, job_ids)
    return {
        JobId(row.id): {
            **{column.key: getattr(row, column.key) for column in COPIED},
            "schedules": schedules[row.id],
            "runs_after": {"join": row.chain_join, "jobs": upstreams[row.id]},
            "tags": list(tags.get(row.id, ())),
            "resources": row.resources or {},
            "parameters": row.parameters or [],
            "secrets": [
                {"name": one.use.name, "as_file": one.use.as_file} for one in uses.get(JobId(row.id), ())
            ],
        }
        for row in rows
    }


async def _schedules(session: AsyncSession, job_ids: list[JobId]) -> dict[UUID, list[dict[str, Any]]]:
    """Return the schedules that each job follows now, oldest first."""
    followed = ScheduleRow.job_id.in_(job_ids), ScheduleRow.retired_at.is_(None)
    found: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for row in await session.execute(select(*_OF_SCHEDULE).where(*followed).order_by(ScheduleRow.id)):
        schedule = to_json(from_json(row.spec, anchor=row.created_at))
        found[row.job_id].append(
            {"id": str(row.id), "schedule": schedule, "zone": row.zone, "args": row.args}
        )
    return found


async def _upstreams(session: AsyncSession, job_ids: list[JobId]) -> dict[UUID, list[dict[str, Any]]]:
    """Return what each job runs after, in the order in which it was entered."""
    columns = (ChainEdgeRow.job_id, ChainEdgeRow.upstream_id, ChainEdgeRow.chain_on)
    found: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    edges = select(*columns).where(ChainEdgeRow.job_id.in_(job_ids)).order_by(ChainEdgeRow.id)
    for row in await session.execute(edges):
        found[row.job_id].append({"job_id": str(row.upstream_id), "on": row.chain_on})
    return found

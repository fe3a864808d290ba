"""The tags of jobs, as rows and in the text that is searched."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.statements import insert_all
from shared.db.tables import JobRow, JobTagRow
from shared.domain.ids import JobId


async def save(session: AsyncSession, job_id: JobId, tags: Sequence[str]) -> None:
    """Let the job have these tags and no others."""
    await session.execute(delete(JobTagRow).where(JobTagRow.job_id == job_id, JobTagRow.tag.not_in(tags)))
    known = (await tags_by_job(session, [job_id])).get(job_id, ())
    await insert_all(session, JobTagRow, [{"job_id": job_id, "tag": tag} for tag in tags if tag not in known])


async def tags_by_job(session: AsyncSession, job_ids: Collection[UUID]) -> dict[UUID, tuple[str, ...]]:
    """Return the tags of these jobs in order; a job without one has no entry."""
    rows = await session.execute(
        select(JobTagRow.job_id, JobTagRow.tag).where(JobTagRow.job_id.in_(job_ids)).order_by(JobTagRow.tag)
    )
    found: dict[UUID, list[str]] = defaultdict(list)
    for job_id, tag in rows:
        found[job_id].append(tag)
    return {job_id: tuple(tags) for job_id, tags in found.items()}


async def living_with(session: AsyncSession, tag: str) -> set[JobId]:
    """Return the jobs that have the tag and are not deleted."""
    tagged = select(JobTagRow.job_id).join(JobRow, JobRow.id == JobTagRow.job_id)
    found = await session.scalars(tagged.where(JobTagRow.tag == tag, JobRow.deleted_at.is_(None)))
    return set(map(JobId, found))


async def known_tags(session: AsyncSession, *, limit: int) -> tuple[str, ...]:
    """Return the tags that any job has, in order: one step in the index each, however many have it."""
    step = select(func.min(JobTagRow.tag).label("tag")).cte(recursive=True)
    following = select(func.min(JobTagRow.tag)).where(JobTagRow.tag > step.c.tag).scalar_subquery()
    step = step.union_all(select(following).where(step.c.tag.is_not(None)))
    found = await session.scalars(select(step.c.tag).where(step.c.tag.is_not(None)).limit(limit))
    return tuple(sorted(found))

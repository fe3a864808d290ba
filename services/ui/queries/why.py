"""Why a job ran, did not run or does not run yet at an instant: the facts, put before the domain."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.queries.chains import runs_after_by_job
from services.ui.queries.explained import WhyAnswer, shown
from services.ui.queries.limits import limit_of
from services.ui.queries.standing import blocker_of, pool_of
from services.ui.queries.subject import Subject, subject_at, subject_now
from shared.db import pauses
from shared.db.calendars import calendars_by_ids
from shared.db.schedules import schedules_ever
from shared.db.tables import JobLedgerRow, JobRow
from shared.domain.calendars import CalendarRules, Excluded
from shared.domain.errors import NotFound
from shared.domain.ids import JobId
from shared.domain.policy import policy_from_json
from shared.domain.run import Reason, RunState
from shared.domain.why import Before, Facts, Standing, why


async def why_of(
    session: AsyncSession, job_id: JobId, at: datetime | None, *, standing: Standing, now: datetime
) -> WhyAnswer:
    """Answer for an instant; for None of what waits, else of the newest instant that was due.

    Raises:
        NotFound: no such job.
    """
    found = await _job(session, job_id)
    schedules = await schedules_ever(session, job_id)
    if at is None:
        subject = await subject_now(session, job_id, schedules, now=now)
    else:
        subject = await subject_at(session, job_id, schedules, at)
    job: JobRow = found.JobRow
    after = await runs_after_by_job(session, {job_id: job.chain_join})
    facts = Facts(
        at=subject.at,
        now=now,
        created_at=job.created_at,
        deleted_at=job.deleted_at,
        schedules=schedules,
        before=tuple(
            Before(name=one.name, arrived_at=one.arrived_at, is_deleted=one.deleted_at is not None)
            for one in after[job_id].jobs
        ),
        join=job.chain_join,
        pauses=await pauses.pauses_of(session, job_id),
        policy=policy_from_json(job.policy),
        promised_count=found.promised_count or 0,
        removed_until=found.removed_until,
        run=subject.run,
        exclusion=await _exclusion(session, job, subject.at),
        standing=standing,
    )
    return await _answered(session, job_id, facts, subject)


async def _job(session: AsyncSession, job_id: JobId) -> Any:
    found = (
        await session.execute(
            select(JobRow, JobLedgerRow.promised_count, JobLedgerRow.removed_until)
            .join_from(JobRow, JobLedgerRow, JobLedgerRow.job_id == JobRow.id, isouter=True)
            .where(JobRow.id == job_id)
        )
    ).one_or_none()
    if found is None:
        raise NotFound("There is no such job.")
    return found


async def _exclusion(session: AsyncSession, job: JobRow, at: datetime) -> Excluded | None:
    policy = policy_from_json(job.policy)
    known = await calendars_by_ids(session, {*policy.include, *policy.exclude})
    rules = CalendarRules(
        include=tuple(known[one] for one in policy.include if one in known),
        exclude=tuple(known[one] for one in policy.exclude if one in known),
    )
    verdict = rules.verdict(at)
    return verdict if isinstance(verdict, Excluded) else None


async def _answered(session: AsyncSession, job_id: JobId, facts: Facts, subject: Subject) -> WhyAnswer:
    """Add what only some answers need, and answer."""
    run, blocker = facts.run, None
    if run is not None and (run.state is RunState.HELD or run.reason is Reason.OVERLAP):
        blocker = await blocker_of(session, job_id, run)
    if blocker is not None:
        facts = replace(facts, blocker=blocker.run)
    if run is not None and run.state is RunState.QUEUED:
        limit = None if subject.shown is None else await limit_of(session, subject.shown.id, now=facts.now)
        facts = replace(facts, pool=await pool_of(session, run, now=facts.now), limit=limit)
    return shown(why(facts), subject.shown, None if blocker is None else blocker.id)

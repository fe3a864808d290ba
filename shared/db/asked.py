"""What people asked for, as the scheduler takes it up: the requests without an outcome, and outcomes."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.attempts import AttemptView
from shared.db.locks import is_shared, lock_new_jobs
from shared.db.requests import CANCEL, CANCEL_WAITING
from shared.db.statements import changed, table_of
from shared.db.tables import JobRow, RequestRow
from shared.domain.ids import JobId, RequestId, RunId
from shared.domain.policy import Overlap, Policy, policy_from_json
from shared.domain.run import Cause
from shared.domain.sandbox import MinSandbox

_REQUESTS = table_of(RequestRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request that waits, with what of its job decides over it."""

    id: RequestId
    kind: str
    job_id: JobId
    run_id: RunId | None
    requested_by: str
    cause: Cause
    requested_at: datetime
    scope: dict[str, Any] | None
    """Of a backfill: which instants, as JSON."""
    overlap: Overlap
    policy: Policy
    pool: str
    min_sandbox: MinSandbox
    deleted_at: datetime | None


async def waiting_requests(session: AsyncSession, *, limit: int) -> list[Asked]:
    """Return requests that nobody handled yet, in the order in which they were made, under their jobs' locks.

    The job's lock and not the request's: what is asked of one job is handled one after the other.
    """
    statement = (
        select(
            *(
                RequestRow.__table__.c[name]
                for name in (
                    *("id", "kind", "job_id", "run_id", "requested_by", "cause", "requested_at", "scope"),
                )
            ),
            JobRow.overlap,
            JobRow.policy,
            JobRow.pool,
            JobRow.min_sandbox,
            JobRow.deleted_at,
        )
        .join(JobRow, JobRow.id == RequestRow.job_id)
        .where(RequestRow.handled_at.is_(None))
        .order_by(RequestRow.id)
        .limit(limit)
    )
    if is_shared(session):
        seen = (await session.execute(statement.with_only_columns(RequestRow.id, RequestRow.job_id))).all()
        await lock_new_jobs(session, {JobId(row.job_id) for row in seen})
        statement = statement.where(RequestRow.id.in_([row.id for row in seen]))
    rows = (await session.execute(statement)).mappings()
    return [Asked(**{**values, "policy": policy_from_json(values["policy"])}) for values in rows]


@dataclass(frozen=True, slots=True)
class PendingCancels:
    """What people asked to end, and no scheduler has ended yet."""

    runs: frozenset[RunId]
    waiting: Mapping[JobId, datetime]
    """Of these jobs all that is of an instant up to then."""

    def covers(self, attempt: AttemptView) -> bool:
        """Say whether somebody wants that it does not start."""
        until = self.waiting.get(attempt.job_id)
        return attempt.run_id in self.runs or (until is not None and attempt.nominal_at <= until)


async def pending_cancels(session: AsyncSession, job_ids: Collection[JobId]) -> PendingCancels:
    """Return what people asked to end of these jobs, and that was not taken up yet."""
    rows = (await session.execute(_PENDING_CANCELS, {"jobs": list(job_ids)})).all()
    waiting: dict[JobId, datetime] = {}
    for row in rows:
        if row.kind == CANCEL_WAITING:
            waiting[row.job_id] = max(row.requested_at, waiting.get(row.job_id, row.requested_at))
    return PendingCancels(frozenset(row.run_id for row in rows if row.kind == CANCEL), waiting)


# Built once: every claim asks.
_PENDING_CANCELS = select(
    _REQUESTS.c.kind, _REQUESTS.c.job_id, _REQUESTS.c.run_id, _REQUESTS.c.requested_at
).where(
    _REQUESTS.c.handled_at.is_(None),
    _REQUESTS.c.kind.in_((CANCEL, CANCEL_WAITING)),
    _REQUESTS.c.job_id.in_(bindparam("jobs", expanding=True)),
)


async def store_outcome(
    session: AsyncSession, request_id: RequestId, outcome: str, *, handled_at: datetime
) -> None:
    """Say what became of the request, in words for its asker; a second outcome changes nothing."""
    statement = update(RequestRow).where(RequestRow.id == request_id, RequestRow.handled_at.is_(None))
    await changed(session, statement.values(outcome=outcome, handled_at=handled_at))

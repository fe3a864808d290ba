"""What people asked for, as rows that the scheduler takes up; written by the ui, never by a message."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.reruns import RERUN, in_scope
from shared.db.tables import RequestRow
from shared.domain.backfill import Which
from shared.domain.ids import JobId, RequestId, RunId, ScheduleId
from shared.domain.parameters import Value
from shared.domain.run import Cause

RUN_NOW = "run_now"
BACKFILL = "backfill"
CANCEL = "cancel"
CANCEL_WAITING = "cancel_waiting"
FOR_ONE_RUN = (RUN_NOW, RERUN)
"""The requests whose id is that of the run that they ask for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """A run that somebody asked for; `run_id` is the id that it is to have."""

    id: RequestId
    job_id: JobId
    run_id: RunId
    requested_by: str
    cause: Cause
    requested_at: datetime
    outcome: str | None = None
    """What the scheduler made of it; None while it has not looked."""
    rerun_of: RunId | None = None
    args: list[str] | None = None
    """Of a run that repeats another: which one, and with which arguments instead of its own."""
    parameters: dict[str, Value] | None = None
    """Of one that repeats none: the values that were typed, but those of kind secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillRequest:
    """Instants in (`after`, `until`] that somebody wants to run after the fact."""

    id: RequestId
    job_id: JobId
    after: datetime
    until: datetime
    which: Which
    schedule_id: ScheduleId | None
    """Only those of this schedule; None: of all."""
    requested_by: str
    requested_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRequest:
    """The end of one run, or of all runs of a job that wait by then, that somebody asked for."""

    id: RequestId
    job_id: JobId
    run_id: RunId | None
    """None: all that wait."""
    requested_by: str
    requested_at: datetime


async def ask_to_cancel(session: AsyncSession, request: CancelRequest) -> None:
    """Store the request, not handled yet."""
    session.add(
        RequestRow(
            id=request.id,
            kind=CANCEL_WAITING if request.run_id is None else CANCEL,
            job_id=request.job_id,
            run_id=request.run_id,
            requested_by=request.requested_by,
            cause=Cause.MANUAL,
            requested_at=request.requested_at,
            handled_at=None,
            outcome=None,
        )
    )
    await session.flush()


async def cancels_of(session: AsyncSession, run_ids: Collection[RunId]) -> dict[RunId, CancelRequest]:
    """Return who asked first for the end of each of these runs; one that nobody wants to end has no entry."""
    rows = await session.scalars(
        select(RequestRow)
        .where(RequestRow.run_id.in_(run_ids), RequestRow.kind == CANCEL)
        .order_by(RequestRow.id.desc())
    )
    return {
        RunId(row.run_id): CancelRequest(
            id=RequestId(row.id),
            job_id=JobId(row.job_id),
            run_id=RunId(row.run_id),
            requested_by=row.requested_by,
            requested_at=row.requested_at,
        )
        for row in rows
        if row.run_id is not None
    }


async def ask_for_backfill(session: AsyncSession, request: BackfillRequest) -> None:
    """Store the request, not handled yet."""
    session.add(
        RequestRow(
            id=request.id,
            kind=BACKFILL,
            job_id=request.job_id,
            run_id=None,
            requested_by=request.requested_by,
            cause=Cause.BACKFILL,
            requested_at=request.requested_at,
            scope={
                "after": _text(request.after),
                "until": _text(request.until),
                "which": str(request.which),
                "schedule_id": None if request.schedule_id is None else str(request.schedule_id),
            },
            handled_at=None,
            outcome=None,
        )
    )
    await session.flush()


async def ask_for_run(session: AsyncSession, request: RunRequest) -> None:
    """Store the request, not handled yet."""
    session.add(
        RequestRow(
            id=request.id,
            kind=RUN_NOW,
            job_id=request.job_id,
            run_id=request.run_id,
            requested_by=request.requested_by,
            cause=request.cause,
            requested_at=request.requested_at,
            scope=None if request.parameters is None else {"parameters": request.parameters},
            handled_at=None,
            outcome=None,
        )
    )
    await session.flush()


async def request_of_run(session: AsyncSession, run_id: RunId) -> RunRequest | None:
    """Return the request that this run came, or is to come, from.

    A run's id is also its request's id: the primary key answers, no other index is needed.
    """
    row = (
        await session.execute(
            select(RequestRow).where(RequestRow.id == run_id, RequestRow.kind.in_(FOR_ONE_RUN))
        )
    ).scalar_one_or_none()
    if row is None:
        return None
    rerun_of, args = in_scope(row.scope)
    return RunRequest(
        id=RequestId(row.id),
        job_id=JobId(row.job_id),
        run_id=RunId(row.run_id or row.id),
        requested_by=row.requested_by,
        cause=row.cause,
        requested_at=row.requested_at,
        outcome=row.outcome if row.handled_at is not None else None,
        rerun_of=rerun_of,
        args=args,
        parameters=parameters_in(row.scope),
    )


def parameters_in(scope: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the values that a request for a run holds; None: none were asked for."""
    return (scope or {}).get("parameters")


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")

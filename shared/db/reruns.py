"""Runs that repeat another one: what is asked for, and what of the first one they take over."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.tables import RequestRow, RunRow
from shared.domain.ids import JobId, RequestId, RunId, ScheduleId
from shared.domain.run import Cause

RERUN = "rerun"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """A run that is to be repeated, with what the new one is to have of it."""

    id: RunId
    job_id: JobId
    number: int
    schedule_id: ScheduleId | None
    nominal_at: datetime
    instants: int
    """More than one: a range of missed instants, which was never one run."""
    args: list[str] | None
    """Arguments of its own; None: those of its schedule or job."""
    parameters: dict[str, Any] | None
    """Its values; None: it has none, or never got any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RerunRequest:
    """A run that somebody wants once more; `run_id` is the id that the new one is to have."""

    run_id: RunId
    repeats: RunId
    job_id: JobId
    args: Sequence[str] | None
    """Instead of those of the repeated run; None: the same."""
    requested_by: str
    requested_at: datetime


async def repeated_run(session: AsyncSession, run_id: RunId) -> Repeated | None:
    """Return the run; None when the ledger has it no more, or not yet."""
    columns = (
        RunRow.__table__.c[name]
        for name in ("id", "job_id", "number", "schedule_id", "nominal_at", "instants", "args", "parameters")
    )
    row = (await session.execute(select(*columns).where(RunRow.id == run_id))).mappings().one_or_none()
    return None if row is None else Repeated(**row)


async def ask_for_rerun(session: AsyncSession, request: RerunRequest) -> None:
    """Store the request, not handled yet."""
    session.add(
        RequestRow(
            id=RequestId(request.run_id),
            kind=RERUN,
            job_id=request.job_id,
            run_id=request.run_id,
            requested_by=request.requested_by,
            cause=Cause.RERUN,
            requested_at=request.requested_at,
            scope=scope_of(request.repeats, request.args),
            handled_at=None,
            outcome=None,
        )
    )
    await session.flush()


def scope_of(repeats: RunId, args: Sequence[str] | None) -> dict[str, Any]:
    """Return what a request says of the run and the arguments, as JSON; `in_scope` reads it."""
    return {"rerun_of": str(repeats), "args": None if args is None else list(args)}


def in_scope(scope: dict[str, Any] | None) -> tuple[RunId | None, list[str] | None]:
    """Return which run a request repeats, and with which arguments."""
    given = scope or {}
    repeats = given.get("rerun_of")
    return None if repeats is None else RunId(UUID(repeats)), given.get("args")

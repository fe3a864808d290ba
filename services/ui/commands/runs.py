"""Asking for runs: for one now, or for instants that passed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.ui.access import demand_somewhere
from services.ui.commands import once
from services.ui.commands.heads import living
from shared.db import parameters, requests, reruns
from shared.db.engine import Sessions
from shared.db.once import Once
from shared.db.requests import BackfillRequest, RunRequest
from shared.db.reruns import RerunRequest, repeated_run
from shared.domain.access import Role
from shared.domain.backfill import Which
from shared.domain.errors import InvalidInput, NotFound
from shared.domain.ids import JobId, RequestId, RunId, ScheduleId, new_id
from shared.domain.job import check_args
from shared.domain.parameters import Parameter, ParameterKind, Value, checked_values
from shared.domain.run import Cause
from shared.runtime.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The instants in (`after`, `until`] of all schedules of a job, or of one."""

    after: datetime
    until: datetime
    schedule_id: ScheduleId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks for a run, how, and when."""

    requested_by: str
    cause: Cause
    now: datetime
    once: Once | None = None


async def ask_for_run(
    sessions: Sessions, job_id: JobId, given: Mapping[str, object], asker: Asker, *, vault: Vault
) -> RunRequest:
    """Store the request; a paused job may be asked for, a deleted one may not."""
    request_id = new_id()
    async with once.begin(sessions, asker.once, request_id, now=asker.now) as session:
        await living(session, job_id, Role.OPERATOR)
        declared = await parameters.parameters_of(session, job_id)
        values, sealed = _told_apart(declared, given, vault)
        request = _request(RequestId(request_id), job_id, asker, values if declared else None)
        await requests.ask_for_run(session, request)
        await parameters.store_sealed(session, request.run_id, sealed)
    return request


def _told_apart(
    declared: Sequence[Parameter], given: Mapping[str, object], vault: Vault
) -> tuple[dict[str, Value], dict[str, str]]:
    """Return the values that may be read, and the others sealed."""
    values = checked_values(declared, given)
    hidden = {one.name for one in declared if one.kind is ParameterKind.SECRET}
    sealed = {name: vault.seal(str(value)) for name, value in values.items() if name in hidden}
    return {name: value for name, value in values.items() if name not in hidden}, sealed


def _request(
    request_id: RequestId, job_id: JobId, asker: Asker, values: dict[str, Value] | None
) -> RunRequest:
    return RunRequest(
        # One id for both: who knows the run knows the request that it came from.
        id=request_id,
        run_id=RunId(request_id),
        job_id=job_id,
        requested_by=asker.requested_by,
        cause=asker.cause,
        requested_at=asker.now,
        parameters=values,
    )


async def ask_for_rerun(
    sessions: Sessions, run_id: RunId, args: tuple[str, ...] | None, asker: Asker
) -> RunId:
    """Store the request for a run like that one; return the id that the new one will have."""
    demand_somewhere(Role.OPERATOR)
    if args is not None:
        check_args(args)
    new_run = RunId(new_id())
    async with once.begin(sessions, asker.once, new_run, now=asker.now) as session:
        first = await repeated_run(session, run_id)
        if first is None:
            raise NotFound("There is no such run. Old runs leave the ledger after a while.")
        if first.instants > 1:
            raise InvalidInput("run_id", "These are many missed instants. Run them after the fact instead.")
        await living(session, first.job_id, Role.OPERATOR)
        request = RerunRequest(
            run_id=new_run,
            repeats=run_id,
            job_id=first.job_id,
            args=args,
            requested_by=asker.requested_by,
            requested_at=asker.now,
        )
        await reruns.ask_for_rerun(session, request)
        typed = await parameters.sealed_values(session, [run_id])
        await parameters.store_sealed(session, new_run, typed.get(run_id, {}))
    return new_run


async def ask_for_backfill(
    sessions: Sessions, job_id: JobId, which: Range, *, requested_by: str, now: datetime
) -> RequestId:
    """Store the request; what is to come is not asked for, and a deleted job is not either."""
    demand_somewhere(Role.OPERATOR)
    until = min(which.until, now)
    if which.after >= until:
        raise InvalidInput("until", "There is nothing between these two instants yet. Choose another range.")
    request = BackfillRequest(
        id=RequestId(new_id()),
        job_id=job_id,
        after=which.after,
        until=until,
        which=Which.ALL,
        schedule_id=which.schedule_id,
        requested_by=requested_by,
        requested_at=now,
    )
    async with sessions.begin() as session:
        await living(session, job_id, Role.OPERATOR)
        await requests.ask_for_backfill(session, request)
    return request.id

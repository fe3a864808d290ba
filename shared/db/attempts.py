"""The attempts, as the scheduler writes them. Every move is one UPDATE that names what it expects."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, bindparam, case, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.statements import changed, changed_where, columns_of, insert_all, pieces, table_of, update_all
from shared.db.tables import AttemptRow, ChainEdgeRow, JobRow, RunRow, ScheduleRow
from shared.domain.ids import AttemptId, BootId, ClaimId, ExecutorName, JobId, RunId
from shared.domain.job import Network, OnLost
from shared.domain.policy import Overlap, Policy, policy_from_json
from shared.domain.run import Cause, Reason, RunState, sources_of
from shared.domain.sandbox import MinSandbox

_ATTEMPTS = table_of(AttemptRow)
_EDGES = table_of(ChainEdgeRow)
_JOBS = table_of(JobRow)
_RUNS = table_of(RunRow)
_SCHEDULES = table_of(ScheduleRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAttempt:
    """A try that waits to be claimed."""

    id: AttemptId
    run_id: RunId
    job_id: JobId
    number: int
    pool: str
    urgent: bool
    due_at: datetime
    token: int = 1
    state: RunState = RunState.QUEUED


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptView:
    """An attempt with all that decides over it: its run, its job, its schedule's end."""

    id: AttemptId
    run_id: RunId
    job_id: JobId
    number: int
    token: int
    state: RunState
    urgent: bool
    due_at: datetime
    claim_id: ClaimId | None
    executor: ExecutorName | None
    boot: BootId | None
    claimed_at: datetime | None
    cancel_requested_at: datetime | None
    reason: Reason | None
    detail: str
    settled: bool
    run_number: int
    run_state: RunState
    run_attempt: int
    cause: Cause
    nominal_at: datetime
    run_due_at: datetime
    job_name: str
    script: str
    run_args: list[str] | None
    job_args: list[str]
    schedule_args: list[str] | None
    timeout_s: int
    kill_grace_s: int
    on_lost: OnLost
    granted_on_lost: OnLost | None
    granted_timeout_s: int | None
    granted_kill_grace_s: int | None
    overlap: Overlap
    policy_json: dict[str, Any]
    pool: str
    job_pool: str
    limit_key: str | None
    log_seq: int | None
    job_limit_key: str | None
    max_output_bytes: int
    merge_output: bool
    network: Network
    pinned_sha256: str | None
    pinned_at: datetime | None
    resources: dict[str, int] | None
    min_sandbox: MinSandbox
    paused_at: datetime | None
    deleted_at: datetime | None
    retired_at: datetime | None
    is_followed: bool
    """Other jobs run after its job."""

    @property
    def args(self) -> tuple[str, ...]:
        """Return what its script is given: the run's own arguments, its schedule's, or those of its job."""
        own = (self.run_args, self.schedule_args)
        return tuple(next((args for args in own if args is not None), self.job_args))

    @property
    def policy(self) -> Policy:
        """Return the policy of its job."""
        return policy_from_json(self.policy_json)

    @property
    def is_newest(self) -> bool:
        """Say whether no later attempt of its run exists."""
        return self.run_attempt == self.number

    def as_granted(self) -> "AttemptView":
        """Return it with the time and the rule of its grant, whatever its job says by now.

        One that an older scheduler granted has those of its job.
        """
        timeout_s, kill_grace_s = self.granted_timeout_s, self.granted_kill_grace_s
        return replace(
            self,
            on_lost=self.granted_on_lost or self.on_lost,
            timeout_s=self.timeout_s if timeout_s is None else timeout_s,
            kill_grace_s=self.kill_grace_s if kill_grace_s is None else kill_grace_s,
        )

    def as_new(self, *, token: int, due_at: datetime) -> NewAttempt:
        """Return it as it waits again, under this token."""
        return NewAttempt(
            id=self.id,
            run_id=self.run_id,
            job_id=self.job_id,
            number=self.number,
            pool=self.pool,
            urgent=self.urgent,
            due_at=due_at,
            token=token,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimant:
    """Who claims, under which claim, and until when the attempt may live at most."""

    claim_id: ClaimId
    executor: ExecutorName
    boot: BootId
    claimed_at: datetime
    limit_key: str | None = None
    """The shared limit that it now has a place of."""


async def insert_attempts(session: AsyncSession, attempts: Sequence[NewAttempt]) -> None:
    """Write new attempts, not yet published."""
    await insert_all(session, AttemptRow, [columns_of(attempt) for attempt in attempts])


async def attempts_by_id(session: AsyncSession, ids: Collection[AttemptId]) -> dict[AttemptId, AttemptView]:
    """Return those of the attempts that exist."""
    return await _views_of(session, _BY_ID, ids)


async def attempts_of_runs(session: AsyncSession, run_ids: Collection[RunId]) -> dict[AttemptId, AttemptView]:
    """Return the newest attempt of each of the runs that has one."""
    return await _views_of(session, _NEWEST_OF_RUNS, run_ids)


async def running_of(
    session: AsyncSession, executor: ExecutorName, *, boot: BootId | None = None
) -> dict[AttemptId, AttemptView]:
    """Return what the ledger believes to run on an executor, or on one boot of it."""
    held = await _views(session, _RUNNING_OF, {"name": executor})
    return {id_: attempt for id_, attempt in held.items() if boot is None or attempt.boot == boot}


async def holders(session: AsyncSession) -> dict[tuple[ExecutorName, BootId], datetime | None]:
    """Return every start of an executor that holds running attempts, and when it claimed the newest."""
    rows = await session.execute(_HOLDERS)
    return {
        (ExecutorName(name), BootId(boot)): claimed_at
        for name, boot, claimed_at in rows
        if name is not None and boot is not None
    }


async def claim_attempt(
    session: AsyncSession, attempt: AttemptView, claimant: Claimant, *, may_run_until: datetime
) -> bool:
    """Move a queued attempt to running; False when someone else moved it first, or its token is old."""
    values = {"an_id": attempt.id, "a_token": attempt.token, "may_run_until": may_run_until}
    granted = {name: getattr(attempt, name) for name in _GRANTED}
    return await changed(session, _CLAIM, values | granted | columns_of(claimant)) == 1


async def release_attempt(
    session: AsyncSession, attempt: AttemptView, *, boot: BootId, due_at: datetime, log_seq: int
) -> bool:
    """Queue a granted attempt again under the next token; False when this boot does not hold it.

    `log_seq`: the number of its log's last chunk by now.
    """
    values = {
        "state": RunState.QUEUED,
        "token": attempt.token + 1,
        "due_at": due_at,
        "published_at": None,
        "publish_count": 0,
        "claim_id": None,
        "executor": None,
        "boot": None,
        "claimed_at": None,
        "may_run_until": None,
        "limit_key": None,
        "started_at": None,
        "log_seq": max(log_seq, attempt.log_seq or 0) or None,
    }
    held = {"id": attempt.id, "token": attempt.token, "boot": boot, "state": RunState.RUNNING}
    return await changed_where(session, AttemptRow, held, values) == 1


async def queue_again(session: AsyncSession, attempt: AttemptView) -> bool:
    """Let a queued attempt that was refused be published anew, under the next token; False: it has gone."""
    values = {"token": attempt.token + 1, "published_at": None, "let_in_at": None, "publish_count": 0}
    waiting = {"id": attempt.id, "token": attempt.token, "state": RunState.QUEUED}
    return await changed_where(session, AttemptRow, waiting, values) == 1


async def move_attempt(
    session: AsyncSession,
    attempt: AttemptView,
    to: RunState,
    values: Mapping[str, object],
    *,
    only_from: RunState | None = None,
) -> bool:
    """Move an attempt as the state table allows; False when it is elsewhere or its token is newer."""
    sources = sources_of(to) if only_from is None else frozenset({only_from})
    is_ = {"id": attempt.id, "token": attempt.token, "state": sources}
    return await changed_where(session, AttemptRow, is_, {"state": to, **values}) == 1


async def cancel_queued_of(
    session: AsyncSession, run_ids: Collection[RunId], values: Mapping[str, object]
) -> None:
    """Cancel what is queued of these runs, settled: nobody holds it."""
    for piece in pieces(run_ids):
        statement = update(AttemptRow).where(
            AttemptRow.run_id.in_(piece), AttemptRow.state == RunState.QUEUED
        )
        await changed(session, statement.values(state=RunState.CANCELLED, settled=True, **values))


async def note_on_attempt(session: AsyncSession, attempt_id: AttemptId, values: Mapping[str, object]) -> None:
    """Store facts on an attempt that do not move it."""
    await changed_where(session, AttemptRow, {"id": attempt_id}, values)


async def mark_published(session: AsyncSession, marks: Sequence[tuple[AttemptId, int, datetime]]) -> None:
    """Store when each (attempt, token) was confirmed by the broker, and count it."""
    await update_all(
        session,
        _PUBLISHED,
        [{"an_id": id_, "a_token": token, "an_instant": at} for id_, token, at in marks],
    )


_GRANTED = ("on_lost", "timeout_s", "kill_grace_s")
"""What of its job an attempt keeps as it was granted."""
_IS_FOLLOWED = exists().where(_EDGES.c.upstream_id == _ATTEMPTS.c.job_id)
_VIEW = (
    *(
        _ATTEMPTS.c[name]
        for name in (
            *("id", "run_id", "job_id", "number", "token", "state", "urgent", "due_at", "claim_id"),
            *("executor", "boot", "claimed_at", "cancel_requested_at", "reason", "detail", "settled", "pool"),
            *("limit_key", "log_seq"),
        )
    ),
    _RUNS.c.number.label("run_number"),
    _RUNS.c.state.label("run_state"),
    _RUNS.c.attempt.label("run_attempt"),
    _RUNS.c.args.label("run_args"),
    *(_ATTEMPTS.c[name].label(f"granted_{name}") for name in _GRANTED),
    *(_RUNS.c[name] for name in ("cause", "nominal_at")),
    _RUNS.c.due_at.label("run_due_at"),
    _JOBS.c.name.label("job_name"),
    _JOBS.c.args.label("job_args"),
    _JOBS.c.pool.label("job_pool"),
    _JOBS.c.limit_key.label("job_limit_key"),
    _JOBS.c.policy.label("policy_json"),
    _SCHEDULES.c.args.label("schedule_args"),
    *(
        _JOBS.c[name]
        for name in (
            *("script", "timeout_s", "kill_grace_s", "on_lost", "overlap", "paused_at", "deleted_at"),
            *("max_output_bytes", "merge_output", "network", "pinned_sha256", "pinned_at", "resources"),
            "min_sandbox",
        )
    ),
    _SCHEDULES.c.retired_at,
    case((_IS_FOLLOWED, True), else_=False).label("is_followed"),
)

# Built once: to build this statement costs more than to run it, and every claim and report needs it.
_VIEWS = (
    select(*_VIEW)
    .select_from(_ATTEMPTS)
    .join(_RUNS, _RUNS.c.id == _ATTEMPTS.c.run_id)
    .join(_JOBS, _JOBS.c.id == _ATTEMPTS.c.job_id)
    .outerjoin(_SCHEDULES, _SCHEDULES.c.id == _RUNS.c.schedule_id)
)
_BY_ID = _VIEWS.where(_ATTEMPTS.c.id.in_(bindparam("ids", expanding=True)))
_NEWEST_OF_RUNS = _VIEWS.where(
    _ATTEMPTS.c.run_id.in_(bindparam("ids", expanding=True)), _ATTEMPTS.c.number == _RUNS.c.attempt
)
_RUNNING_OF = _VIEWS.where(_ATTEMPTS.c.state == RunState.RUNNING, _ATTEMPTS.c.executor == bindparam("name"))
_HOLDERS = (
    select(_ATTEMPTS.c.executor, _ATTEMPTS.c.boot, func.max(_ATTEMPTS.c.claimed_at))
    .where(_ATTEMPTS.c.state == RunState.RUNNING)
    .group_by(_ATTEMPTS.c.executor, _ATTEMPTS.c.boot)
)

_CLAIM = (
    update(_ATTEMPTS)
    .where(
        _ATTEMPTS.c.id == bindparam("an_id"),
        _ATTEMPTS.c.token == bindparam("a_token"),
        _ATTEMPTS.c.state == RunState.QUEUED,
    )
    .values(
        state=RunState.RUNNING,
        published_at=func.coalesce(_ATTEMPTS.c.published_at, bindparam("claimed_at")),
        **{
            name: bindparam(name)
            for name in (*_GRANTED, "may_run_until", *(one.name for one in fields(Claimant)))
        },
    )
)
_PUBLISHED = (
    update(_ATTEMPTS)
    .where(_ATTEMPTS.c.id == bindparam("an_id"), _ATTEMPTS.c.token == bindparam("a_token"))
    .values(published_at=bindparam("an_instant"), publish_count=_ATTEMPTS.c.publish_count + 1)
)


async def _views_of(
    session: AsyncSession, statement: Select[Any], ids: Collection[UUID]
) -> dict[AttemptId, AttemptView]:
    found: dict[AttemptId, AttemptView] = {}
    for piece in pieces(ids):
        found |= await _views(session, statement, {"ids": piece})
    return found


async def _views(
    session: AsyncSession, statement: Select[Any], parameters: Mapping[str, object]
) -> dict[AttemptId, AttemptView]:
    rows = (await session.execute(statement, dict(parameters))).mappings()
    return {view.id: view for view in (AttemptView(**values) for values in rows)}

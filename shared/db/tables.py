"""Every table, with who writes it. A service never writes a table of another.

| written by | tables |
|---|---|
| ui | `jobs`, `schedules`, `chain_edges`, `pauses`, `holds`, `limits`, `calendars`, `people`, |
| | `log_chunks`, both of requests |
| scheduler | all others, and the outcome of each of `requests` and `parked_requests` |

Ids are UUIDv7. Every index names the query that it serves.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.db.types import EnumText, Large, OrderedKey, UtcDateTime, Words
from shared.domain.chain import ChainOn, Join
from shared.domain.holds import HoldKind
from shared.domain.job import OnLost
from shared.domain.parked import ParkedState, ParkedWish
from shared.domain.policy import Overlap
from shared.domain.run import Cause, Reason, RunState


class LedgerBase(DeclarativeBase):
    """Tables of the ledger."""

    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own way
        datetime: UtcDateTime(),
        dict[str, Any]: JSON(),
        list[str]: JSON(),
        RunState: EnumText(RunState),
        Reason: EnumText(Reason),
        Cause: EnumText(Cause),
        OnLost: EnumText(OnLost),
        Overlap: EnumText(Overlap),
        HoldKind: EnumText(HoldKind),
        Join: EnumText(Join),
        ChainOn: EnumText(ChainOn),
        ParkedState: EnumText(ParkedState),
        ParkedWish: EnumText(ParkedWish),
    }


class LogsBase(DeclarativeBase):
    """Tables of the logs: on SQLite a file of their own, so that logs never block promises."""

    type_annotation_map = {datetime: UtcDateTime()}  # noqa: RUF012 - SQLAlchemy's own way


def _where(condition: Any) -> dict[str, Any]:
    """Return the options of an index over some rows only, on every database."""
    return {f"{name}_where": condition for name in ("sqlite", "postgresql", "mssql")}


class JobRow(LedgerBase):
    """A definition. `version` goes up with every change; the scheduler follows it."""

    __tablename__ = "jobs"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int]
    name: Mapped[str] = mapped_column(String(200))
    # The folded name while the job lives, "deleted:<id>" afterwards: portable uniqueness among the living.
    name_key: Mapped[str] = mapped_column(OrderedKey, unique=True)
    description: Mapped[str] = mapped_column(Text, default="")
    script: Mapped[str] = mapped_column(String(255))
    args: Mapped[list[str]]
    timeout_s: Mapped[int]
    kill_grace_s: Mapped[int]
    on_lost: Mapped[OnLost]
    overlap: Mapped[Overlap]
    pool: Mapped[str] = mapped_column(String(40))
    limit_key: Mapped[str | None] = mapped_column(String(40), index=True)  # which jobs share a limit
    policy: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default=text("'{}'"))
    # Of the jobs before it, where it has any, how many must have ended.
    chain_join: Mapped[Join] = mapped_column(default=Join.ALL, server_default=text("'all'"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime] = mapped_column(index=True)  # what changed since the last look
    paused_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]


class ScheduleRow(LedgerBase):
    """One schedule of a job. Editing the rule makes a new row: an id never changes its meaning."""

    __tablename__ = "schedules"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id"), index=True)  # a job's schedules
    spec: Mapped[dict[str, Any]]
    zone: Mapped[str] = mapped_column(String(64))
    args: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))  # NULL: the job's
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]


class ChainEdgeRow(LedgerBase):
    """A job that another one runs after. What is changed is a new row: an id never changes its meaning."""

    __tablename__ = "chain_edges"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id"))
    upstream_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id"), index=True)  # what runs after a job
    chain_on: Mapped[ChainOn]
    created_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("job_id", "upstream_id", name="uq_chain_edges_job_upstream"),  # what a job is after
    )


class PauseRow(LedgerBase):
    """A time in which a job's schedules were not followed: who paused it, who resumed it."""

    __tablename__ = "pauses"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id"), index=True)  # why did it not run then
    paused_at: Mapped[datetime]
    paused_by: Mapped[str] = mapped_column(Words(200))
    resumed_at: Mapped[datetime | None]
    resumed_by: Mapped[str | None] = mapped_column(Words(200))


class HoldRow(LedgerBase):
    """Something that people hold back: everything, a pool, or an executor; who, since when, until when."""

    __tablename__ = "holds"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[HoldKind]
    subject: Mapped[str] = mapped_column(Words(200))  # the pool or the executor; empty for everything
    # "<kind>:<subject>" while nobody has lifted it, "lifted:<id>" afterwards: one at a time of each.
    open_key: Mapped[str] = mapped_column(OrderedKey, unique=True)
    begun_at: Mapped[datetime]
    begun_by: Mapped[str] = mapped_column(Words(200))
    ends_at: Mapped[datetime | None]
    lifted_at: Mapped[datetime | None] = mapped_column(index=True)  # NULL: what holds now
    lifted_by: Mapped[str | None] = mapped_column(Words(200))


class LimitRow(LedgerBase):
    """How many attempts may hold a place of a shared limit. No row: one.

    How many do is not stored: that is what the attempts themselves say, see `shared.db.limits`.
    """

    __tablename__ = "limits"

    key: Mapped[str] = mapped_column(String(40), primary_key=True)
    maximum: Mapped[int]
    set_by: Mapped[str] = mapped_column(Words(200))
    set_at: Mapped[datetime]


class CalendarRow(LedgerBase):
    """A named set of times that jobs include or exclude."""

    __tablename__ = "calendars"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    name_key: Mapped[str] = mapped_column(OrderedKey, unique=True)  # as that of a job
    spec: Mapped[dict[str, Any]]
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]


class JobLedgerRow(LedgerBase):
    """What the scheduler keeps per job. This row is the lock of the job's planning."""

    __tablename__ = "job_ledgers"

    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    seen_version: Mapped[int]
    run_count: Mapped[int] = mapped_column(default=0)  # the number of the newest run
    # How many scheduled instants were to run: what a job's `max_runs` is compared with.
    promised_count: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    next_due_at: Mapped[datetime | None] = mapped_column(index=True)  # the jobs list, by next run
    last_run_id: Mapped[UUID | None]
    last_state: Mapped[RunState | None]
    last_finished_at: Mapped[datetime | None]


class CursorRow(LedgerBase):
    """How far a schedule is decided: every instant up to `decided_until` is in the ledger for good."""

    __tablename__ = "cursors"

    schedule_id: Mapped[UUID] = mapped_column(ForeignKey("schedules.id"), primary_key=True)
    job_id: Mapped[UUID] = mapped_column(ForeignKey("job_ledgers.job_id"), index=True)  # a job's cursors
    decided_until: Mapped[datetime]
    # The first undecided instant. NULL while inactive: "what is due by t" reads this index alone.
    next_due_at: Mapped[datetime | None] = mapped_column(index=True)
    # When the next run that is not planned yet is due, after jitter and calendars: what people see.
    shown_at: Mapped[datetime | None]


class RunRow(LedgerBase):
    """One promised instant, or one run that somebody asked for."""

    __tablename__ = "runs"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id"))
    number: Mapped[int]
    schedule_id: Mapped[UUID | None] = mapped_column(ForeignKey("schedules.id"))
    # "<schedule id>@<nominal instant>" of a scheduled run; who was asked for has no promise to double.
    promise_key: Mapped[str | None] = mapped_column(String(80))
    cause: Mapped[Cause]
    requested_by: Mapped[str | None] = mapped_column(Words(200))
    nominal_at: Mapped[datetime]
    due_at: Mapped[datetime]
    # A missed range: how many instants from `nominal_at` to `nominal_until`; 1 for every other run.
    instants: Mapped[int] = mapped_column(default=1)
    nominal_until: Mapped[datetime | None]
    state: Mapped[RunState]
    reason: Mapped[Reason | None]
    detail: Mapped[str] = mapped_column(Words, default="")
    attempt: Mapped[int] = mapped_column(default=0)  # the newest attempt's number; 0: never queued
    executor: Mapped[str | None] = mapped_column(Words(200))
    # The run that this one repeats; no foreign key, for that one may leave the ledger first.
    rerun_of: Mapped[UUID | None]
    args: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))  # NULL: its schedule's or job's
    # When its end was told to what runs after its job: once, whatever corrects that end later.
    chained_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    duration_ms: Mapped[int | None]
    exit_code: Mapped[int | None]
    signal: Mapped[int | None]

    __table_args__ = (
        UniqueConstraint("job_id", "number", name="uq_runs_job_number"),  # a job's runs, newest first
        # NULL is not equal to NULL on SQLite and PostgreSQL; SQL Server needs the filter.
        Index(
            "uq_runs_promise_key",
            "promise_key",
            unique=True,
            mssql_where=(promise_key.is_not(None)),
        ),
        Index("ix_runs_state_due", "state", "due_at"),  # what waits, what runs, what failed lately
        Index("ix_runs_job_state", "job_id", "state"),  # is a run of this job still going
        Index("ix_runs_due", "due_at"),  # the runs list, by time
    )


class AttemptRow(LedgerBase):
    """One try of a run. The row is the outbox: `published_at` is set when the broker has confirmed."""

    __tablename__ = "attempts"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    run_id: Mapped[UUID] = mapped_column(ForeignKey("runs.id"))
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id"))
    number: Mapped[int]
    token: Mapped[int]
    state: Mapped[RunState]
    reason: Mapped[Reason | None]
    detail: Mapped[str] = mapped_column(Words, default="")
    pool: Mapped[str] = mapped_column(String(40))
    urgent: Mapped[bool]
    due_at: Mapped[datetime]
    published_at: Mapped[datetime | None]
    publish_count: Mapped[int] = mapped_column(default=0)
    claim_id: Mapped[UUID | None]
    executor: Mapped[str | None] = mapped_column(Words(200))
    boot: Mapped[UUID | None]
    claimed_at: Mapped[datetime | None] = mapped_column()
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    # While it runs: the shared limit that it has a place of. While it is queued: the one it was refused for.
    limit_key: Mapped[str | None] = mapped_column(String(40))
    # As its grant said it: only what is killed when its lease ends may be followed by another after a loss.
    on_lost: Mapped[OnLost | None]
    # While it may still run though nothing is heard of it, it counts for overlap and limits.
    may_run_until: Mapped[datetime | None]
    cancel_requested_at: Mapped[datetime | None]
    settled: Mapped[bool] = mapped_column(default=False)  # its own executor's last word is applied
    exit_code: Mapped[int | None]
    signal: Mapped[int | None]
    duration_ms: Mapped[int | None]
    cpu_ms: Mapped[int | None] = mapped_column(Large)
    peak_memory_bytes: Mapped[int | None] = mapped_column(Large)
    last_seq: Mapped[int | None]
    stdout_bytes: Mapped[int | None] = mapped_column(Large)
    stderr_bytes: Mapped[int | None] = mapped_column(Large)
    dropped_bytes: Mapped[int | None] = mapped_column(Large)
    sandbox: Mapped[str] = mapped_column(Words(20), default="")

    __table_args__ = (
        UniqueConstraint("run_id", "number", name="uq_attempts_run_number"),  # a run's attempts
        Index("ix_attempts_state_due", "state", "due_at"),  # what waits to be published or claimed
        Index("ix_attempts_state_executor", "state", "executor"),  # what a silent executor held
        # Who holds a place of a shared limit, and who waits for one. Most attempts have none to do with it.
        Index("ix_attempts_state_limit", "state", "limit_key", **_where(limit_key.is_not(None))),
        # How often a job has started lately: what its brake goes by.
        Index("ix_attempts_job_claimed", "job_id", "claimed_at", **_where(claimed_at.is_not(None))),
    )


class ChainArrivalRow(LedgerBase):
    """An end that counts for a job after it, and the run that it started."""

    __tablename__ = "chain_arrivals"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    # No foreign keys to what may be gone first: the edge with an edit, the run when it is old.
    edge_id: Mapped[UUID]
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id"))
    upstream_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id"))
    upstream_run_id: Mapped[UUID]
    state: Mapped[RunState]
    arrived_at: Mapped[datetime]
    taken_at: Mapped[datetime | None] = mapped_column(index=True)  # NULL: what waits for the others
    # NULL once it is taken: a newer end of the same job counted in its place.
    run_id: Mapped[UUID | None] = mapped_column(index=True)  # what started a run

    __table_args__ = (
        # Once for each run and each job after it; what a run started.
        UniqueConstraint("upstream_run_id", "job_id", name="uq_chain_arrivals_run_job"),
    )


class RequestRow(LedgerBase):
    """What a person asked for. The id is made by the asker, so that asking twice is asking once."""

    __tablename__ = "requests"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))  # run_now, rerun, cancel, cancel_waiting, backfill
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id"))
    # run_now, rerun: the id that the run is to have; cancel: the run to stop, and who asked is read by it.
    run_id: Mapped[UUID | None] = mapped_column(index=True)
    requested_by: Mapped[str] = mapped_column(Words(200))
    cause: Mapped[Cause]
    requested_at: Mapped[datetime]
    # backfill: which instants; rerun: of which run, with which arguments. NULL for the others.
    scope: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    handled_at: Mapped[datetime | None] = mapped_column(index=True)  # NULL: what is still to do
    outcome: Mapped[str | None] = mapped_column(Words(400))


class ParkedMessageRow(LedgerBase):
    """A message that could not be understood or handled, taken out of `portal.dead`."""

    __tablename__ = "parked_messages"

    id: Mapped[UUID] = mapped_column(primary_key=True)  # made of the message: taken twice, it is there once
    state: Mapped[ParkedState]
    queue: Mapped[str] = mapped_column(Words(300))
    exchange: Mapped[str] = mapped_column(Words(300))
    routing_key: Mapped[str] = mapped_column(Words(500))
    reason: Mapped[str] = mapped_column(Words(500))
    message_id: Mapped[str] = mapped_column(Words(500))
    type: Mapped[str] = mapped_column(Words(500))
    source: Mapped[str] = mapped_column(Words(500))
    correlation_id: Mapped[str] = mapped_column(Words(500))
    said_at: Mapped[datetime | None]
    headers: Mapped[dict[str, Any]]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    body_bytes: Mapped[int] = mapped_column(Large)
    parked_at: Mapped[datetime]
    parked_count: Mapped[int]
    put_back_count: Mapped[int]
    taken_at: Mapped[datetime | None]  # when a scheduler began to put it back
    decided_by: Mapped[str | None] = mapped_column(Words(200))
    decided_at: Mapped[datetime | None]

    # What lies there, newest first; which of the decided ones are the oldest.
    __table_args__ = (Index("ix_parked_messages_state_at", "state", "parked_at"),)


class ParkedRequestRow(LedgerBase):
    """What a person wants done with a parked message. The id is made by the asker."""

    __tablename__ = "parked_requests"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    parked_id: Mapped[UUID] = mapped_column(index=True)  # the newest wish over each of those that are shown
    wish: Mapped[ParkedWish]
    requested_by: Mapped[str] = mapped_column(Words(200))
    requested_at: Mapped[datetime]
    handled_at: Mapped[datetime | None] = mapped_column(index=True)  # NULL: what is still to do
    outcome: Mapped[str | None] = mapped_column(Words(400))


class LedgerFactRow(LedgerBase):
    """What the schedulers remember between starts, such as the time-zone rules they planned with."""

    __tablename__ = "ledger_facts"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str] = mapped_column(Words(400))


class ExecutorRow(LedgerBase):
    """An executor as its newest renewal described it."""

    __tablename__ = "executors"

    name: Mapped[str] = mapped_column(Words(200), primary_key=True)
    boot: Mapped[UUID]
    beat_seq: Mapped[int]
    host: Mapped[str] = mapped_column(Words(255))
    pid: Mapped[int]
    version: Mapped[str] = mapped_column(Words(40))
    sandbox: Mapped[str] = mapped_column(Words(20))
    pools: Mapped[list[str]]
    slots: Mapped[int]
    busy: Mapped[int]
    draining: Mapped[bool]
    problems: Mapped[list[str]]
    started_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    online: Mapped[bool]


class PersonRow(LedgerBase):
    """How one browser wants to see the portal, until there is sign-in: by a random cookie."""

    __tablename__ = "people"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    zone: Mapped[str] = mapped_column(String(64))
    theme: Mapped[str] = mapped_column(String(10))
    density: Mapped[str] = mapped_column(String(12))
    updated_at: Mapped[datetime]


class LogChunkRow(LogsBase):
    """A piece of what an attempt printed, as the executor cut it."""

    __tablename__ = "log_chunks"

    attempt_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[UUID] = mapped_column(index=True)  # a run's log over all of its attempts
    stream: Mapped[str] = mapped_column(String(6))
    at: Mapped[datetime]
    text_bytes: Mapped[int]
    line_breaks: Mapped[int]  # so that a line number finds its chunk without reading the others
    body: Mapped[bytes] = mapped_column(LargeBinary)  # UTF-8, deflated (RFC 1950)

"""What was promised and what became of it: the tables that the scheduler writes."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.tables.base import LedgerBase, some_rows
from shared.db.types import Large, Words
from shared.domain.job import OnLost
from shared.domain.parked import ParkedState
from shared.domain.run import Cause, Reason, RunState


class JobLedgerRow(LedgerBase):
    """What the scheduler keeps per job. This row is the lock of the job's planning."""

    __tablename__ = "job_ledgers"

    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    seen_version: Mapped[int]
    run_count: Mapped[int] = mapped_column(default=0)  # the number of the newest run
    # How many scheduled instants were to run: what a job's `max_runs` is compared with.
    promised_count: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    next_due_at: Mapped[datetime | None]
    last_run_id: Mapped[UUID | None]
    last_state: Mapped[RunState | None]
    last_finished_at: Mapped[datetime | None]
    # Up to which instant of its schedules runs were removed because they were old, and how many of any
    # cause. NULL: none that a schedule promised was.
    removed_until: Mapped[datetime | None]
    removed_count: Mapped[int] = mapped_column(default=0, server_default=text("0"))

    __table_args__ = (
        Index("ix_job_ledgers_next", "next_due_at", "job_id"),  # the jobs list, by next run
        Index("ix_job_ledgers_last", "last_finished_at", "job_id"),  # the jobs list, by last run
        Index("ix_job_ledgers_state", "last_state", "last_finished_at", "job_id"),  # which jobs fail
    )


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
    reason: Mapped[Reason | None] = mapped_column()
    detail: Mapped[str] = mapped_column(Words, default="")
    attempt: Mapped[int] = mapped_column(default=0)  # the newest attempt's number; 0: never queued
    executor: Mapped[str | None] = mapped_column(Words(200))
    # The run that this one repeats; no foreign key, for that one may leave the ledger first.
    rerun_of: Mapped[UUID | None]
    args: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))  # NULL: its schedule's or job's
    # The values of its job's parameters but those of kind secret. NULL: there are none, or none by now.
    parameters: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    # When its end was told to what runs after its job: once, whatever corrects that end later.
    chained_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    # When its end was written here, which may be long after it: an executor may have been out of reach.
    noted_at: Mapped[datetime | None] = mapped_column()
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
        # Is a run of this job still going; a job's runs in a state, newest first.
        Index("ix_runs_job_state_number", "job_id", "state", "number"),
        Index("ix_runs_due", "due_at"),  # the runs list, by time
        # The runs list of an executor, and how many it had lately.
        Index("ix_runs_executor_due", "executor", "due_at", **some_rows(executor.is_not(None))),
        # The runs list by what is rare in it.
        Index("ix_runs_cause_due", "cause", "due_at", **some_rows(text("cause <> 'schedule'"))),
        Index("ix_runs_reason_due", "reason", "due_at", **some_rows(reason.is_not(None))),
        Index("ix_runs_noted", "noted_at", "id", **some_rows(noted_at.is_not(None))),  # what ended lately
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
    urgent: Mapped[bool] = mapped_column()
    due_at: Mapped[datetime]
    published_at: Mapped[datetime | None]
    publish_count: Mapped[int] = mapped_column(default=0)
    claim_id: Mapped[UUID | None]
    executor: Mapped[str | None] = mapped_column(Words(200))
    boot: Mapped[UUID | None]
    claimed_at: Mapped[datetime | None] = mapped_column()
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None] = mapped_column()
    # While it runs: the shared limit that it has a place of. While it is queued: the one it was refused for.
    limit_key: Mapped[str | None] = mapped_column(String(40))
    # While it is queued for a place: since when there is one for it.
    let_in_at: Mapped[datetime | None]
    # As its grant said it: only what is killed when its lease ends may be followed by another after a loss,
    # and how long its script may take, from whenever it starts.
    on_lost: Mapped[OnLost | None]
    timeout_s: Mapped[int | None]
    kill_grace_s: Mapped[int | None]
    # While it may still run though nothing is heard of it, it counts for overlap and limits.
    may_run_until: Mapped[datetime | None]
    cancel_requested_at: Mapped[datetime | None]
    settled: Mapped[bool] = mapped_column(default=False)  # its own executor's last word is applied
    exit_code: Mapped[int | None]
    signal: Mapped[int | None]
    duration_ms: Mapped[int | None]
    cpu_ms: Mapped[int | None] = mapped_column(Large)
    prepared_ms: Mapped[int | None] = mapped_column(Large)
    peak_memory_bytes: Mapped[int | None] = mapped_column(Large)
    usage: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # over time, some 1 KB
    log_seq: Mapped[int | None]  # of the last chunk that was kept before it was given back
    last_seq: Mapped[int | None]
    stdout_bytes: Mapped[int | None] = mapped_column(Large)
    stderr_bytes: Mapped[int | None] = mapped_column(Large)
    dropped_bytes: Mapped[int | None] = mapped_column(Large)
    output_removed_at: Mapped[datetime | None]  # the ui's, which keeps what was printed
    sandbox: Mapped[str] = mapped_column(Words(20), default="")
    sandbox_features: Mapped[str] = mapped_column(Words(200), default="", server_default="")
    script_sha256: Mapped[str | None] = mapped_column(String(64))  # in hex; NULL: not known

    __table_args__ = (
        UniqueConstraint("run_id", "number", name="uq_attempts_run_number"),  # a run's attempts
        Index("ix_attempts_state_due", "state", "due_at"),  # what waits to be published or claimed
        Index("ix_attempts_state_executor", "state", "executor"),  # what a silent executor held
        # Who holds a place of a shared limit, and who waits for one, in the order of the line. Most attempts
        # have none to do with it.
        Index(
            "ix_attempts_line",
            *("state", "limit_key", urgent.desc(), "due_at", "id"),
            **some_rows(limit_key.is_not(None)),
        ),
        # How often a job has started lately: what its brake goes by.
        Index("ix_attempts_job_claimed", "job_id", "claimed_at", **some_rows(claimed_at.is_not(None))),
        # What ended lately: how busy the executors were is reckoned from this index alone.
        Index(
            "ix_attempts_finished",
            *("finished_at", "executor", "claimed_at"),
            **some_rows(finished_at.is_not(None)),
        ),
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
    sandbox_features: Mapped[str] = mapped_column(Words(200), server_default="")
    pools: Mapped[list[str]]
    slots: Mapped[int]
    busy: Mapped[int]
    draining: Mapped[bool]
    problems: Mapped[list[str]]
    started_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    online: Mapped[bool]

"""What people define and ask for: the tables that the ui writes."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, and_, false, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.tables.base import LedgerBase, LogsBase, some_rows
from shared.db.types import Large, OrderedKey, OrderedTag, Words
from shared.domain.chain import ChainOn, Join
from shared.domain.changes import ChangeKind
from shared.domain.holds import HoldKind
from shared.domain.job import Network, OnLost
from shared.domain.parked import ParkedWish
from shared.domain.policy import Overlap
from shared.domain.run import Cause
from shared.domain.sandbox import MinSandbox


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
    parameters: Mapped[list[dict[str, Any]] | None] = mapped_column(
        JSON(none_as_null=True)
    )  # NULL: it has none
    # Of the jobs before it, where it has any, how many must have ended.
    chain_join: Mapped[Join] = mapped_column(default=Join.ALL, server_default=text("'all'"))
    max_output_bytes: Mapped[int] = mapped_column(default=10_000_000, server_default=text("10000000"))
    merge_output: Mapped[bool] = mapped_column(default=False, server_default=false())
    network: Mapped[Network] = mapped_column(default=Network.HOST, server_default=text("'host'"))
    # The only script that may run under the job's name of it, in hex. NULL: whatever is there.
    pinned_sha256: Mapped[str | None] = mapped_column(String(64))
    pinned_at: Mapped[datetime | None]
    resources: Mapped[dict[str, int] | None] = mapped_column(JSON(none_as_null=True))  # None: not bounded
    min_sandbox: Mapped[MinSandbox] = mapped_column(default=MinSandbox.ANY, server_default=text("'any'"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime] = mapped_column(index=True)  # what changed since the last look
    paused_at: Mapped[datetime | None] = mapped_column()
    deleted_at: Mapped[datetime | None] = mapped_column()

    __table_args__ = (
        # The jobs list by name: of all that live, of those that are paused, of the deleted ones.
        Index("ix_jobs_living", "name_key", **some_rows(deleted_at.is_(None))),
        Index(
            "ix_jobs_paused",
            *("name_key", "id", "paused_at", "deleted_at"),  # all that is asked, or SQLite may walk the first
            **some_rows(and_(paused_at.is_not(None), deleted_at.is_(None))),
        ),
        Index("ix_jobs_deleted", "name_key", **some_rows(deleted_at.is_not(None))),
        Index("ix_jobs_pool", "pool", "deleted_at"),  # how many jobs name each pool
    )


class JobTextRow(LedgerBase):
    """What is searched of a job: its words, folded as names are. Written with each definition.

    On SQLite triggers keep `job_search` beside it, an index of three letters in a row (sqlite.org/fts5.html);
    on PostgreSQL a GIN index of pg_trgm does it, where that can be had. See `shared.db.job_texts`.
    """

    __tablename__ = "job_texts"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id"), unique=True)
    body: Mapped[str] = mapped_column(Text)


class JobTagRow(LedgerBase):
    """A word that a job is sorted by."""

    __tablename__ = "job_tags"

    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    tag: Mapped[str] = mapped_column(OrderedTag, primary_key=True)

    __table_args__ = (Index("ix_job_tags_tag", "tag", "job_id"),)  # the jobs of a tag; which tags there are


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


class SecretRow(LedgerBase):
    """A secret, sealed: without the key file nobody reads it, whoever reads this database."""

    __tablename__ = "secrets"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    sealed: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Words(400))
    changed_by: Mapped[str] = mapped_column(Words(200))
    changed_at: Mapped[datetime]


class JobSecretRow(LedgerBase):
    """A secret that a job's runs are given."""

    __tablename__ = "job_secrets"

    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    # No foreign key: a deleted job keeps the names of secrets that may be gone when it is restored.
    name: Mapped[str] = mapped_column(String(64), primary_key=True, index=True)  # which jobs use a secret
    as_file: Mapped[bool]


class RunSecretRow(LedgerBase):
    """A value of kind secret that was typed for one run, sealed. The run's id is made before the run."""

    __tablename__ = "run_secrets"

    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40), primary_key=True)  # of the parameter
    sealed: Mapped[str] = mapped_column(Text)


class ScriptTextRow(LedgerBase):
    """A script that ran or was pinned, by the hash of what it was."""

    __tablename__ = "script_texts"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)  # in hex
    size: Mapped[int] = mapped_column(Large)
    body: Mapped[bytes | None] = mapped_column(LargeBinary)  # UTF-8, deflated; NULL: no text, or too long
    used_at: Mapped[datetime] = mapped_column(index=True)  # what is dropped first; at most an hour late


class ChangeRow(LedgerBase):
    """What somebody changed, once and for ever. Of a job: how it was defined from then on."""

    __tablename__ = "changes"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(Words(200))
    kind: Mapped[ChangeKind]
    subject: Mapped[str] = mapped_column(Words(200))  # its name at that time
    job_id: Mapped[UUID | None]
    version: Mapped[int | None]  # the one that the job had from then on
    detail: Mapped[str] = mapped_column(Words(400))
    definition: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # NULL: as before

    __table_args__ = (
        Index("ix_changes_at", "at", "id"),  # what was done lately
        Index("ix_changes_job", "job_id", "version"),  # the versions of a job
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


class MuteRow(LedgerBase):
    """A job that nobody is to be told of when it fails. It may have ended; see `shared.db.mutes`."""

    __tablename__ = "mutes"

    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    muted_at: Mapped[datetime]
    muted_by: Mapped[str] = mapped_column(Words(200))
    ends_at: Mapped[datetime]


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
    # backfill: which instants; rerun: of which run, with which arguments; run_now: with which
    # values of parameters. NULL for the others.
    scope: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    handled_at: Mapped[datetime | None] = mapped_column(index=True)  # NULL: what is still to do
    outcome: Mapped[str | None] = mapped_column(Words(400))


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


class PersonRow(LedgerBase):
    """How somebody wants to see the portal: a user by their id, or a browser of this machine by a cookie."""

    __tablename__ = "people"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    zone: Mapped[str] = mapped_column(String(64))
    theme: Mapped[str] = mapped_column(String(10))
    density: Mapped[str] = mapped_column(String(12))
    language: Mapped[str] = mapped_column(String(12), default="auto", server_default=text("'auto'"))
    updated_at: Mapped[datetime]


class ViewRow(LedgerBase):
    """A search under a name. Its id is its address: whoever is told it sees the same list."""

    __tablename__ = "views"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"), index=True)  # one's own
    name: Mapped[str] = mapped_column(Words(60))
    question: Mapped[dict[str, Any]]  # of the jobs list, as the API takes it
    created_at: Mapped[datetime]


class OnceRow(LedgerBase):
    """A request that came with a key, and what it made: sent again, it makes nothing."""

    __tablename__ = "idempotency_keys"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    asked: Mapped[str] = mapped_column(String(64))
    made: Mapped[UUID]
    at: Mapped[datetime] = mapped_column(index=True)  # those of long ago go


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


class ArtifactChunkRow(LogsBase):
    """A piece of a file that an attempt left to be kept; its log has a chunk of the same number."""

    __tablename__ = "artifact_chunks"

    attempt_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[UUID] = mapped_column(index=True)  # to remove all of a run
    name: Mapped[str] = mapped_column(String(255))
    start: Mapped[int] = mapped_column(Large)
    length: Mapped[int]
    size: Mapped[int | None] = mapped_column(Large)
    sha256: Mapped[str | None] = mapped_column(String(64))
    body: Mapped[bytes] = mapped_column(LargeBinary)

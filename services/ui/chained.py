"""Read models of jobs that run after others: what a job is after, which run started which, the graph."""

from datetime import datetime
from uuid import UUID

import msgspec

from shared.domain.chain import ChainOn, Join
from shared.domain.run import RunState


class UpstreamItem(msgspec.Struct, frozen=True, kw_only=True):
    """A job that another one runs after."""

    job_id: UUID
    on: ChainOn
    name: str
    deleted_at: datetime | None
    arrived_at: datetime | None
    """When the end arrived that counts; None: it is waited for."""


class RunsAfterItem(msgspec.Struct, frozen=True, kw_only=True):
    """What a job runs after, besides its schedules."""

    join: Join
    jobs: tuple[UpstreamItem, ...]


class ChainedRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run that started another one, or was started by it."""

    run_id: UUID
    job_id: UUID
    job_name: str
    number: int | None
    """None: it has left the ledger."""
    state: RunState
    """How the one that came first had ended; how the other one stands now."""


class ChainNode(msgspec.Struct, frozen=True, kw_only=True):
    """A job in the graph of those around it."""

    id: UUID
    name: str
    level: int
    """0: the job that was asked about; below: what it runs after; above: what runs after it."""
    join: Join
    state: RunState | None
    """Of its newest run that was due; None: it has none."""
    run_id: UUID | None
    paused_at: datetime | None
    deleted_at: datetime | None


class ChainEdge(msgspec.Struct, frozen=True, kw_only=True):
    """One job that runs after another."""

    job_id: UUID
    upstream_id: UUID
    on: ChainOn


class ChainGraph(msgspec.Struct, frozen=True, kw_only=True):
    """The jobs around one job, as far as they are shown."""

    nodes: tuple[ChainNode, ...]
    """By level, then by name."""
    edges: tuple[ChainEdge, ...]
    more: int
    """How many jobs are left out, because they are further away or there are too many."""

"""Read models: what pages, the REST API and the stream show, field by field as it stands in the JSON.

Instants are aware UTC (`...Z` in JSON); durations carry their unit in the name. Every value can be
encoded by msgspec as it is.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec

from services.ui.chained import ChainedRun, RunsAfterItem
from services.ui.language import Language
from shared.domain.job import Network, OnLost
from shared.domain.policy import Overlap
from shared.domain.run import Cause, Reason, RunState
from shared.domain.sandbox import MinSandbox
from shared.domain.script import Pinning

Item = TypeVar("Item")


class JobFilter(StrEnum):
    """Which jobs to list; none given means every job that is not deleted."""

    ACTIVE = "active"
    """Its schedule is followed: neither paused nor deleted."""
    PAUSED = "paused"
    RUNNING = "running"
    FAILING = "failing"
    """Its newest ended run failed, timed out, was lost or missed."""
    DELETED = "deleted"


class JobSort(StrEnum):
    """In which order to list jobs."""

    NAME = "name"
    NEXT = "next"
    """Soonest next run first; jobs without one last."""
    LAST = "last"
    """Most recently ended run first; jobs that never ran last."""


class NoNext(StrEnum):
    """Why a job that is followed has no next run."""

    MANUAL = "manual"
    AFTER = "after"
    """No schedule names anything: it runs after other jobs."""
    COMPLETED = "completed"
    """Its schedules name nothing more, or it has reached its end or its number of runs."""
    EXCLUDED = "excluded"
    """Its calendars leave out all that was looked at of what comes next."""


class Page(msgspec.Struct, Generic[Item], frozen=True, kw_only=True):
    """A page of a list; `next` is the `after` of the following page, None on the last."""

    items: tuple[Item, ...]
    next: str | None = None
    total: int | None = None
    """How many match in all; None where counting would cost more than the page."""
    more: bool = False
    """There are more than `total`, which is as far as was counted."""


class RunBrief(msgspec.Struct, frozen=True, kw_only=True):
    """A run as one bar of a strip."""

    id: UUID
    number: int | None
    """None: asked for, and not yet in the ledger."""
    state: RunState
    reason: Reason | None
    due_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    duration_ms: int | None


class RunItem(RunBrief, frozen=True, kw_only=True):
    """A run as one row of a list."""

    job_id: UUID
    job_name: str
    schedule_id: UUID | None
    cause: Cause
    requested_by: str | None
    nominal_at: datetime
    nominal_until: datetime | None
    instants: int
    detail: str
    attempt: int
    executor: str | None
    exit_code: int | None
    signal: int | None
    pool: str
    """Its job's, as is `min_sandbox`: where a run that waits would start."""
    min_sandbox: MinSandbox
    stop_asked_at: datetime | None = None
    """When somebody asked for its end; None once it has ended."""
    stop_asked_by: str | None = None


class AttemptItem(msgspec.Struct, frozen=True, kw_only=True):
    """One try of a run."""

    id: UUID
    token: int
    """Goes up with each release: what is said of an older one is stale."""
    number: int
    state: RunState
    reason: Reason | None
    detail: str
    executor: str | None
    due_at: datetime
    """A later one is due when its delay has passed."""
    claimed_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    published_at: datetime | None
    exit_code: int | None
    signal: int | None
    duration_ms: int | None
    cpu_ms: int | None
    prepared_ms: int | None
    """How long its environment took to be made."""
    peak_memory_bytes: int | None
    usage: dict[str, Any] | None
    """As `shared.messages.events.Usage` has it; None: it ended before there was a curve."""
    last_seq: int | None
    stdout_bytes: int | None
    stderr_bytes: int | None
    dropped_bytes: int | None
    output_removed_at: datetime | None
    sandbox: str
    sandbox_features: str
    script_sha256: str | None
    """Of the script that it ran, or that was refused; None: not known."""


class LogState(msgspec.Struct, frozen=True, kw_only=True):
    """How much of an attempt's log is stored."""

    attempt_id: UUID | None = None
    stored_seq: int = 0
    """The highest chunk that is stored, 0 for none."""
    last_seq: int | None = None
    """How many chunks there are; None while the attempt has not said its last word."""
    complete: bool = False
    """Every chunk is stored: nothing more will come."""
    lines: int = 0


class ParameterValue(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is given of one parameter."""

    name: str
    value: str | int | float | bool | None
    """None: it is a secret, and set."""


class RunDetail(RunItem, frozen=True, kw_only=True):
    """A run with all that its page shows."""

    script: str
    args: tuple[str, ...]
    """What it is, or was, given: its own arguments, its schedule's, or the job's of now."""
    parameters: tuple[ParameterValue, ...]
    """By name. A run that was not asked for has its job's defaults from its start on."""
    tries: int
    """How many attempts it may have in all."""
    rerun_of: UUID | None
    """The run that it repeats."""
    rerun_of_number: int | None
    """None also where that one has left the ledger."""
    started_by: tuple[ChainedRun, ...]
    """The runs of other jobs that started it."""
    started: tuple[ChainedRun, ...]
    """The runs that it started, of jobs that run after its job."""
    timeout_s: int
    usual_ms: int | None
    """Median duration of the job's last 20 succeeded runs."""
    attempts: tuple[AttemptItem, ...]
    log: LogState


class LogChunk(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of output as the executor cut it; it may end in the middle of a line."""

    attempt_id: UUID
    seq: int
    stream: str
    at: datetime
    text: str


class LogPage(msgspec.Struct, frozen=True, kw_only=True):
    """Stored chunks of one attempt in order; ask again with `after_seq=next` until it is None."""

    items: tuple[LogChunk, ...]
    next: int | None
    log: LogState


class SecretUseItem(msgspec.Struct, frozen=True, kw_only=True):
    """A secret that a job's runs are given: as a variable of its name, or as a file."""

    name: str
    as_file: bool


class ScheduleItem(msgspec.Struct, frozen=True, kw_only=True):
    """One schedule of a job."""

    id: UUID
    schedule: dict[str, object]
    """As `shared.domain.schedules.to_json` writes it."""
    zone: str
    args: tuple[str, ...] | None
    """None: the job's."""
    text: str
    next_at: datetime | None
    """The next instant that the rule names; None while the job is paused or deleted."""


class JobItem(msgspec.Struct, frozen=True, kw_only=True):
    """A job with what its row in the list shows."""

    id: UUID
    name: str
    description: str
    script: str
    args: tuple[str, ...]
    schedule: dict[str, object]
    """The first of `schedules`."""
    schedules: tuple[ScheduleItem, ...]
    schedule_text: str
    """What the schedules say, in one line."""
    timeout_s: int
    kill_grace_s: int
    on_lost: OnLost
    overlap: Overlap
    pool: str
    limit_key: str | None
    """The shared limit that its runs take a place of."""
    policy: dict[str, object]
    """As `shared.domain.policy.policy_to_json` writes it."""
    runs_after: RunsAfterItem
    max_output_bytes: int
    merge_output: bool
    network: Network
    pinning: Pinning
    pinned_sha256: str | None
    """The script that a job with strict pinning may run."""
    pinned_at: datetime | None
    resources: dict[str, int]
    """As `shared.domain.resources.resources_to_json` writes them."""
    min_sandbox: MinSandbox
    tags: tuple[str, ...]
    secrets: tuple[SecretUseItem, ...]
    parameters: tuple[dict[str, object], ...]
    """As `shared.domain.parameters.parameters_to_json` writes them."""
    version: int
    paused_at: datetime | None
    paused_by: str | None
    deleted_at: datetime | None
    next_due_at: datetime | None
    """None while paused or deleted, and where `no_next` says why."""
    no_next: NoNext | None
    """Why nothing is due of a job that is followed; None where something is."""
    created_at: datetime
    last_run: RunBrief | None
    recent: tuple[RunBrief, ...]
    """At most 20, oldest first."""
    removed_count: int
    """So many of its runs were removed as they were old: those of its schedules up to `removed_until`."""
    removed_until: datetime | None
    warnings: tuple[str, ...] = ()
    """Why it would not start as things stand, in words for people; not looked for in lists."""


class RunningRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run that an executor has in hand."""

    run_id: UUID
    number: int
    job_name: str


class ExecutorItem(msgspec.Struct, frozen=True, kw_only=True):
    """An executor as it last reported itself; one that is draining and not online has left in good order."""

    name: str
    host: str
    pid: int
    version: str
    sandbox: str
    sandbox_features: str
    pools: tuple[str, ...]
    slots: int
    busy: int
    online: bool
    draining: bool
    problems: tuple[str, ...]
    started_at: datetime
    last_seen_at: datetime
    runs_24h: int
    running: tuple[RunningRun, ...]
    drained_at: datetime | None = None
    """Since when somebody wants it to take no more runs; None: nobody does."""
    drained_by: str | None = None


class HealthState(StrEnum):
    """How the portal stands as a whole."""

    OK = "ok"
    DEGRADED = "degraded"
    """Something waits that should not; nothing is lost."""
    DOWN = "down"
    """The portal cannot show or record anything."""


class Freeze(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing starts, because somebody wants it so."""

    since: datetime
    by: str
    until: datetime


class Unserved(msgspec.Struct, frozen=True, kw_only=True):
    """A pool for which runs wait that no online executor serves, or none that fences in as they ask for."""

    pool: str
    waiting: int
    """At most 5 000 are counted."""
    min_sandbox: MinSandbox = MinSandbox.ANY
    """What they ask for; `any`: nobody serves the pool."""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The one word on health: pill, banner, executors page and /readyz all show this."""

    state: HealthState
    title: str
    """A few words for the pill."""
    sentence: str
    """What is wrong and what it means, for the banner; empty when all is well."""
    since: datetime | None
    """When it began, where that is known."""
    database: bool
    broker: bool
    scheduler: bool
    """False: what is due has not been decided for more than 10 s."""
    executors_online: int
    ailing: tuple[str, ...]
    """The executors that are online and take no runs because of their own problems."""
    waiting: int
    """Runs that are due and not started."""
    running: int = 0
    """Runs that go on."""
    freeze: Freeze | None = None
    paused_pools: tuple[str, ...] = ()
    unserved: tuple[Unserved, ...] = ()
    offers: dict[str, MinSandbox] = msgspec.field(default_factory=dict)
    """The most that an online executor offers, by pool."""
    parked: int = 0
    """Messages that nobody could handle, and that nobody has decided over."""


class Theme(StrEnum):
    """Colours; `auto` follows the system."""

    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"


class Density(StrEnum):
    """Height of table rows."""

    COMFORTABLE = "comfortable"
    COMPACT = "compact"


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """How one browser wants to see the portal."""

    zone: str
    """An IANA name, such as Asia/Hong_Kong."""
    theme: Theme = Theme.AUTO
    density: Density = Density.COMFORTABLE
    language: Language = Language.AUTO

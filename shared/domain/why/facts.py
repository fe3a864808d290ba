"""What `why` judges by: a job, one instant, and how the portal stands."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.domain.calendars import Excluded
from shared.domain.chain import Join
from shared.domain.holds import Holds
from shared.domain.ids import ScheduleId
from shared.domain.instants import Followed
from shared.domain.policy import DEFAULT_POLICY, Policy
from shared.domain.run import Cause, Reason, RunState
from shared.domain.sandbox import MinSandbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A time in which the job's schedules were not followed."""

    paused_at: datetime
    paused_by: str
    resumed_at: datetime | None = None
    resumed_by: str | None = None

    def holds(self, at: datetime) -> bool:
        """Say whether an instant fell into it: what was due at its very beginning still ran."""
        return self.paused_at < at and (self.resumed_at is None or at <= self.resumed_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRef:
    """Another run of the job that stands, or stood, in the way."""

    number: int
    due_at: datetime
    state: RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What the ledger holds of the instant."""

    number: int
    state: RunState
    reason: Reason | None
    detail: str
    cause: Cause
    requested_by: str | None
    schedule_id: ScheduleId | None
    nominal_at: datetime
    due_at: datetime
    instants: int = 1
    nominal_until: datetime | None = None
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    duration: timedelta | None = None
    exit_code: int | None = None
    signal: int | None = None
    executor: str | None = None
    attempt: int = 0
    attempt_due_at: datetime | None = None
    """When the newest attempt may start: after a failed one it waits."""
    pool: str = "default"
    min_sandbox: MinSandbox = MinSandbox.ANY
    urgent: bool = False

    @property
    def startable_at(self) -> datetime:
        """Return since when it may start: for a later attempt that is not when the run was due."""
        return self.due_at if self.attempt <= 1 or self.attempt_due_at is None else self.attempt_due_at


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolFacts:
    """Who serves the pool of the run and fences in as its job asks for, and what stands before it."""

    online: int = 0
    draining: int = 0
    """Online, and takes nothing more."""
    ailing: int = 0
    """Online, and takes nothing because of its own problems."""
    problem: str = ""
    """The first of those problems."""
    known: int = 0
    """Online or not, and however they fence in."""
    exposed: int = 0
    """Online, but at a level below what the job asks for."""
    last_seen_at: datetime | None = None
    slots: int = 0
    """Of those that take runs."""
    busy: int = 0
    position: int = 1
    """The run's place among what waits for the pool; 1 is next."""

    @property
    def taking(self) -> int:
        """Return how many executors would take a run."""
        return self.online - self.draining - self.ailing


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitFacts:
    """The shared limit that the run was refused for."""

    key: str
    maximum: int
    holders: tuple[str, ...]
    """Whose runs hold its places, such as `#12 of a`; they may be more than the maximum."""
    position: int
    """The run's place among what waits for one; 1 is next."""

    @property
    def is_let_in(self) -> bool:
        """Say whether there is a place for the run."""
        return self.position <= self.maximum - len(self.holders)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the portal stands now."""

    broker: bool = True
    broker_since: datetime | None = None
    scheduler: bool = True
    silent_since: datetime | None = None
    """The oldest instant that no scheduler has decided."""
    holds: Holds = field(default_factory=Holds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """A job that this one runs after."""

    name: str
    arrived_at: datetime | None = None
    """When the end came that counts; None: it is waited for."""
    is_deleted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that the answer depends on."""

    at: datetime
    now: datetime
    created_at: datetime
    deleted_at: datetime | None = None
    schedules: tuple[Followed, ...] = ()
    """Also those that were replaced."""
    before: tuple[Before, ...] = ()
    """The jobs that it runs after, as they stand now."""
    join: Join = Join.ALL
    pauses: tuple[Pause, ...] = ()
    policy: Policy = DEFAULT_POLICY
    promised_count: int = 0
    """How many scheduled instants were to run so far."""
    removed_until: datetime | None = None
    """Up to then runs of the job were removed because they were old."""
    run: RunFacts | None = None
    blocker: RunRef | None = None
    exclusion: Excluded | None = None
    """Why the job's calendars, as they stand now, do not let the instant pass."""
    pool: PoolFacts = field(default_factory=PoolFacts)
    limit: LimitFacts | None = None
    """None: the run waits for no place of a shared limit."""
    standing: Standing = field(default_factory=Standing)

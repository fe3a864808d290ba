"""What a person fills in, before it is checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from shared.domain.chain import AFTER_NOTHING, RunsAfter
from shared.domain.job import (
    DEFAULT_KILL_GRACE,
    DEFAULT_MAX_OUTPUT_BYTES,
    DEFAULT_POOL,
    DEFAULT_TIMEOUT,
    Network,
    OnLost,
)
from shared.domain.policy import Overlap
from shared.domain.sandbox import MinSandbox
from shared.domain.script import Pinning
from shared.domain.secret import SecretUse


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleDraft:
    """One schedule as it was typed in."""

    schedule: Mapping[str, object]
    """As `shared.domain.schedules.from_json` reads it; a cron expression may still hold `H` or `@every`."""
    id: UUID | None = None
    """Which schedule of the job this is a change of; None: a new one."""
    zone: str | None = None
    """None: the default zone."""
    args: tuple[str, ...] | None = None
    """None: the job's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDraft:
    """A job as it was typed in; `Commands` judges it and names the field that is wrong."""

    name: str
    script: str
    schedule: Mapping[str, object] | None = None
    """Shorthand for the only schedule, in the default zone."""
    schedules: tuple[ScheduleDraft, ...] | None = None
    description: str = ""
    args: tuple[str, ...] = ()
    timeout_s: int = int(DEFAULT_TIMEOUT.total_seconds())
    kill_grace_s: int = int(DEFAULT_KILL_GRACE.total_seconds())
    on_lost: OnLost = OnLost.FAIL
    overlap: Overlap = Overlap.SKIP
    pool: str = DEFAULT_POOL
    limit_key: str | None = None
    """None, or nothing: no shared limit."""
    policy: Mapping[str, object] = field(default_factory=dict)
    """As `shared.domain.policy.policy_from_json` reads it; what is left out has its default."""
    runs_after: RunsAfter = AFTER_NOTHING
    max_output_bytes: int = DEFAULT_MAX_OUTPUT_BYTES
    merge_output: bool = False
    network: Network = Network.HOST
    pinning: Pinning = Pinning.RECORD
    resources: Mapping[str, object] = field(default_factory=dict)
    """As `shared.domain.resources.resources_from_json` reads it."""
    min_sandbox: MinSandbox = MinSandbox.ANY
    tags: tuple[str, ...] = ()
    secrets: tuple[SecretUse, ...] = ()
    parameters: Sequence[Mapping[str, object]] = ()
    """As `shared.domain.parameters.parameters_from_json` reads them."""

"""The definition of a job: what a person sets, checked once, trusted afterwards."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from shared.domain.chain import AFTER_NOTHING, RunsAfter
from shared.domain.errors import InvalidInput
from shared.domain.ids import JobId, ScheduleId
from shared.domain.limits import checked_limit_key
from shared.domain.parameters import Parameter
from shared.domain.policy import DEFAULT_POLICY, Overlap, Policy, checked_policy
from shared.domain.resources import ANYTHING, Resources, checked_resources
from shared.domain.sandbox import MinSandbox
from shared.domain.schedules import Schedule
from shared.domain.script import Pin, checked_script
from shared.domain.secret import SecretUse, checked_uses
from shared.domain.tags import checked_tags

DEFAULT_POOL = "default"
DEFAULT_TIMEOUT = timedelta(seconds=300)
DEFAULT_KILL_GRACE = timedelta(seconds=10)
POOL_NAMES = "A pool's name has 1 to 40 lower-case letters, digits, - or _, and starts with neither - nor _."
MAX_TIMEOUT = timedelta(days=7)
MAX_NAME = 200
MAX_KEY = 450
MAX_DESCRIPTION = 4_000
MAX_ARGUMENTS = 100
MAX_ARGUMENT_BYTES = 64_000
DEFAULT_MAX_OUTPUT_BYTES = 10_000_000
LEAST_MAX_OUTPUT_BYTES = 100_000
MOST_MAX_OUTPUT_BYTES = 1_000_000_000


class OnLost(StrEnum):
    """What to do with a run whose executor went silent: `fail` starts it at most once."""

    FAIL = "fail"
    RETRY = "retry"


class Network(StrEnum):
    """What a script can reach: all that its executor can, or nothing."""

    HOST = "host"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSchedule:
    """One schedule of a job; its id is half of the identity of every promised instant."""

    id: ScheduleId
    schedule: Schedule
    zone: str
    args: tuple[str, ...] | None = None
    """Arguments of this schedule's runs; None: the job's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """What a person enters for a job. Make it with `checked_definition`."""

    name: str
    script: str
    description: str = ""
    args: tuple[str, ...] = ()
    timeout: timedelta = DEFAULT_TIMEOUT
    kill_grace: timedelta = DEFAULT_KILL_GRACE
    on_lost: OnLost = OnLost.FAIL
    overlap: Overlap = Overlap.SKIP
    pool: str = DEFAULT_POOL
    limit_key: str | None = None
    """The shared limit that its attempts take a place of; None: of none."""
    policy: Policy = DEFAULT_POLICY
    runs_after: RunsAfter = AFTER_NOTHING
    max_output_bytes: int = DEFAULT_MAX_OUTPUT_BYTES
    """How much is kept of what an attempt prints."""
    merge_output: bool = False
    """Whether stderr goes where stdout goes: their order is exact then, and nobody knows which was which."""
    network: Network = Network.HOST
    pin: Pin | None = None
    """The only script that may run under this name; None: whatever is there."""
    resources: Resources = ANYTHING
    min_sandbox: MinSandbox = MinSandbox.ANY
    """How well an executor must fence its script in to be given it."""
    secrets: tuple[SecretUse, ...] = ()
    tags: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    """Judged together with the schedules, by `checked_parameters`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A stored job: its definition with identity, version and whether it is live."""

    id: JobId
    version: int
    definition: Definition
    schedules: tuple[JobSchedule, ...]
    created_at: datetime
    updated_at: datetime
    paused_at: datetime | None = None
    deleted_at: datetime | None = None

    @property
    def fires(self) -> bool:
        """Say whether schedules of this job are to be followed now."""
        return self.paused_at is None and self.deleted_at is None


def checked_definition(definition: Definition) -> Definition:
    """Return the definition in normal form (NFC, trimmed).

    Raises:
        InvalidInput: with the field and what to do.
    """
    name = _checked_name(definition.name)
    script = checked_script(definition.script)
    _check_length("description", definition.description, MAX_DESCRIPTION)
    check_args(definition.args)
    _check_duration("timeout_s", definition.timeout, at_least=timedelta(seconds=1), at_most=MAX_TIMEOUT)
    _check_duration(
        "kill_grace_s", definition.kill_grace, at_least=timedelta(0), at_most=timedelta(minutes=10)
    )
    if not is_pool_name(definition.pool):
        raise InvalidInput("pool", POOL_NAMES)
    if not LEAST_MAX_OUTPUT_BYTES <= definition.max_output_bytes <= MOST_MAX_OUTPUT_BYTES:
        raise InvalidInput("max_output_bytes", "Keep between 100 KB and 1 GB of what a run prints.")
    return Definition(
        name=name,
        script=script,
        description=definition.description.strip(),
        args=definition.args,
        timeout=definition.timeout,
        kill_grace=definition.kill_grace,
        on_lost=definition.on_lost,
        overlap=definition.overlap,
        pool=definition.pool,
        limit_key=checked_limit_key(definition.limit_key),
        policy=checked_policy(definition.policy),
        runs_after=definition.runs_after,
        max_output_bytes=definition.max_output_bytes,
        merge_output=definition.merge_output,
        network=definition.network,
        pin=definition.pin,
        resources=checked_resources(definition.resources),
        min_sandbox=definition.min_sandbox,
        secrets=checked_uses(definition.secrets),
        tags=checked_tags(definition.tags),
        parameters=definition.parameters,
    )


def is_pool_name(text: str) -> bool:
    """Say whether a pool may have this name; it becomes part of the names of queues."""
    return re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", text) is not None


def name_key(name: str) -> str:
    """Return the form in which two names are the same: NFKC, case-folded."""
    return unicodedata.normalize("NFKC", name).casefold()


def _checked_name(name: str) -> str:
    normal = unicodedata.normalize("NFC", name).strip()
    if not normal:
        raise InvalidInput("name", "Give the job a name.")
    _check_length("name", normal, MAX_NAME)
    # The zero-width joiner holds emoji together; every other invisible character can only deceive.
    visible = normal.replace("\u200d", "")
    if any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for character in visible):
        raise InvalidInput("name", "The name holds an invisible control character. Type it again by hand.")
    if len(name_key(normal)) > MAX_KEY:  # one Arabic ligature is a phrase of 18 letters when folded
        raise InvalidInput("name", "The name holds too many signs that stand for whole words. Shorten it.")
    return normal


def _check_length(field: str, text: str, limit: int) -> None:
    if len(text) > limit:
        raise InvalidInput(
            field, f"{field.capitalize()} has {len(text):,} characters; at most {limit:,} fit. Shorten it."
        )
    if any(character == "\x00" or "\ud800" <= character <= "\udfff" for character in text):
        raise InvalidInput(
            field, f"{field.capitalize()} holds NUL or half a character. Remove it, or type it again."
        )


def check_args(args: tuple[str, ...]) -> None:
    """Refuse arguments that no program could be given, as `checked_definition` does.

    Raises:
        InvalidInput: on field `args`.
    """
    if len(args) > MAX_ARGUMENTS:
        raise InvalidInput(
            "args", f"{len(args)} arguments are too many; at most {MAX_ARGUMENTS} fit. Put them into a file."
        )
    try:
        size = sum(len(arg.encode()) for arg in args)
    except UnicodeEncodeError:
        raise InvalidInput(
            "args", "An argument holds half a character (a lone surrogate). Type it again."
        ) from None
    if size > MAX_ARGUMENT_BYTES:
        raise InvalidInput(
            "args",
            f"The arguments have {size:,} bytes; at most {MAX_ARGUMENT_BYTES:,} fit. Put them into a file.",
        )
    if any("\x00" in arg for arg in args):
        raise InvalidInput(
            "args", "An argument holds a NUL character, which no program can receive. Remove it."
        )


_LABELS = MappingProxyType({"timeout_s": "The timeout", "kill_grace_s": "The kill grace"})


def _check_duration(field: str, value: timedelta, *, at_least: timedelta, at_most: timedelta) -> None:
    if not at_least <= value <= at_most:
        raise InvalidInput(
            field,
            f"{_LABELS[field]} must be between {at_least.total_seconds():g} and "
            f"{at_most.total_seconds():,.0f} seconds.",
        )

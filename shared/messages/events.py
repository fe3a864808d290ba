"""Events: "this happened", for any number of consumers."""

from enum import StrEnum

import msgspec

from shared.domain.ids import AttemptId, BootId, ExecutorName, JobId, RequestId, RunId
from shared.domain.run import Cause, Reason, RunState
from shared.messages.envelope import Instant, Message


class Stream(StrEnum):
    """Where the script printed it."""

    STDOUT = "stdout"
    STDERR = "stderr"


class RunStarted(Message, frozen=True, kw_only=True, tag="run.started"):
    """The script's process exists."""

    run_id: RunId
    attempt_id: AttemptId
    token: int
    executor: ExecutorName
    boot: BootId
    started_at: Instant
    sandbox: str
    sandbox_features: str = ""
    """What fenced it in besides the level's name, for people: "own user, Landlock 6, seccomp"."""
    script_sha256: str | None = None
    """Of the bytes that were read just before the start, in hex; None: too many, or an older executor."""
    prepared_ms: int | None = None
    """As in `RunFinished`."""


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What an attempt used over time: in steps of one length from its start on, at most 60."""

    step_ms: int
    memory_kb: tuple[int, ...]
    """The most that was found in each step, of all its processes together, in 1,000 bytes."""
    cpu_ms: tuple[int, ...]
    """Processor time of all its processes in each step."""
    memory_limit_bytes: int | None = None
    """What its job allowed it."""


class RunFinished(Message, frozen=True, kw_only=True, tag="run.finished"):
    """The last word on one attempt, sent until a renewal answer says settled.

    `started_at` is None when the script was never started (`reason` start-error).
    """

    run_id: RunId
    attempt_id: AttemptId
    token: int
    executor: ExecutorName
    boot: BootId
    state: RunState
    reason: Reason | None = None
    detail: str = ""
    """For people: the error's text, or what stopped the script."""
    exit_code: int | None = None
    signal: int | None = None
    started_at: Instant | None = None
    finished_at: Instant
    duration_ms: int = 0
    """By a monotonic clock, from the start of the script to its end."""
    cpu_ms: int | None = None
    peak_memory_bytes: int | None = None
    """Of all its processes together, as far as it was looked at; at least that of the largest."""
    usage: Usage | None = None
    """None: it ended before there was a curve."""
    last_seq: int = 0
    """Number of output chunks: the log is complete when the store has this one. 0: nothing printed."""
    stdout_bytes: int = 0
    stderr_bytes: int = 0
    dropped_bytes: int = 0
    """Of both streams together."""
    stdout_dropped_bytes: int | None = None
    """None here and below: an older executor, which did not count them apart."""
    stderr_dropped_bytes: int | None = None
    sandbox: str = ""
    sandbox_features: str = ""
    script_sha256: str | None = None
    """As in `RunStarted`; with the reason script-changed, of the script that was refused."""
    prepared_ms: int | None = None
    """How long its environment took to be made; None: it needs none, or one was there."""


class FilePart(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a file that an attempt left to be kept; it is whole when all pieces are there."""

    name: str
    """A relative path of at most 255 bytes."""
    start: int
    """How many bytes of the file come before."""
    data: bytes
    """At most 64 KiB, in base64."""
    size: int | None = None
    """Of the whole file: said with its last piece, as is its hash."""
    sha256: str | None = None
    """In hex."""


class RunOutput(Message, frozen=True, kw_only=True, tag="run.output"):
    """A piece of what an attempt printed, or left to be kept. `seq` counts from 1 over all of them."""

    job_id: JobId
    run_id: RunId
    attempt_id: AttemptId
    token: int
    executor: ExecutorName
    seq: int
    stream: Stream
    at: Instant
    """When its first byte was read."""
    text: str
    note: bool = False
    """The portal's own words about the run, on no stream of the script's."""
    file: FilePart | None = None
    """Then there is no text: the piece belongs to no stream."""


class RunChanged(Message, frozen=True, kw_only=True, tag="run.changed"):
    """The ledger's word on a run, said by the scheduler after each commit that changed it."""

    job_id: JobId
    run_id: RunId
    run_number: int
    state: RunState
    reason: Reason | None
    cause: Cause
    attempt: int
    due_at: Instant
    started_at: Instant | None
    finished_at: Instant | None
    executor: ExecutorName | None
    exit_code: int | None = None
    signal: int | None = None
    next_due_at: Instant | None = None


class ExecutorChanged(Message, frozen=True, kw_only=True, tag="executor.changed"):
    """An executor came, went, beat, or took or ended a run."""

    executor: ExecutorName
    online: bool
    draining: bool
    slots: int
    busy: int
    last_seen_at: Instant


class JobChanged(Message, frozen=True, kw_only=True, tag="job.changed"):
    """A definition was created, edited, paused, resumed, deleted or restored: read it again."""

    job_id: JobId
    version: int


class RequestsChanged(Message, frozen=True, kw_only=True, tag="requests.changed"):
    """A person asked for something: read the requests, and what is held back. A wake-up only."""

    request_id: RequestId


Event = RunStarted | RunFinished | RunOutput | RunChanged | ExecutorChanged | JobChanged | RequestsChanged

__all__ = [
    "Event",
    "ExecutorChanged",
    "FilePart",
    "JobChanged",
    "RequestsChanged",
    "RunChanged",
    "RunFinished",
    "RunOutput",
    "RunStarted",
    "Stream",
    "Usage",
]

"""The life of a run: its states, the moves between them and the reasons, as one table."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class RunState(StrEnum):
    """Where a run is. An attempt uses the same words, without held, skipped and missed."""

    HELD = "held"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    LOST = "lost"
    SKIPPED = "skipped"
    MISSED = "missed"


class Reason(StrEnum):
    """Why a run is in its state, where the state alone does not say it."""

    OVERLAP = "overlap"
    COINCIDES = "coincides"
    CALENDAR = "calendar"
    DEADLINE = "deadline"
    PAUSED = "paused"
    EDITED = "edited"
    DELETED = "deleted"
    DOWNTIME = "downtime"
    START_ERROR = "start-error"
    SCRIPT_CHANGED = "script-changed"
    ENVIRONMENT = "environment"
    OUTPUT = "output"
    DISK = "disk"
    MEMORY_LIMIT = "memory-limit"
    PROCESS_LIMIT = "process-limit"
    DISK_LIMIT = "disk-limit"
    CPU_LIMIT = "cpu-limit"
    SILENT = "silent"
    EXECUTOR_GONE = "executor-gone"
    REVOKED = "revoked"
    REQUESTED = "requested"
    LATE = "late"
    BRAKED = "braked"


class Cause(StrEnum):
    """Why a run exists."""

    SCHEDULE = "schedule"
    MANUAL = "manual"
    API = "api"
    CHAIN = "chain"
    BACKFILL = "backfill"
    RERUN = "rerun"


_ENDS = frozenset(
    {RunState.SUCCEEDED, RunState.FAILED, RunState.TIMED_OUT, RunState.CANCELLED, RunState.LOST}
)

TRANSITIONS: Mapping[RunState, frozenset[RunState]] = MappingProxyType(
    {
        RunState.HELD: frozenset({RunState.QUEUED, RunState.SKIPPED, RunState.MISSED, RunState.CANCELLED}),
        # Skipped: asked for and planned runs of one job can meet at the claim, where one of them loses.
        # Held again: the same, where the rule is to wait.
        RunState.QUEUED: frozenset(
            {RunState.RUNNING, RunState.HELD, RunState.CANCELLED, RunState.MISSED, RunState.SKIPPED}
        ),
        # Back to queued: an attempt that was released before it was started, or has retries left.
        RunState.RUNNING: _ENDS | {RunState.QUEUED},
        # Lost is not dead: a renewal or a late report says what really happened.
        RunState.LOST: (_ENDS - {RunState.LOST}) | {RunState.RUNNING, RunState.QUEUED},
        RunState.SUCCEEDED: frozenset(),
        RunState.FAILED: frozenset(),
        RunState.TIMED_OUT: frozenset(),
        RunState.CANCELLED: frozenset(),
        RunState.SKIPPED: frozenset(),
        RunState.MISSED: frozenset(),
    }
)
"""Every move that is allowed; an event that asks for another is recorded and changes nothing."""

FINAL: frozenset[RunState] = frozenset(RunState) - {RunState.HELD, RunState.QUEUED, RunState.RUNNING}
"""The states in which nothing waits any more. `lost` is final, but may still be corrected."""


def may_move(current: RunState, to: RunState) -> bool:
    """Say whether the table has this move."""
    return to in TRANSITIONS[current]


def sources_of(to: RunState) -> frozenset[RunState]:
    """Return the states from which a run may reach `to`: the guard of every UPDATE."""
    return frozenset(state for state, targets in TRANSITIONS.items() if to in targets)

"""What `why` says: one verdict, one sentence, one remedy, and the questions that were asked on the way."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

Words: TypeAlias = tuple[str | datetime | timedelta, ...]
"""A sentence in pieces: whoever shows it says instants in the reader's zone, and durations in units."""


class Verdict(StrEnum):
    """The one reason."""

    RAN = "ran"
    FAILED = "failed"
    """It ran, and did not end well."""
    RUNNING = "running"
    NOT_YET = "not-yet"
    MANUAL = "manual"
    """No schedule names any instant."""
    AFTER = "after"
    """No schedule names any instant: it runs after other jobs."""
    WAITING = "waiting"
    """Due, and about to start by itself: for a slot, for the run before, for its next attempt."""
    NO_EXECUTOR = "no-executor"
    FROZEN = "frozen"
    POOL_PAUSED = "pool-paused"
    BROKER_DOWN = "broker-down"
    SCHEDULER_SILENT = "scheduler-silent"
    DECIDING = "deciding"
    """Due this moment: the scheduler has some seconds."""
    PAUSED = "paused"
    DELETED = "deleted"
    EDITED = "edited"
    BEFORE_CREATED = "before-created"
    NO_INSTANT = "no-instant"
    OUTSIDE = "outside"
    """Before the job's start, after its end, or after its last run."""
    EXCLUDED = "excluded"
    COINCIDES = "coincides"
    SKIPPED = "skipped"
    BRAKED = "braked"
    """The job started by itself too often."""
    MISSED = "missed"
    DEADLINE = "deadline"
    CANCELLED = "cancelled"
    UNRECORDED = "unrecorded"


NEEDS_NOBODY = frozenset(
    {Verdict.RAN, Verdict.RUNNING, Verdict.NOT_YET, Verdict.MANUAL, Verdict.AFTER, Verdict.DECIDING}
)
"""What needs no explanation: nothing due is waiting, and the instant ran or will."""


class Remedy(StrEnum):
    """What a person can do about it, as a page can offer it."""

    RESUME = "resume"
    RESTORE = "restore"
    EDIT = "edit"
    RUN_NOW = "run-now"
    BACKFILL = "backfill"
    """Run this instant after the fact."""
    OPEN_RUN = "open-run"
    OPEN_BLOCKER = "open-blocker"
    OPEN_EXECUTORS = "open-executors"
    OPEN_CALENDARS = "open-calendars"


@dataclass(frozen=True, slots=True)
class Fix:
    """What to do, in words, and where a page can offer it."""

    words: str
    remedy: Remedy | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One question on the way to the answer."""

    name: str
    passed: bool
    words: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Why a job ran, did not run or does not run yet at one instant."""

    at: datetime
    verdict: Verdict
    sentence: Words
    fix: Fix | None
    checks: tuple[Check, ...]
    """In the order in which they decide; the last one gave the verdict."""
    nearby: tuple[datetime, ...] = ()
    """Instants to ask about instead, where this one is none of the job's."""

    @property
    def needs_somebody(self) -> bool:
        """Say whether a page should show this by itself."""
        return self.verdict not in NEEDS_NOBODY


def plain(words: Iterable[str | datetime | timedelta]) -> str:
    """Return the sentence as text, with instants in ISO 8601, UTC."""
    return "".join(_piece(piece) for piece in words)


def _piece(piece: str | datetime | timedelta) -> str:
    match piece:
        case str():
            return piece
        case datetime():
            return piece.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        case timedelta():
            return f"{piece.total_seconds():g} s"

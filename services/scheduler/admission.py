"""Whether a run may go while others of its job have not ended: pure, and the same at every place that asks.

| overlap | while as many go as may | what somebody asked for |
|---|---|---|
| skip | skipped | the same |
| queue-one | waits; skipped if another waits already | the same |
| queue-all | waits, in order; skipped if MAX_QUEUED wait | the same |
| allow | goes; with `max_concurrent` n, run n + 1 waits as under queue-all | the same |
| cancel-previous | waits until those before it, which are told to stop, have ended | the same |

A run after the fact waits for every run before it, whatever the rule: it was asked for one after another.
While it waits it stands in nobody's way but in that of its like.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from shared.domain.policy import MAX_QUEUED, Overlap
from shared.domain.run import Cause, RunState

_WORDS = {
    RunState.RUNNING: "was still going",
    RunState.LOST: "is lost, and may still be going",
}
_GOING = (RunState.RUNNING, RunState.LOST)
_FIRST = 1


class Other(Protocol):
    """A run that has not ended: its place in the order of its job, and where it is."""

    @property
    def number(self) -> int:
        """Return its number."""
        ...

    @property
    def state(self) -> RunState:
        """Return where it is."""
        ...

    @property
    def due_at(self) -> datetime:
        """Return when it is, or was, due."""
        ...

    @property
    def cause(self) -> Cause:
        """Return why it exists."""
        ...

    @property
    def attempt(self) -> int:
        """Return the number of its newest attempt; 0 before the first."""
        ...


@dataclass(frozen=True, slots=True)
class Go:
    """It may go now."""


@dataclass(frozen=True, slots=True)
class Wait:
    """It waits; `why` says for which run."""

    why: str


@dataclass(frozen=True, slots=True)
class Skip:
    """It is not to run."""

    why: str


@dataclass(frozen=True, slots=True)
class Replace:
    """It waits, and those before it are told to stop."""

    why: str


Admission: TypeAlias = Go | Wait | Skip | Replace


def admission(run: Other, others: Sequence[Other], *, overlap: Overlap, at_once: int | None) -> Admission:
    """Return whether `run` may go now; `others` are the unfinished ones of its job, in their order.

    `at_once` says how many may go at the same time; None: any number. What is due later than `run` and
    has not started stands in nobody's way: it is decided when it is due itself.
    """
    before = standing_before(run, others)
    if at_once is None or len(before) < at_once:
        return Go()
    waiting = sum(other.state is RunState.HELD for other in before)
    why = words_for(before[0])
    if run.cause is Cause.BACKFILL:
        return Wait(why)
    match overlap:
        case Overlap.SKIP:
            return Skip(why)
        case Overlap.QUEUE_ONE:
            return Skip(f"{why}, and another waits already") if waiting else Wait(why)
        case Overlap.QUEUE_ALL | Overlap.ALLOW:
            full = waiting >= MAX_QUEUED
            return Skip(f"{why}, and {waiting} others wait already") if full else Wait(why)
        case Overlap.CANCEL_PREVIOUS:
            return Replace(why)


def standing_before(run: Other, others: Sequence[Other]) -> list[Other]:
    """Return those of the others that count against `run`: going, or due before it."""
    order = (run.due_at, run.number)
    return [
        other
        for other in others
        if other.number != run.number
        and (is_going(other) or (other.due_at, other.number) < order)
        and (
            other.state is not RunState.HELD
            or other.cause is not Cause.BACKFILL
            or run.cause is Cause.BACKFILL
        )
    ]


def is_going(other: Other) -> bool:
    """Say whether it has begun and not ended; between two attempts it keeps its place."""
    return other.state in _GOING or (other.state is RunState.QUEUED and other.attempt > _FIRST)


def words_for(other: Other) -> str:
    """Say for people which run stood in the way."""
    if other.state is RunState.QUEUED and is_going(other):
        return f"run #{other.number} was waiting for its next attempt"
    return f"run #{other.number} {_WORDS.get(other.state, 'was still waiting to start')}"

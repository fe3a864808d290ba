"""The brake: a job that starts far more often than anybody means it to is slowed down.

Counted is what starts by itself: scheduled, chained and backfilled runs, and every attempt after a first
one. What a person or a program asks for run by run is neither counted nor braked.
"""

from datetime import timedelta

from shared.domain.run import Cause

WINDOW = timedelta(minutes=5)
"""So far back starts are counted: a burst is no runaway."""
USUAL_PER_MINUTE = 120
"""A job of every second has 60; as many again are left for retries, and for what an outage delayed."""
MOST_PER_MINUTE = 1_000

BY_ITSELF = frozenset({Cause.SCHEDULE, Cause.CHAIN, Cause.BACKFILL})
"""Why a run exists that nobody asked for by itself."""

_WINDOW_MIN = int(WINDOW / timedelta(minutes=1))


def is_counted(cause: Cause, number: int) -> bool:
    """Say whether attempt `number` of a run with this cause started by itself."""
    return number > 1 or cause in BY_ITSELF


def most_starts(per_minute: int) -> int:
    """Return how many starts the window may hold."""
    return per_minute * _WINDOW_MIN


def braked(starts: int, per_minute: int) -> str | None:
    """Return why a job with so many starts in the window may not start once more; None: it may."""
    if starts < most_starts(per_minute):
        return None
    return (
        f"the job started {starts:,} times within {_WINDOW_MIN} minutes, "
        f"and its brake allows {per_minute:,} a minute"
    )

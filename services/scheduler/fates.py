"""What becomes of one instant by itself: when its run is due, or why it has none.

The same on every scheduler and after every restart: nothing here is drawn by chance.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import TypeAlias

from services.scheduler.rules import Line, Rules
from shared.domain.ids import JobId
from shared.domain.policy import OnExcluded

MAX_CANDIDATES = 400
"""So many instants are looked at in search of one that calendars allow."""

_SECOND = timedelta(seconds=1)
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Runs:
    """The instant has a run. `counts_at` is the nominal instant, or where a calendar moved it to."""

    counts_at: datetime
    due_at: datetime
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Excluded:
    """A calendar keeps the instant from running."""

    detail: str


Fate: TypeAlias = Runs | Excluded


def fate_of(rules: Rules, line: Line, nominal_at: datetime) -> Fate:
    """Return what becomes of this instant; one that a calendar moved is due there to the second."""
    words = None if rules.calendars is None else rules.calendars.excluded_by(nominal_at)
    if rules.calendars is None or words is None:
        return Runs(nominal_at, _due_at(rules, line, nominal_at))
    if rules.policy.on_excluded is OnExcluded.SKIP:
        return Excluded(words)
    moved_at = rules.calendars.moved(nominal_at, line.zone)
    if moved_at is None:
        return Excluded(f"{words}; no day to move it to was found")
    return Runs(moved_at, moved_at, f"moved: {words}")


def jitter_of(job_id: JobId, nominal_at: datetime, jitter: timedelta) -> timedelta:
    """Return by how much this instant is late on purpose: whole seconds in [0, jitter)."""
    if jitter <= _SECOND:
        return timedelta(0)
    seconds = int(nominal_at.timestamp())
    digest = blake2b(job_id.bytes + seconds.to_bytes(8, "big", signed=True), digest_size=8).digest()
    return timedelta(seconds=int.from_bytes(digest, "big") % int(jitter.total_seconds()))


def following(rules: Rules, line: Line, after: datetime) -> datetime | None:
    """Return the first instant after `after` that counts between the job's start and end."""
    starts_at, ends_at = rules.policy.starts_at, rules.policy.ends_at
    if starts_at is not None:
        after = max(after, starts_at - _INSTANT)
    instant = line.fires.next_after(after)
    return None if instant is None or (ends_at is not None and instant > ends_at) else instant


def upcoming(rules: Rules, line: Line, after: datetime) -> datetime | None:
    """Return when the next run after `after` is due, as people want to see it.

    None: there is none, or calendars allow none of the next MAX_CANDIDATES instants.
    """
    if rules.calendars is not None and line.shown_at is not None and line.shown_at > after:
        return line.shown_at
    found: datetime | None = None
    instant = following(rules, line, after)
    for _ in range(MAX_CANDIDATES):
        if instant is None:
            break
        fate = fate_of(rules, line, instant)
        if isinstance(fate, Runs):
            found = fate.due_at if found is None else min(found, fate.due_at)
            if fate.counts_at == instant:  # what is moved may be overtaken by a later one
                break
        instant = following(rules, line, instant)
    return found


def _due_at(rules: Rules, line: Line, nominal_at: datetime) -> datetime:
    jitter = jitter_of(rules.job_id, nominal_at, rules.policy.jitter)
    if not jitter:
        return nominal_at
    limit = (line.named or line.fires).next_after(nominal_at)
    due_at = nominal_at + jitter
    return due_at if limit is None else min(due_at, limit - _SECOND)

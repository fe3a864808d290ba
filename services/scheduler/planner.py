"""Decides which instants of one schedule become runs, and which are recorded as missed.

Pure: the caller brings the time and what it knows of the job, and stores what is decided here in one
transaction with the cursor. That transaction is what makes an instant promised exactly once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.policy import Overlap
from shared.domain.schedules import Timetable

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfire:
    """What becomes of instants that passed while no scheduler was there: `latest`."""

    grace: timedelta
    """So late an instant is simply late, and runs."""
    catch_up: timedelta
    """The newest missed instant still runs if it is not older than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Emission:
    """An instant that becomes a run. Contested: whether it may run is decided when it is due."""

    nominal_at: datetime
    contested: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedRange:
    """Instants that passed undecided, as one row: `count` of them from `first` to `last`."""

    first: datetime
    last: datetime
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is decided for one schedule: every instant up to `decided_until`, each exactly once."""

    missed: MissedRange | None
    emissions: tuple[Emission, ...]
    decided_until: datetime
    next_due_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The time to decide: after `decided_until`, at `now`, up to and including `horizon`."""

    decided_until: datetime
    now: datetime
    horizon: datetime


def plan(schedule: Timetable, span: Span, *, misfire: Misfire, overlap: Overlap, active: bool) -> Plan:
    """Decide every instant of `schedule` in (decided_until, horizon].

    `active` says that a run of the job has not ended. The cost does not grow with the length of an
    outage: instants older than the grace are counted by arithmetic, the others are at most as many as
    fit into grace and window. The cursor never moves back: with a clock that was set back nothing is
    decided until it has passed the cursor again.
    """
    horizon = max(span.horizon, span.decided_until)
    late_until = min(max(span.now - misfire.grace, span.decided_until), horizon)
    missed, caught_up = _misfired(
        schedule, after=span.decided_until, until=late_until, span=span, rule=misfire
    )
    instants = [*caught_up, *_instants(schedule, after=late_until, until=horizon)]
    return Plan(
        missed=missed,
        emissions=tuple(
            Emission(nominal_at=instant, contested=overlap is Overlap.SKIP and (active or index > 0))
            for index, instant in enumerate(instants)
        ),
        decided_until=horizon,
        next_due_at=schedule.next_after(horizon),
    )


def _misfired(
    schedule: Timetable, *, after: datetime, until: datetime, span: Span, rule: Misfire
) -> tuple[MissedRange | None, list[datetime]]:
    """Return the range that is missed, and the newest instant if it is still worth a run."""
    count = schedule.count_between(after, until)
    first, newest = schedule.next_after(after), schedule.last_until(until)
    if count == 0 or first is None or newest is None:
        return None, []
    if newest < span.now - rule.catch_up:
        return MissedRange(first=first, last=newest, count=count), []
    if count == 1:
        return None, [newest]
    last = schedule.last_until(newest - _INSTANT) or first
    return MissedRange(first=first, last=last, count=count - 1), [newest]


def _instants(schedule: Timetable, *, after: datetime, until: datetime) -> list[datetime]:
    instants = []
    instant = schedule.next_after(after)
    while instant is not None and instant <= until:
        instants.append(instant)
        instant = schedule.next_after(instant)
    return instants

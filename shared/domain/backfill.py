"""Which instants of a job can be run after the fact: one answer for the preview and for the doing.

An instant is eligible unless a run of it succeeded, waits or is going. Instants of two schedules with
the same arguments that coincide are one, as they are when they run in time.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol, TypeAlias
from uuid import UUID

from shared.domain.errors import InvalidInput
from shared.domain.ids import ScheduleId
from shared.domain.run import RunState

MAX_BACKFILLED = 100
"""So many instants are run at most by one request."""
MAX_LOOKED_THROUGH = 10_000
"""A range with more instants is refused before anybody looks at each of them."""

SETTLED: frozenset[RunState] = frozenset(
    {RunState.HELD, RunState.QUEUED, RunState.RUNNING, RunState.SUCCEEDED}
)
"""An instant with a run in one of these states needs no other."""

_INSTANT = timedelta(microseconds=1)


class Which(StrEnum):
    """Which of the eligible instants are wanted."""

    LATEST = "latest"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The instants that are asked for: in (after, until], of one schedule or of all that are followed."""

    after: datetime
    until: datetime
    which: Which = Which.ALL
    schedule_id: ScheduleId | None = None


class Fires(Protocol):
    """What is needed of a schedule's instants; every timetable has it."""

    def next_after(self, instant: datetime) -> datetime | None:
        """Return the first instant strictly after."""
        ...

    def count_between(self, after: datetime, until: datetime) -> int:
        """Return how many instants lie in (after, until]."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One schedule of the job, with the arguments that its runs get."""

    schedule_id: ScheduleId
    fires: Fires
    args: tuple[str, ...]
    undecided_from: datetime | None = None
    """The first instant that the scheduler decides by itself; None: it follows the schedule no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instant:
    """One instant of one schedule."""

    schedule_id: ScheduleId
    nominal_at: datetime
    args: tuple[str, ...]


Key: TypeAlias = tuple[ScheduleId, datetime]
"""(schedule, nominal instant)."""


def instants_of(lanes: Iterable[Lane], *, after: datetime, until: datetime) -> tuple[Instant, ...]:
    """Return the instants in (after, until] that the scheduler does not decide by itself, oldest first.

    Raises:
        InvalidInput: on field `until`, when they are too many to be looked through one by one.
    """
    spans = [(lane, _end(lane, until)) for lane in lanes]
    count = sum(lane.fires.count_between(after, end) for lane, end in spans if end > after)
    if count > MAX_LOOKED_THROUGH:
        raise InvalidInput("until", _too_many(count))
    found = [instant for lane, end in spans for instant in _between(lane, after, end)]
    return tuple(sorted(found, key=_order))


def eligible(instants: Sequence[Instant], settled: Collection[Key]) -> tuple[Instant, ...]:
    """Return those of the instants that can be run; `settled` names those with a run in SETTLED."""
    taken = {(one.args, one.nominal_at) for one in instants if (one.schedule_id, one.nominal_at) in settled}
    found = []
    for one in instants:
        if (one.args, one.nominal_at) not in taken:
            taken.add((one.args, one.nominal_at))
            found.append(one)
    return tuple(found)


def chosen(candidates: Sequence[Instant], which: Which) -> tuple[Instant, ...]:
    """Return what of the eligible instants is to run, oldest first.

    Raises:
        InvalidInput: on field `until`, when all are wanted and they are more than MAX_BACKFILLED.
    """
    if which is Which.LATEST:
        return tuple(candidates[-1:])
    if len(candidates) > MAX_BACKFILLED:
        raise InvalidInput("until", _too_many(len(candidates)))
    return tuple(candidates)


def scope_from_json(value: Mapping[str, object]) -> Scope:
    """Return the scope that a request's plain values say.

    Raises:
        InvalidInput: with the field and what to do.
    """
    after, until = _instant("after", value.get("after")), _instant("until", value.get("until"))
    if until <= after:
        raise InvalidInput("until", "The range ends before it begins. Choose a later end.")
    try:
        which = Which(str(value.get("which", Which.ALL)))
    except ValueError:
        raise InvalidInput("which", "Choose latest or all.") from None
    schedule_id = value.get("schedule_id")
    try:
        of = None if schedule_id is None else ScheduleId(UUID(str(schedule_id)))
    except ValueError:
        raise InvalidInput("schedule_id", "Give the id of one of the job's schedules, or none.") from None
    return Scope(after=after, until=until, which=which, schedule_id=of)


def _instant(field: str, value: object) -> datetime:
    try:
        instant = datetime.fromisoformat(str(value))
        if instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise InvalidInput(field, "Give an instant in ISO 8601 with its offset, such as 2026-12-01T09:00+08:00.")


def _end(lane: Lane, until: datetime) -> datetime:
    return until if lane.undecided_from is None else min(until, lane.undecided_from - _INSTANT)


def _between(lane: Lane, after: datetime, until: datetime) -> Iterator[Instant]:
    at = lane.fires.next_after(after)
    while at is not None and at <= until:
        yield Instant(schedule_id=lane.schedule_id, nominal_at=at, args=lane.args)
        at = lane.fires.next_after(at)


def _order(one: Instant) -> tuple[datetime, ScheduleId]:
    return one.nominal_at, one.schedule_id


def _too_many(count: int) -> str:
    return f"{count:,} instants are too many; at most {MAX_BACKFILLED} can be run at once. Shorten the range."

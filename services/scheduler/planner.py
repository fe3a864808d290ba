"""Decides what becomes of the instants of a job's schedules: run, skipped with its reason, or missed.

Pure: the caller brings the time and what it knows of the job, and stores what is decided here in one
transaction with the cursors. That transaction is what makes an instant promised exactly once.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias, assert_never

from services.scheduler.fates import (
    MAX_CANDIDATES,
    Excluded,
    Fate,
    Runs,
    fate_of,
    following,
    upcoming,
)
from services.scheduler.rules import Line, Rules, Span
from shared.domain.ids import ScheduleId
from shared.domain.policy import MAX_CAUGHT_UP, OnMissed
from shared.domain.run import Reason

COINCIDES = "another schedule starts the same run at this instant"

_INSTANT = timedelta(microseconds=1)
_CAUGHT_UP = {OnMissed.LATEST: 1, OnMissed.ALL: MAX_CAUGHT_UP, OnMissed.SKIP: 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Emission:
    """An instant that becomes a run. Contested: whether it may run is decided when it is due."""

    nominal_at: datetime
    due_at: datetime
    contested: bool
    counts_at: datetime
    """The nominal instant, or the one to which a calendar moved it."""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """An instant that is not to run, with its reason."""

    nominal_at: datetime
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedRange:
    """Instants that passed undecided, as one row: `count` of them from `first` to `last`."""

    first: datetime
    last: datetime
    count: int
    withdrawn: Reason | None = None
    """Why they were not to run any more; None: no scheduler was there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is decided for one schedule: every instant up to `decided_until`, each exactly once."""

    schedule_id: ScheduleId
    missed: MissedRange | None
    instants: tuple[Emission | Skipped, ...]
    """In their order, all of them after the missed ones."""
    decided_until: datetime
    next_due_at: datetime | None
    """The first instant that is not decided yet; None: there is no more to decide."""
    shown_at: datetime | None
    """When the next run after these is due, for people to see."""

    @property
    def emissions(self) -> tuple[Emission, ...]:
        """Return those of the instants that become runs."""
        return tuple(one for one in self.instants if isinstance(one, Emission))


Taken: TypeAlias = Collection[tuple[tuple[str, ...], datetime]]
"""(arguments, instant) of runs that stand in the ledger and are to run, ran or are going."""


@dataclass(frozen=True, slots=True)
class _Item:
    line: Line
    nominal_at: datetime
    fate: Fate

    @property
    def order(self) -> tuple[datetime, ScheduleId]:
        return self.nominal_at, self.line.schedule_id


@dataclass(frozen=True, slots=True)
class _Late:
    """The instants of one schedule beyond the grace."""

    missed: MissedRange | None
    items: tuple[_Item, ...]
    """Newer than what is missed, oldest first."""
    until: datetime
    """What is younger than this is on time."""
    caught_up: tuple[tuple[datetime, ScheduleId], ...]
    """The order of those of the items that run late."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What is decided of one schedule, and the instant with which the job's last run is reached."""

    missed: MissedRange | None
    instants: tuple[Emission | Skipped, ...]
    last_at: datetime | None


def plan(rules: Rules, lines: Sequence[Line], span: Span, *, taken: Taken = ()) -> tuple[Plan, ...]:
    """Decide every instant of these schedules between their cursors and the horizon.

    | instant | becomes |
    |---|---|
    | before the job's start, after its end, or after its last run of `max_runs` | nothing: not promised |
    | excluded by a calendar | skipped, or moved |
    | another with the same arguments counts at the same instant | skipped: the lowest schedule id runs |
    | due within the grace, or ahead | a run |
    | older | by the misfire rule: the newest, at most 100 of the job, or none; not beyond the catch-up |
    | older than those | counted in the one missed range of its schedule |

    How late an instant is goes by when its run is due, with jitter and moved by calendars. What is
    older than an instant that is caught up is missed, also if a calendar would have moved it further.
    The cost does not grow with the length of an outage: instants are counted by arithmetic, and at most
    MAX_CANDIDATES are looked at beside those within grace and window. The cursor never moves back: with a
    clock that was set back nothing is decided until it has passed the cursor again.
    """
    lines = sorted(lines, key=lambda line: line.schedule_id)
    if rules.left == 0:
        return tuple(_exhausted(line) for line in lines)
    lates = _capped(rules, lines, span)
    items = [item for line, late in lates for item in (*late.items, *_on_time(rules, line, span, late))]
    decided, last_at = _decided(rules, sorted(items, key=lambda item: item.order), span, taken)
    return tuple(
        _plan_of(rules, line, span, _Found(late.missed, tuple(decided[line.schedule_id]), last_at))
        for line, late in lates
    )


def _exhausted(line: Line) -> Plan:
    return Plan(
        schedule_id=line.schedule_id,
        missed=None,
        instants=(),
        decided_until=line.decided_until,
        next_due_at=None,
        shown_at=None,
    )


def _capped(rules: Rules, lines: Sequence[Line], span: Span) -> list[tuple[Line, _Late]]:
    """Return what is late of each schedule: no more runs of the whole job than are caught up at once."""
    cap = _CAUGHT_UP[rules.policy.on_missed]
    lates = [(line, _late(rules, line, span, cap=cap)) for line in lines]
    orders = sorted((order for _, late in lates for order in late.caught_up), reverse=True)
    if len(orders) <= MAX_CAUGHT_UP:
        return lates
    oldest = orders[MAX_CAUGHT_UP - 1]
    return [
        (line, _late(rules, line, span, cap=sum(order >= oldest for order in late.caught_up)))
        for line, late in lates
    ]


def _late(rules: Rules, line: Line, span: Span, *, cap: int) -> _Late:
    after, until = _bounds(rules, line, span)
    limit = span.now - rules.misfire.grace
    until = _late_until(rules, line, min(max(limit, after), until), limit)
    if until <= after:
        return _Late(None, (), until, ())
    oldest = span.now - _catch_up(rules, line)
    items: list[_Item] = []
    caught_up: list[tuple[datetime, ScheduleId]] = []
    floor = until
    while len(caught_up) < cap and len(items) < MAX_CANDIDATES:
        nominal_at = line.fires.last_until(floor)
        if nominal_at is None or nominal_at <= after or nominal_at < oldest:
            break
        item = _Item(line, nominal_at, fate_of(rules, line, nominal_at))
        items.append(item)
        if isinstance(item.fate, Runs) and item.fate.due_at <= limit:
            caught_up.append(item.order)
        floor = nominal_at - _INSTANT
    return _Late(missed(line, after, floor), tuple(reversed(items)), until, tuple(caught_up))


def _late_until(rules: Rules, line: Line, until: datetime, limit: datetime) -> datetime:
    """Return up to where instants are late: the newest may be due later, by its jitter or a calendar."""
    newest = line.fires.last_until(until)
    if newest is None:
        return until
    fate = fate_of(rules, line, newest)
    return newest - _INSTANT if isinstance(fate, Runs) and fate.due_at > limit else until


def missed(line: Line, after: datetime, until: datetime) -> MissedRange | None:
    """Return the instants of a schedule in (after, until] as one range; None: there are none."""
    count = line.fires.count_between(after, until)
    first, last = line.fires.next_after(after), line.fires.last_until(until)
    if count == 0 or first is None or last is None:
        return None
    return MissedRange(first=first, last=last, count=count)


def _catch_up(rules: Rules, line: Line) -> timedelta:
    """Return how old an instant may be and still run: never beyond the deadline that it has to start."""
    default = rules.misfire.once_catch_up if line.is_once else rules.misfire.catch_up
    window = default if rules.policy.catch_up is None else rules.policy.catch_up
    deadline = rules.policy.start_deadline
    return window if deadline is None else min(window, deadline)


def _on_time(rules: Rules, line: Line, span: Span, late: _Late) -> Iterator[_Item]:
    _, until = _bounds(rules, line, span)
    nominal_at = following(rules, line, max(late.until, line.decided_until))
    while nominal_at is not None and nominal_at <= until:
        yield _Item(line, nominal_at, fate_of(rules, line, nominal_at))
        nominal_at = following(rules, line, nominal_at)


def _bounds(rules: Rules, line: Line, span: Span) -> tuple[datetime, datetime]:
    """Return (after, until] of what counts: beyond the cursor, between the job's start and its end."""
    after, until = line.decided_until, span.horizon
    if rules.policy.starts_at is not None:
        after = max(after, rules.policy.starts_at - _INSTANT)
    if rules.policy.ends_at is not None:
        until = min(until, rules.policy.ends_at)
    return after, max(until, after)


def _decided(
    rules: Rules, items: Iterable[_Item], span: Span, taken: Taken
) -> tuple[dict[ScheduleId, list[Emission | Skipped]], datetime | None]:
    """Decide the instants in their order; also return the last one when it is the last of `max_runs`."""
    decided: dict[ScheduleId, list[Emission | Skipped]] = defaultdict(list)
    known, runs = set(taken), 0
    last_at: datetime | None = None
    for item in items:
        if last_at is not None and item.nominal_at > last_at:
            break
        one: Emission | Skipped | None = _skipped(item, known)
        if one is None and last_at is None and isinstance(item.fate, Runs):
            one = _emission(rules, item.nominal_at, item.fate, span, before=runs)
            known.add((item.line.args, item.fate.counts_at))
            runs += 1
            last_at = item.nominal_at if runs == rules.left else None
        if one is not None:
            decided[item.line.schedule_id].append(one)
    return decided, last_at


def _skipped(item: _Item, known: Taken) -> Skipped | None:
    match item.fate:
        case Excluded(detail=detail):
            return Skipped(nominal_at=item.nominal_at, reason=Reason.CALENDAR, detail=detail)
        case Runs(counts_at=counts_at):
            if (item.line.args, counts_at) not in known:
                return None
            return Skipped(nominal_at=item.nominal_at, reason=Reason.COINCIDES, detail=COINCIDES)
        case _:
            assert_never(item.fate)


def _emission(rules: Rules, nominal_at: datetime, fate: Runs, span: Span, *, before: int) -> Emission:
    is_crowded = rules.at_once is not None and rules.unfinished + before >= rules.at_once
    return Emission(
        nominal_at=nominal_at,
        due_at=fate.due_at,
        # What is due later than one plans ahead is also decided then: until then it can be withdrawn.
        contested=is_crowded or fate.due_at > span.horizon,
        counts_at=fate.counts_at,
        detail=fate.detail,
    )


def _plan_of(
    rules: Rules,
    line: Line,
    span: Span,
    found: _Found,
) -> Plan:
    horizon = max(span.horizon, line.decided_until)
    if found.last_at is not None:
        # What lies beyond the last run is not promised. Should a run be skipped, it goes on from here.
        known = (line.decided_until, found.last_at, *(() if found.missed is None else (found.missed.last,)))
        return replace(
            _exhausted(line), missed=found.missed, instants=found.instants, decided_until=max(known)
        )
    return Plan(
        schedule_id=line.schedule_id,
        missed=found.missed,
        instants=found.instants,
        decided_until=horizon,
        next_due_at=following(rules, line, horizon),
        shown_at=upcoming(rules, line, horizon),
    )

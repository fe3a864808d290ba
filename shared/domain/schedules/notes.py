"""What a change of the clock means for a schedule, in words."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.schedules.wall_clock import WallClock
from shared.domain.schedules.zones import EPOCH, Span, is_short


@dataclass(frozen=True, slots=True)
class Note:
    """One change of the clock that touches a schedule."""

    at: datetime
    text: str


def notes_on(fires: WallClock, begin: int, end: int) -> Iterator[Note]:
    """Yield a note on each change of the clock in [begin, end) that touches one of the rule's times."""
    for span in fires.clock_changes(begin, end):
        low, high = sorted((span.covered, span.local_start))
        first = fires.rule.first_from(low, high)
        if first is not None and first < high:
            last = _last(fires, first, high)
            words = _gap(fires, span, first, last) if low == span.covered else _fold(fires, first, last)
            yield Note(EPOCH + timedelta(seconds=span.start), words)


def _last(fires: WallClock, first: int, end: int) -> int:
    """Return the rule's last time before `end`, of which `first` is one."""
    low, high = first, end
    while high - low > 1:
        middle = (low + high) // 2
        if fires.rule.count(middle, end):
            low = middle
        else:
            high = middle
    return low


def _gap(fires: WallClock, span: Span, first: int, last: int) -> str:
    what = f"On {_day(first)} {_times(first, last)} {'does' if first == last else 'do'} not exist"
    if not fires.rule.is_fixed:
        return f"{what}: no run then"
    if not is_short(span):
        return f"{what}, for clocks skip {_hours(span.local_start - span.covered)}: no run"
    after = _time(span.local_start)
    return f"{what}: runs at {after}" if first == last else f"{what}: runs once at {after}"


def _fold(fires: WallClock, first: int, last: int) -> str:
    what = f"On {_day(first)} {_times(first, last)} {'comes' if first == last else 'come'} twice"
    return f"{what}: runs the first time only" if fires.rule.is_fixed else f"{what}: runs both times"


def _day(local: int) -> str:
    at = EPOCH + timedelta(seconds=local)
    return f"{at.day} {at:%b %Y}"


def _times(first: int, last: int) -> str:
    return _time(first) if first == last else f"{_time(first)} to {_time(last)}"


def _time(local: int) -> str:
    at = EPOCH + timedelta(seconds=local)
    return f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"


def _hours(seconds: int) -> str:
    return f"{seconds / 3600:g} hours"

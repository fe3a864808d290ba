"""When a local time happens: found by walking the minutes of a zone's clock and looking at it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

from tests.oracle.model import Model

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
# A wall time in a longer gap never existed on that clock: a date that was left out, not an hour.
LONGEST_GAP = timedelta(hours=3)


@dataclass
class Walk:
    """The minutes of a stretch of real time as a wall clock in the zone shows them."""

    shown: dict[datetime, list[datetime]] = field(default_factory=dict)
    """Wall minute -> the instants at which it began: two where the clock was set back."""
    gaps: list[tuple[datetime, datetime, datetime]] = field(default_factory=list)
    """First wall time left out, first one shown again, and the instant of that."""


def walk(zone: str, first: datetime, last: datetime) -> Walk:
    """Look at the wall clock at every minute of [first, last)."""
    wall_clock, seen, before = ZoneInfo(zone), Walk(), None
    while first < last:
        wall = first.astimezone(wall_clock).replace(tzinfo=None)
        seen.shown.setdefault(wall, []).append(first)
        if before is not None and wall > before + MINUTE:
            seen.gaps.append((before + MINUTE, wall, first))
        first, before = first + MINUTE, wall
    return seen


def fires(model: Model, seen: Walk) -> set[datetime]:
    """Return every instant of the walk at which the model fires."""
    days = {wall.date() for wall in seen.shown} | {start.date() for start, _, _ in seen.gaps}
    return {
        instant
        for day in _days(min(days), max(days))
        if model.on_date(day)
        for instant in fires_of_day(model, seen, day)
    }


def fires_of_day(model: Model, seen: Walk, day: date) -> Iterator[datetime]:
    """Yield the instants at which the wall times of one local date happen."""
    for hour in model.hours:
        for minute in model.minutes:
            wall = datetime.combine(day, time(hour, minute))
            begun = seen.shown.get(wall, [])
            for instant in begun if model.wildcard else begun[:1]:
                for second in model.seconds:
                    yield instant + timedelta(seconds=second)
            if not begun and not model.wildcard:
                yield from (
                    instant
                    for start, end, instant in seen.gaps
                    if start <= wall < end and end - start <= LONGEST_GAP
                )


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += DAY


@lru_cache(maxsize=256)  # each holds the seconds of two days by the minute
def walk_of_day(zone: str, day: date) -> Walk:
    """Walk through all instants that can be on a local date: offsets are between -12 and +14 hours."""
    midnight = datetime.combine(day, time(), UTC)
    return walk(zone, midnight - 15 * HOUR, midnight + 37 * HOUR)


@lru_cache(maxsize=1 << 20)
def steady_offset(zone: str, day: date) -> timedelta | None:
    """Return the offset of a date around which the clock is never set, None for all other dates."""
    noon, wall_clock = datetime.combine(day, time(12), UTC), ZoneInfo(zone)
    offsets = {(noon + n * DAY).astimezone(wall_clock).utcoffset() for n in range(-2, 3)}
    return offsets.pop() if len(offsets) == 1 else None


@cache
def transitions(zone: str, first_year: int = 2007, last_year: int = 2037) -> list[datetime]:
    """Return the instants at which the zone's clock is set, to the minute, found by looking at it."""
    first, last = datetime(first_year, 1, 1, tzinfo=UTC), datetime(last_year + 1, 1, 1, tzinfo=UTC)
    return [
        minute
        for day in _changed(zone, first, last, DAY)
        for hour in _changed(zone, day - DAY, day, HOUR)
        for minute in _changed(zone, hour - HOUR, hour, MINUTE)
    ]


def _changed(zone: str, first: datetime, last: datetime, step: timedelta) -> list[datetime]:
    """Look at the clock every `step` in (first, last] and return where its offset is another than before."""
    wall_clock, found = ZoneInfo(zone), []
    before = first.astimezone(wall_clock).utcoffset()
    while first < last:
        first += step
        if (offset := first.astimezone(wall_clock).utcoffset()) != before:
            found.append(first)
            before = offset
    return found


@cache
def zones() -> list[str]:
    """Return the names of all zones that a person may choose: places and UTC, no abbreviations."""
    return sorted(name for name in available_timezones() if "/" in name or name == "UTC")

"""Time zones as spans of constant offset, and local time's way to the instants of such spans.

The rules come from the pinned `tzdata` package through zoneinfo (PEP 615). No zone changes its offset
twice within a week since 1970, so that looking every two days finds every change.
"""

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from shared.domain.errors import ScheduleError

DAY = 86_400
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_YEAR, LAST_YEAR = 1970, 2199
END = int((datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC) - EPOCH).total_seconds())
"""Where local time ends, in seconds since 1970-01-01 00:00: nothing fires after the year 2199."""
LONGEST_GAP = 3 * 3600
"""A gap up to this is daylight saving: what falls into it runs after it. A longer one is a lost day."""

_BLOCK = 366 * DAY
_STEP = 2 * DAY
_COMMON_CITIES = {"HKT": "Asia/Hong_Kong", "EST": "America/New_York", "PST": "America/Los_Angeles"}


class Span(NamedTuple):
    """From `start` up to `end`, in seconds since 1970 in UTC, local time is UTC + `offset`."""

    start: int
    end: int
    offset: int
    covered: int
    """Up to here, in local seconds, wall time had passed when the span began: more than `start + offset`
    after a fold, less after a gap."""

    @property
    def local_start(self) -> int:
        """Return the span's first local second."""
        return self.start + self.offset


def checked_zone(name: str) -> str:
    """Return the name if it is an IANA zone that a schedule can follow.

    Raises:
        ScheduleError: on field `zone`.
    """
    if name == "UTC" or (name in _names() and not name.isupper()):
        return name
    hint = _COMMON_CITIES.get(name.upper())
    if hint is not None or (name.isalnum() and name.isupper()):
        instead = hint or "a city's name, such as Asia/Hong_Kong"
        raise ScheduleError(
            f"{name} is an abbreviation, which has no rules of its own. Choose {instead}.", field="zone"
        )
    raise ScheduleError(
        f"There is no time zone {name[:64]!r}. Choose one by a city, such as Asia/Hong_Kong.", field="zone"
    )


def span_at(zone: str, second: int) -> Span:
    """Return the span of this instant; long spans are cut, each part as good as the whole."""
    starts, spans = _spans(zone, second // _BLOCK)
    return spans[bisect_right(starts, second) - 1]


def instant_of(local: datetime, zone: str) -> datetime | None:
    """Return the instant of a naive wall time by the rule for fixed times.

    The first of two occurrences; the first instant after a gap of up to 3 hours; None in a longer gap.
    """
    wanted = int((local.replace(tzinfo=UTC) - EPOCH).total_seconds())
    span = span_at(zone, wanted - DAY)
    while span.end + span.offset <= wanted:
        span = span_at(zone, span.end)
    if wanted >= span.local_start:
        return EPOCH + timedelta(seconds=wanted - span.offset)
    return EPOCH + timedelta(seconds=span.start) if is_short(span) else None


def is_short(span: Span) -> bool:
    """Say whether the gap before this span, if there is one, is bridged."""
    return span.local_start - span.covered <= LONGEST_GAP


@lru_cache(maxsize=4096)
def _spans(zone: str, block: int) -> tuple[tuple[int, ...], tuple[Span, ...]]:
    begin, end = block * _BLOCK, (block + 1) * _BLOCK
    # From a little before, so that a fold at the block's very start is seen.
    at = begin - 2 * _STEP
    offset = _offset(zone, at)
    covered = at + offset
    spans: list[Span] = []
    for change, changed in (*_changes(zone, at, end), (end, 0)):
        if change > begin:
            spans.append(
                Span(max(at, begin), change, offset, max(covered, begin + offset) if at < begin else covered)
            )
        covered = max(covered, change + offset)
        at, offset = change, changed
    return tuple(span.start for span in spans), tuple(spans)


def _changes(zone: str, begin: int, end: int) -> list[tuple[int, int]]:
    """Return (instant, offset from then on) of each change in (begin, end)."""
    found = []
    before = _offset(zone, begin)
    for low in range(begin, end, _STEP):
        high = min(low + _STEP, end - 1)
        after = _offset(zone, high)
        if after != before:
            found.append((_first_change(zone, low, high, before), after))
            before = after
    return found


def _first_change(zone: str, low: int, high: int, before: int) -> int:
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, middle) == before:
            low = middle
        else:
            high = middle
    return high


def _offset(zone: str, second: int) -> int:
    offset = (EPOCH + timedelta(seconds=second)).astimezone(_zone(zone)).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ScheduleError(
            f"There is no time zone {name[:64]!r}. Choose one by a city, such as Asia/Hong_Kong.",
            field="zone",
        ) from None


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(available_timezones())

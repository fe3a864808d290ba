"""One event of a calendar file (a VEVENT of RFC 5545) as the days it starts on and how long it is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

from icalendar import Event

from shared.domain.calendars import Frequency, Repeat, tidy_label
from shared.domain.errors import InvalidInput

_DAY = timedelta(days=1)
_EARLIEST = date(1600, 1, 1)  # address books write 1604 for a birthday without a year
_READ = ("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID")
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_PARTS = frozenset(
    ("FREQ", "INTERVAL", "COUNT", "UNTIL", "BYMONTH", "BYMONTHDAY", "BYDAY", "BYSETPOS", "WKST")
)
_MOST_INTERVAL = 1_000
_MOST_COUNT = 100_000
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEvent:
    """What an event says; its days are those of the zone that its start is written in."""

    name: str
    uid: str
    start: date | datetime
    length: timedelta
    repeat: Repeat | None
    added: frozenset[date]
    left_out: frozenset[date]
    replaces: date | None
    is_cancelled: bool

    @property
    def is_endless(self) -> bool:
        """Whether it repeats for ever."""
        return self.repeat is not None and self.repeat.is_endless

    @property
    def first_day(self) -> date:
        """The day it starts on."""
        return local_day(self.start)


def event_of(component: Event) -> FileEvent:
    """Return the event.

    Raises:
        InvalidInput: on field `ics`, naming the event, for what is broken or is not read here.
    """
    name = tidy_label(str(component.get("SUMMARY", "")))
    shown = name or str(component.get("UID", ""))[:60]
    broken = [part for part, _ in component.errors if part in _READ]
    if broken:
        raise wrong(shown, f"its {broken[0]} cannot be read. Correct it in the file.")
    start = _start(component, shown)
    replaced = list(_moments(component, "RECURRENCE-ID", shown))
    return FileEvent(
        name=name,
        uid=str(component.get("UID", "")),
        start=start,
        length=_length(component, start, shown),
        repeat=_repeat(component, start, shown),
        added=frozenset(_day_of(moment, start) for moment in _moments(component, "RDATE", shown)),
        left_out=frozenset(_day_of(moment, start) for moment in _moments(component, "EXDATE", shown)),
        replaces=_day_of(replaced[0], start) if replaced else None,
        is_cancelled=str(component.get("STATUS", "")).upper() == "CANCELLED",
    )


def wrong(name: str, why: str) -> InvalidInput:
    """Return the refusal of the file because of this event."""
    return InvalidInput("ics", f"Event {name or 'without a name'!r}: {why}")


def local_day(moment: date | datetime) -> date:
    """Return the day that the moment is written with."""
    return moment.date() if isinstance(moment, datetime) else moment


def _start(component: Event, shown: str) -> date | datetime:
    starts = list(_moments(component, "DTSTART", shown))
    if len(starts) != 1:
        raise wrong(shown, "it needs one DTSTART, the day or time it starts at. Correct it in the file.")
    if local_day(starts[0]) < _EARLIEST:
        raise wrong(shown, f"it starts before {_EARLIEST}. Remove it.")
    return starts[0]


def _length(component: Event, start: date | datetime, shown: str) -> timedelta:
    """Return how long the event lasts; one of days lasts at least one."""
    least = timedelta(0) if isinstance(start, datetime) else _DAY
    duration = component.get("DURATION")
    if duration is not None:
        length = getattr(_single(duration, "DURATION", shown), "dt", None)
        if not isinstance(length, timedelta):
            raise wrong(shown, "its DURATION is no length of time. Correct it in the file.")
        return max(least, length)
    ends = list(_moments(component, "DTEND", shown))
    return max(least, _between(start, ends[0])) if ends else least


def _between(start: date | datetime, end: date | datetime) -> timedelta:
    if isinstance(start, datetime) and isinstance(end, datetime):
        if start.tzinfo and end.tzinfo:
            return end.astimezone(UTC) - start.astimezone(UTC)
        return end.replace(tzinfo=None) - start.replace(tzinfo=None)
    return local_day(end) - local_day(start)


def _moments(component: Event, part: str, shown: str) -> Iterator[date | datetime]:
    """Yield every day and time in a part that may be absent, repeated, or a list."""
    value = component.get(part)
    for line in value if isinstance(value, list) else [value] if value is not None else []:
        for entry in getattr(line, "dts", [line]):
            moment = getattr(entry, "dt", None)
            if not isinstance(moment, date):
                raise wrong(shown, f"its {part} is no day or time. Correct it in the file.")
            named = getattr(line, "params", {}).get("TZID")
            if named and isinstance(moment, datetime) and moment.tzinfo is None:
                raise wrong(shown, f"its time zone {named!r} is unknown. Use one like Asia/Hong_Kong.")
            yield moment


def _single(value: T | list[T], part: str, shown: str) -> T:
    if isinstance(value, list):
        raise wrong(shown, f"it has more than one {part}. Keep one.")
    return value


def _day_of(moment: date | datetime, start: date | datetime) -> date:
    """Return the day of a moment in the zone of the event's start."""
    if isinstance(moment, datetime) and isinstance(start, datetime) and moment.tzinfo and start.tzinfo:
        return moment.astimezone(start.tzinfo).date()
    return local_day(moment)


def _repeat(component: Event, start: date | datetime, shown: str) -> Repeat | None:
    value = component.get("RRULE")
    if value is None:
        return None
    rule = {str(part).upper(): values for part, values in _single(value, "RRULE", shown).items()}
    unread = sorted(set(rule) - _PARTS)
    if unread:
        raise wrong(shown, f"its rule uses {unread[0]}, which is not read here. List its dates instead.")
    try:
        return _rule(rule, start)
    except InvalidInput as error:
        raise wrong(shown, f"in its rule, {error.message} List its dates instead.") from error
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise wrong(shown, "its rule cannot be read. List its dates instead.") from error


def _rule(rule: Mapping[str, list[object]], start: date | datetime) -> Repeat:
    ends = [moment for moment in rule.get("UNTIL", []) if isinstance(moment, date)]
    return Repeat(
        frequency=_frequency(rule),
        interval=_bounded(rule, "INTERVAL", _MOST_INTERVAL) or 1,
        most=_bounded(rule, "COUNT", _MOST_COUNT),
        until=_day_of(ends[0], start) if ends else None,
        months=_numbers(rule, "BYMONTH"),
        month_days=_numbers(rule, "BYMONTHDAY"),
        week_days=frozenset(_week_day(str(day)) for day in rule.get("BYDAY", [])),
        positions=_numbers(rule, "BYSETPOS"),
        week_start=_WEEKDAYS.index(str(rule.get("WKST", ["MO"])[0]).upper()),
    )


def _frequency(rule: Mapping[str, list[object]]) -> Frequency:
    given = str(rule["FREQ"][0]).upper()
    if given not in set(Frequency):
        raise InvalidInput("rule", f"FREQ={given} is not read: it must be {', '.join(Frequency)}.")
    return Frequency(given)


def _bounded(rule: Mapping[str, list[object]], part: str, most: int) -> int | None:
    numbers = [int(str(number)) for number in rule.get(part, [])]
    if numbers and not 1 <= numbers[0] <= most:
        raise InvalidInput("rule", f"{part} must be 1 to {most:,}.")
    return numbers[0] if numbers else None


def _numbers(rule: Mapping[str, list[object]], part: str) -> frozenset[int]:
    return frozenset(int(str(number)) for number in rule.get(part, []))


def _week_day(text: str) -> tuple[int, int]:
    """Return "-1MO" as the place -1 and Monday; a weekday alone has the place 0."""
    return int(text[:-2] or 0), _WEEKDAYS.index(text[-2:].upper())

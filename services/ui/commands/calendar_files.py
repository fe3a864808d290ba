"""Days out of a calendar file (iCalendar, RFC 5545), as other programs export it.

`icalendar` reads the format: folding, escapes, time zones by their IANA and Windows' names. Zones that a
file defines for itself are left out: icalendar keeps them for every later file of the process, and computes
their rules without a bound. Which days a rule names is ours, see `shared.domain.calendars.repeat`.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event
from icalendar.parser import Contentlines

from services.ui.commands.calendar_events import FileEvent, event_of, wrong
from shared.domain.calendars import Dates, Day, Repeat, dates_of
from shared.domain.errors import InvalidInput
from shared.domain.schedules.zones import checked_zone

MAX_CHARS = 1_000_000
MAX_EVENTS = 10_000
MAX_LOOKED_AT = 500_000
"""So many days may the rules of one file look at together; a yearly rule costs 31 a year."""
MAX_FOUND = 50_000
"""So many days may the events of one file fill, days that several fill counted for each."""
_DAY = timedelta(days=1)
_EDGE = re.compile(r"(?:BEGIN|END)(?![\w.-])", re.IGNORECASE)
_PLAIN_EDGE = re.compile(r"(BEGIN|END):([\w-]+)", re.IGNORECASE | re.ASCII)


def dates_from_ics(text: str, *, zone: str, first: date, last: date) -> Dates:
    """Return the days from `first` to `last` that the events of a calendar file fill.

    An event with a time counts for every day that it touches in `zone`; a floating one is taken as
    written. Cancelled events are left out, as are the days that exceptions to a rule remove or move.
    Summaries become labels. The dates are known until the last day of the events that end, or until
    `last` when all repeat for ever. May take seconds of a processor: call it in a thread.

    Raises:
        InvalidInput: on field `zone`, `ics` (it names the event) or `dates` (too many).
    """
    reading = _Reading(zone=ZoneInfo(checked_zone(zone)), first=first, last=last)
    days: list[Day] = []
    known_until = date.min
    for event in _standing(_events(text)):
        filled = list(reading.days_of(event))
        days += filled
        if not event.is_endless:
            known_until = max([known_until, *(day.on for day in filled)])
    if not days:
        raise InvalidInput("ics", f"The file has no event from {first} to {last}. Choose other years.")
    return dates_of(days, known_until=last if known_until == date.min else known_until)


@dataclass(slots=True, kw_only=True)
class _Reading:
    """One file being read into the days of a zone, and what it has cost so far."""

    zone: ZoneInfo
    first: date
    last: date
    looked_at: int = field(default=0, init=False)
    found: int = field(default=0, init=False)

    def days_of(self, event: FileEvent) -> Iterator[Day]:
        """Yield the days that the event fills."""
        for start in self._starts(event):
            day, end = self._filled(event, start)
            day, end = max(day, self.first), min(end, self.last)
            for on in (day + timedelta(days=number) for number in range((end - day).days + 1)):
                self.found += 1
                if self.found > MAX_FOUND:
                    raise wrong(event.name, "it and those before fill too many days. Choose fewer years.")
                yield Day(on=on, label=event.name)

    def _starts(self, event: FileEvent) -> list[date]:
        """Return the days on which the event starts, those within reach when it repeats."""
        rule = [event.first_day] if event.repeat is None else self._repeated(event, event.repeat)
        return sorted({*rule, *event.added} - event.left_out)

    def _repeated(self, event: FileEvent, repeat: Repeat) -> Iterator[date]:
        # Two zones' days differ by one at most, and what began earlier may still last.
        first, last = _moved(self.first, -event.length - 2 * _DAY), _moved(self.last, 2 * _DAY)
        self.looked_at += repeat.days_looked_at(event.first_day, first, last)
        if self.looked_at > MAX_LOOKED_AT:
            raise wrong(event.name, "it and those before repeat too often. Choose fewer years.")
        return repeat.dates(event.first_day, first, last)

    def _filled(self, event: FileEvent, on: date) -> tuple[date, date]:
        """Return the first and last day, in the zone of the calendar, of the event that starts on a day."""
        if not isinstance(event.start, datetime):
            return on, _moved(on, event.length - _DAY)
        try:
            begin = datetime.combine(on, event.start.timetz())
            end = begin + event.length
            if begin.tzinfo is not None:
                end = (begin.astimezone(UTC) + event.length).astimezone(self.zone)
                begin = begin.astimezone(self.zone)
        except OverflowError:
            raise wrong(event.name, "it reaches beyond the year 9999. Remove it.") from None
        # An end at midnight touches no further day.
        return begin.date(), max(begin.date(), (end - timedelta.resolution).date())


def _events(text: str) -> list[FileEvent]:
    if len(text) > MAX_CHARS:
        raise InvalidInput("ics", f"The file is too long. Import at most {MAX_CHARS:,} characters.")
    try:
        unfolded = Contentlines.from_ical(text.lstrip("\ufeff"))  # type: ignore[no-untyped-call] # it has no types
        lines = _without_zones(unfolded)
        calendars = Calendar.from_ical("\r\n".join(lines), multiple=True)
        found = [event for calendar in calendars for event in calendar.walk("VEVENT")]
    except Exception as error:  # foreign text in a foreign parser: whatever it raises means no
        raise InvalidInput("ics", "This is no calendar file. Choose an .ics file (iCalendar).") from error
    if len(calendars) < sum(line.upper() == "BEGIN:VCALENDAR" for line in lines):
        raise InvalidInput("ics", "The file ends in the middle of a calendar. Export or download it again.")
    if not found:
        raise InvalidInput("ics", "The file has no events. Choose an .ics file with events.")
    if len(found) > MAX_EVENTS:
        raise InvalidInput("ics", f"The file has more than {MAX_EVENTS:,} events. Export fewer years.")
    return [event_of(event) for event in found if isinstance(event, Event)]


def _without_zones(lines: Iterable[str]) -> list[str]:
    """Return the lines, unfolded, without the time zones that the file defines.

    Raises:
        ValueError: for a component's edge in a form that only the parser might see through.
    """
    kept = []
    is_inside = False
    for line in lines:
        plain = _PLAIN_EDGE.fullmatch(line)
        if plain is None and _EDGE.match(line):
            raise ValueError(line)
        is_edge = plain is not None and plain[2].upper() == "VTIMEZONE"
        if is_edge:
            is_inside = line[:1] in "Bb"
        elif not is_inside:
            kept.append(line)
    return kept


def _standing(events: list[FileEvent]) -> Iterator[FileEvent]:
    """Yield the events that take place, each without the days that another event replaces."""
    replaced: dict[str, set[date]] = {}
    for event in events:
        if event.replaces is not None:
            replaced.setdefault(event.uid, set()).add(event.replaces)
    for event in events:
        if event.is_cancelled:
            continue
        hidden = replaced.get(event.uid, set()) if event.replaces is None else set()
        yield replace(event, left_out=event.left_out | hidden)


def _moved(day: date, by: timedelta) -> date:
    """Return the day so much later, or the last or first day there is."""
    try:
        return day + by
    except OverflowError:
        return date.max if by > timedelta(0) else date.min

"""A calendar as plain values: its form in the database and on the wire."""

import re
from collections.abc import Mapping
from datetime import date
from typing import assert_never

from shared.domain.calendars.calendar import Calendar, Times
from shared.domain.calendars.dates import MAX_DATES, Dates, Day, dates_of, tidy_label
from shared.domain.calendars.weekly import DAY_NAMES, MAX_WINDOWS, WeeklyWindows, Window, clock
from shared.domain.errors import InvalidInput

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")


def to_json(calendar: Calendar) -> dict[str, object]:
    """Return the calendar as plain values; `from_json` reads them back to an equal one."""
    return {"name": calendar.name, "zone": calendar.zone, **_times_to_json(calendar.times)}


def from_json(value: Mapping[str, object]) -> Calendar:
    """Return the calendar that these plain values say; dates may come in any order.

    Raises:
        InvalidInput: on field `name`, `zone`, `kind`, `dates`, `windows`, `known_from` or `known_until`.
    """
    name, zone = value.get("name"), value.get("zone")
    if not isinstance(name, str):
        raise InvalidInput("name", "Give the calendar a name.")
    if not isinstance(zone, str):
        raise InvalidInput("zone", "Give the calendar a time zone, like Asia/Hong_Kong.")
    return Calendar(name=name.strip(), zone=zone, times=_times(value))


def _times_to_json(times: Times) -> dict[str, object]:
    match times:
        case Dates():
            known = {"known_from": times.known_from, "known_until": times.known_until}
            return {
                "kind": "dates",
                "dates": [{"on": day.on.isoformat(), "label": day.label} for day in times.days],
                **{key: edge.isoformat() for key, edge in known.items() if edge},
            }
        case WeeklyWindows():
            return {"kind": "weekly", "windows": [_window_to_json(window) for window in times.windows]}
        case _:
            assert_never(times)


def _window_to_json(window: Window) -> dict[str, object]:
    return {
        "days": [DAY_NAMES[day] for day in sorted(window.days)],
        "from": clock(window.from_minute),
        "until": clock(window.until_minute),
    }


def _times(value: Mapping[str, object]) -> Times:
    match value.get("kind"):
        case "dates":
            days = [_day(at, day) for at, day in _numbered("dates", value.get("dates"), MAX_DATES)]
            return dates_of(
                days, known_from=_edge(value, "known_from"), known_until=_edge(value, "known_until")
            )
        case "weekly":
            windows = _numbered("windows", value.get("windows"), MAX_WINDOWS)
            return WeeklyWindows(windows=tuple(_window(at, window) for at, window in windows))
        case kind:
            raise InvalidInput("kind", f"{kind!r} is no kind of calendar. Choose dates or weekly.")


def _numbered(field: str, value: object, most: int) -> list[tuple[int, object]]:
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= most:
        raise InvalidInput(field, f"Give a list of 1 to {most:,} {field}.")
    return list(enumerate(value, start=1))


def _day(at: int, value: object) -> Day:
    if isinstance(value, str):
        return Day(on=_date("dates", f"Date {at}", value))
    if not isinstance(value, Mapping):
        raise InvalidInput("dates", f'Date {at}: write it as {{"on": "2026-12-31", "label": "Year end"}}.')
    label = value.get("label", "")
    if not isinstance(label, str):
        raise InvalidInput("dates", f"Date {at}: the label must be a text.")
    return Day(on=_date("dates", f"Date {at}", value.get("on")), label=tidy_label(label))


def _edge(value: Mapping[str, object], field: str) -> date | None:
    edge = value.get(field)
    return None if edge is None else _date(field, "The edge of the list", edge)


def _date(field: str, what: str, value: object) -> date:
    try:
        if isinstance(value, str) and (parsed := date.fromisoformat(value)).isoformat() == value:
            return parsed
    except ValueError:
        pass
    raise InvalidInput(field, f"{what}: {value!r} is no date. Write it like 2026-12-31.")


def _window(at: int, value: object) -> Window:
    if not isinstance(value, Mapping):
        form = '{"days": ["mon"], "from": "09:00", "until": "18:00"}'
        raise InvalidInput("windows", f"Window {at}: write it as {form}.")
    return Window(
        days=_weekdays(at, value.get("days")),
        from_minute=_minute(at, value.get("from")),
        until_minute=_minute(at, value.get("until")),
    )


def _weekdays(at: int, value: object) -> frozenset[int]:
    days = value if isinstance(value, list | tuple) else [value]
    wrong = [day for day in days if day not in DAY_NAMES]
    if wrong:
        raise InvalidInput("windows", f"Window {at}: {wrong[0]!r} is no weekday. Use {', '.join(DAY_NAMES)}.")
    return frozenset(DAY_NAMES.index(day) for day in days)


def _minute(at: int, value: object) -> int:
    if not isinstance(value, str) or not _CLOCK.fullmatch(value):
        raise InvalidInput("windows", f"Window {at}: {value!r} is no time. Write it from 00:00 to 24:00.")
    hours, minutes = value.split(":")
    return int(hours) * 60 + int(minutes)

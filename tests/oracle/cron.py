"""The cron language once more, field by field, with no eye on speed."""

import re
from collections.abc import Callable, Iterable
from datetime import date, timedelta

from tests.oracle.model import LAST_YEAR, Model

OnDate = Callable[[date], bool]

MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
WEEKDAYS = {name: number for number, name in enumerate(DAYS)}
MACROS = {
    "@YEARLY": "0 0 1 1 *",
    "@ANNUALLY": "0 0 1 1 *",
    "@MONTHLY": "0 0 1 * *",
    "@WEEKLY": "0 0 * * 0",
    "@DAILY": "0 0 * * *",
    "@MIDNIGHT": "0 0 * * *",
    "@HOURLY": "0 * * * *",
}


class RefusedError(ValueError):
    """The text is not in the language."""


def read(text: str) -> Model:
    """Return what a cron expression asks for; raise RefusedError for all other text."""
    if len(text) > 255 or not re.fullmatch(r"[\x21-\x7e \t]*", text):
        raise RefusedError(text)
    text = MACROS.get(text.upper().strip(" \t"), text.upper())
    fields = re.split(r"[ \t]+", text.strip(" \t"))
    match len(fields):
        case 5:
            second, year, rest = "0", "*", fields
        case 6:
            second, year, rest = fields[0], "*", fields[1:]
        case 7:
            second, year, rest = fields[0], fields[6], fields[1:6]
        case _:
            raise RefusedError(f"{len(fields)} fields")
    minute, hour, dom, month, dow = rest
    return Model(
        on_date=_calendar(dom, month, dow, year),
        hours=frozenset(numbers(hour, 0, 23)),
        minutes=frozenset(numbers(minute, 0, 59)),
        seconds=frozenset(numbers(second, 0, 59)),
        wildcard=any(field.startswith("*") for field in (second, minute, hour)),
    )


def _calendar(dom: str, month: str, dow: str, year: str) -> OnDate:
    months = set(numbers(month, 1, 12, dict(zip(MONTHS, range(1, 13), strict=True))))
    years = set(numbers(year, 1970, LAST_YEAR, wraps=False))
    day_of_month = _any_of(map(_day_of_month, _items("*" if dom == "?" else dom)))
    day_of_week = _any_of(map(_day_of_week, _items("*" if dow == "?" else dow)))
    both = dom.startswith(("*", "?")) or dow.startswith(("*", "?"))

    def on_date(day: date) -> bool:
        if day.year not in years or day.month not in months:
            return False
        if both:
            return day_of_month(day) and day_of_week(day)
        return day_of_month(day) or day_of_week(day)

    return on_date


def _items(field: str) -> list[str]:
    return field.split(",")


def _any_of(rules: Iterable[OnDate]) -> OnDate:
    kept = list(rules)
    return lambda day: any(rule(day) for rule in kept)


def numbers(
    field: str, low: int, high: int, names: dict[str, int] | None = None, *, wraps: bool = True
) -> list[int]:
    """Return the values of a plain field in the order they are written."""
    return [value for item in _items(field) for value in _range(item, low, high, names or {}, wraps=wraps)]


def _range(item: str, low: int, high: int, names: dict[str, int], *, wraps: bool) -> list[int]:
    first, last, step = _parts(item)
    if first == "*":
        values = list(range(low, high + 1))
    else:
        start = _value(first, low, high, names)
        values = [start] if step is None else list(range(start, high + 1))
        if last:
            values = _from_to(start, _value(last, low, high, names), low, high, wraps=wraps)
    return values[:: step or 1]


def _parts(item: str) -> tuple[str, str | None, int | None]:
    """Split `first-last/step`, the last two of which may be missing."""
    found = re.fullmatch(r"(\*|[A-Z]+|[0-9]+)(?:-([A-Z]+|[0-9]+))?(?:/([0-9]+))?", item)
    if not found or (found[1] == "*" and found[2]) or (found[3] and int(found[3]) < 1):
        raise RefusedError(item)
    return found[1], found[2], int(found[3]) if found[3] else None


def _from_to(start: int, end: int, low: int, high: int, *, wraps: bool) -> list[int]:
    if start <= end:
        return list(range(start, end + 1))
    if not wraps:
        raise RefusedError(f"{start}-{end}")
    return [*range(start, high + 1), *range(low, end + 1)]


def _value(text: str, low: int, high: int, names: dict[str, int]) -> int:
    value = names.get(text, -1) if text.isalpha() else int(text)
    if not low <= value <= high:
        raise RefusedError(text)
    return value


def _last_day(day: date) -> int:
    return next(d for d in range(31, 27, -1) if _exists(day.year, day.month, d))


def _exists(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _day_of_month(item: str) -> OnDate:
    found = re.fullmatch(r"(?:(L)(?:-([0-9]+))?|([0-9]+))(W)?", item)
    if not found or (found[3] and not found[4]):
        values = set(_range(item, 1, 31, {}, wraps=True))
        return lambda day: day.day in values
    from_end = int(found[2] or 0)
    if found[3]:
        _value(found[3], 1, 31, {})
    elif found[2]:
        _value(found[2], 0, 30, {})

    def wanted(day: date) -> int:
        return _last_day(day) - from_end if found[1] else int(found[3])

    if found[4]:
        return lambda day: day.day == _nearest_workday(day, wanted(day))
    return lambda day: day.day == wanted(day)


def _nearest_workday(month_of: date, wanted: int) -> int | None:
    """Return the Monday-to-Friday day of the month nearest to day `wanted`, if that day exists."""
    if not 1 <= wanted <= _last_day(month_of):
        return None
    workdays = [
        day for day in range(1, _last_day(month_of) + 1) if month_of.replace(day=day).isoweekday() <= 5
    ]
    return min(workdays, key=lambda day: abs(day - wanted))


def _day_of_week(item: str) -> OnDate:
    if last := re.fullmatch(r"([A-Z]{3}|[0-9]+)L", item):
        weekday = _weekday(last[1])
        return lambda day: _is(day, weekday) and (day + timedelta(days=7)).month != day.month
    if nth := re.fullmatch(r"([A-Z]{3}|[0-9]+)#([0-9]+)", item):
        weekday, position = _weekday(nth[1]), _value(nth[2], 1, 5, {})
        return lambda day: _is(day, weekday) and (day.day + 6) // 7 == position
    values = set(_weekdays(item))
    return lambda day: day.isoweekday() % 7 in values


def _weekdays(item: str) -> list[int]:
    """Read one plain item. Sunday is 0 where a range starts and 7 where one ends; 7/n is Sunday alone."""
    first, last, step = _parts(item)
    start = 0 if first == "*" else _weekday(first)
    if last:
        end = _value(last, 0, 7, WEEKDAYS)
        days = _from_to(start, end, 0, 6, wraps=True) if (start, end) != (0, 7) or first != "7" else [0]
    else:
        days = list(range(start, 7)) if first == "*" or (step and first != "7") else [start]
    return [day % 7 for day in days[:: step or 1]]


def _weekday(text: str) -> int:
    return _value(text, 0, 7, WEEKDAYS) % 7


def _is(day: date, weekday: int) -> bool:
    return day.isoweekday() % 7 == weekday

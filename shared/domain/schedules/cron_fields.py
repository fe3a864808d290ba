"""The fields of a cron expression, each read into the set of its values."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType

from shared.domain.errors import ScheduleError
from shared.domain.schedules.days import Kind, Special
from shared.domain.schedules.zones import FIRST_YEAR, LAST_YEAR

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
MONTHS = MappingProxyType({name: number for number, name in enumerate(_MONTHS, 1)})
DAYS = MappingProxyType({name: n for n, name in enumerate(["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"])})
_LONGEST_NUMBER = 9


@dataclass(frozen=True, slots=True)
class Field:
    """What one field may say."""

    name: str
    words: str
    first: int
    last: int
    names: MappingProxyType[str, int]
    largest: int
    """The largest number that may be written: 7 is Sunday too."""
    wraps: bool = True
    hashed_last: int = 0
    """The largest value that `H` chooses, where not `last`: every month has 28 days."""


_NONE: MappingProxyType[str, int] = MappingProxyType({})
FIELDS = (
    Field("second", "second", 0, 59, _NONE, 59),
    Field("minute", "minute", 0, 59, _NONE, 59),
    Field("hour", "hour", 0, 23, _NONE, 23),
    Field("day", "day of the month", 1, 31, _NONE, 31, hashed_last=28),
    Field("month", "month", 1, 12, MONTHS, 12),
    Field("weekday", "day of the week", 0, 6, DAYS, 7),
    Field("year", "year", FIRST_YEAR, LAST_YEAR, _NONE, LAST_YEAR, wraps=False),
)


@dataclass(frozen=True, slots=True)
class Parsed:
    """One field of an expression with the values that it names."""

    field: Field
    text: str
    bits: int
    """Bit n is the value n; years are counted from 1970."""
    specials: tuple[Special, ...] = ()

    @property
    def is_star(self) -> bool:
        """Say whether the day rule takes it for `*`."""
        return self.text.startswith(("*", "?"))

    @property
    def is_all(self) -> bool:
        """Say whether it names every value."""
        return self.bits == _bits(range(self.field.first, self.field.last + 1), self.field)

    @property
    def years(self) -> frozenset[int]:
        """Return the years of a year field."""
        return frozenset(FIRST_YEAR + n for n in range(self.bits.bit_length()) if self.bits >> n & 1)


def parse_field(field: Field, text: str, start: int) -> Parsed:
    """Return what one field says; its text begins at character `start` of the expression.

    Raises:
        ScheduleError: names the field, and the place of what is wrong in it.
    """
    bits, specials, at = 0, [], start
    for item in text.split(","):
        try:
            special = _special(field, item.upper())
            if special is None:
                bits |= _bits(_values(field, item.upper(), is_alone=text == item), field)
            else:
                specials.append(special)
        except ScheduleError as error:
            raise ScheduleError(error.message, part=field.name, place=(at, at + max(len(item), 1))) from None
        at += len(item) + 1
    return Parsed(field, text, bits, tuple(specials))


def expanded(field: Field, text: str, chosen: Callable[[int], int]) -> str:
    """Return the field's text with each `H`, `H/n` and `H(a-b)` replaced by the value that was chosen."""
    return ",".join(_expanded_item(field, item, chosen) for item in text.split(","))


def _expanded_item(field: Field, item: str, chosen: Callable[[int], int]) -> str:
    match = re.fullmatch(r"H(?:\(([0-9]{1,4})-([0-9]{1,4})\))?(?:/([0-9]{1,4}))?", item.upper())
    if match is None:
        return item
    first = field.first if match[1] is None else int(match[1])
    last = (field.hashed_last or field.last) if match[2] is None else int(match[2])
    if not field.first <= first <= last <= field.last:
        raise _problem(field, f"{item}: the range of H goes from {field.first} to {field.last}.")
    if match[3] is None:
        return str(first + chosen(last - first + 1))
    step = int(match[3])
    if step == 0:
        raise _problem(field, f"{item}: a step is 1 or more.")
    begin = first + chosen(min(step, last - first + 1))
    return f"{begin}-{last}/{step}"


def _values(field: Field, item: str, *, is_alone: bool) -> range | list[int]:
    if item == "?":
        if field.name not in {"day", "weekday"} or not is_alone:
            raise _problem(field, "? stands alone, for the day of the month or of the week. Write *.")
        return range(field.first, field.last + 1)
    span, slash, step_text = item.partition("/")
    step = _step(field, step_text) if slash else 1
    if span == "*":
        return range(field.first, field.last + 1, step)
    low_text, dash, high_text = span.partition("-")
    low = _number(field, low_text)
    if not dash:
        return range(low, max(low, field.last) + 1, step) if slash else [low]
    return _range(field, low, _number(field, high_text), step)


def _range(field: Field, low: int, high: int, step: int) -> range | list[int]:
    if low <= high:
        return range(low, high + 1, step)
    if not field.wraps:
        raise _problem(field, f"{low}-{high} runs backwards. Write the smaller one first.")
    around = [*range(low, field.last + 1), *range(field.first, high + 1)]
    return around[::step]


def _step(field: Field, text: str) -> int:
    if not _is_number(text) or int(text) == 0:
        raise _problem(field, f"after / comes a whole number, 1 or more, not {_shown(text)}.")
    return int(text)


def _number(field: Field, text: str) -> int:
    named = field.names.get(text)
    if named is not None:
        return named
    if not _is_number(text):
        raise _problem(field, f"{_shown(text)} is no {field.words}.{_suggestion(field, text)}")
    number = int(text)
    if not field.first <= number <= field.largest:
        raise _problem(field, f"{number} is outside {field.first}-{field.last}.")
    return number


def _suggestion(field: Field, text: str) -> str:
    close = get_close_matches(text, field.names) or [name for name in field.names if text.startswith(name)]
    if close:
        return f" Did you mean {close[0]}?"
    names = f" or a name from {next(iter(field.names))} to {list(field.names)[-1]}" if field.names else ""
    return f" Write a number from {field.first} to {field.last}{names}."


def _special(field: Field, item: str) -> Special | None:
    if field.name == "day":
        return _special_day(field, item)
    return _special_weekday(field, item) if field.name == "weekday" else None


def _special_day(field: Field, item: str) -> Special | None:
    match = re.fullmatch(r"L(?:-([0-9]{1,9}))?(W?)", item)
    if match is not None:
        before = int(match[1] or 0)
        if before > 30:  # noqa: PLR2004 - the first day of the longest month
            raise _problem(field, f"{item}: no month has a day {before} days before its last.")
        return Special(Kind.LAST_WORKDAY if match[2] else Kind.LAST, before)
    match = re.fullmatch(r"([0-9]{1,9})W", item)
    return None if match is None else Special(Kind.WORKDAY, _number(field, match[1]))


def _special_weekday(field: Field, item: str) -> Special | None:
    if item == "L":
        raise _problem(field, "L needs a day of the week before it, such as 5L or FRIL: the last Friday.")
    day, mark, number = item.partition("#")
    if mark:
        if not _is_number(number) or not 1 <= int(number) <= 5:  # noqa: PLR2004 - no month has six
            raise _problem(field, f"after # comes 1 to 5, not {_shown(number)}.")
        return Special(Kind.NTH, int(number), _number(field, day) % 7)
    if item.endswith("L"):
        return Special(Kind.LAST_OF, weekday=_number(field, item[:-1]) % 7)
    return None


def _bits(values: range | list[int], field: Field) -> int:
    base = FIRST_YEAR if field.name == "year" else 0
    bits = 0
    for value in values:
        bits |= 1 << (value % 7 if field.name == "weekday" else value - base)
    return bits


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER


def _shown(text: str) -> str:
    return repr(text[:20]) if text else "nothing"


def _problem(field: Field, what: str) -> ScheduleError:
    return ScheduleError(f"{field.words.capitalize()}: {what}", part=field.name)

"""What the fields of a cron expression say, one by one, and what about a schedule may surprise.

For the person who is typing one: it goes on explaining the fields that are right beside one that is not.
"""

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from types import MappingProxyType

from shared.domain.errors import ScheduleError
from shared.domain.schedules.cron import LAYOUTS, MACROS, Cron, Expression, read
from shared.domain.schedules.cron_fields import Field, Parsed, expanded, parse_field
from shared.domain.schedules.interval import Interval
from shared.domain.schedules.kinds import Schedule
from shared.domain.schedules.monthly import Monthly, OnDay, ShortMonths
from shared.domain.schedules.words import MONTHS, listed, members, on_weekdays, ordinal, special_words

_LEAST_RUN = 3
_MOST_SHOWN = 8
_SHORT = timedelta(seconds=10)
_SURE_DAYS = 28
_COMMON_YEAR = 2023


@dataclass(frozen=True, slots=True)
class Part:
    """One field of an expression: where it stands in the text, and what it says."""

    name: str
    label: str
    """The name in words: `day of the month`."""
    text: str
    begin: int
    end: int
    words: str
    """Empty where it cannot be understood."""
    problem: str = ""
    """Why it cannot be understood, and what would be right."""


def explained(text: str) -> list[Part]:
    """Return the fields of an expression as they were typed; none where their number says nothing."""
    normal = " ".join(text.split())
    normal = MACROS.get(normal.lower(), normal)
    pieces = list(re.finditer(r"[^ ]+", normal))
    return list(map(_part, LAYOUTS.get(len(pieces), ()), pieces))


def warnings(schedule: Schedule) -> list[str]:
    """Return what a person may not expect of this schedule, one sentence each."""
    match schedule:
        case Interval() if schedule.every < _SHORT:
            return ["This is every few seconds: the overlap rule says what becomes of runs that take longer."]
        case Cron():
            return list(_of_cron(read(schedule.expr)))
        case Monthly(on=OnDay(day=int(day), short_months=ShortMonths.SKIP)) if day > _SURE_DAYS:
            return [f"Months without a day {day} have no run."]
        case _:
            return []


def _of_cron(expression: Expression) -> Iterator[str]:
    day, weekday = expression.field("day"), expression.field("weekday")
    assert day is not None
    assert weekday is not None
    if expression.days.either and not (day.is_all and weekday.is_all):
        yield (
            "It runs when either day field matches: the day of the month or the day of the week. "
            "Begin one of them with * to ask for both."
        )
    elif not (day.is_all or weekday.is_all):
        yield "It runs only when both day fields match, because one of them begins with *."
    days = members(day.bits)
    if not day.specials and not expression.days.either and _is_missing(days[0], expression):
        yield f"Months without a day {days[0]} have no run. Write L for the last day of every month."


def _is_missing(day: int, expression: Expression) -> bool:
    month = expression.field("month")
    assert month is not None
    return any(day > monthrange(_COMMON_YEAR, one)[1] for one in members(month.bits))


def _part(field: Field, piece: re.Match[str]) -> Part:
    part = Part(field.name, field.words, piece.group(), piece.start(), piece.end(), "")
    try:
        return replace(part, words=_words(field, part))
    except ScheduleError as error:
        # The message names the field first, and so does the part.
        return replace(part, problem=error.message.partition(": ")[2])


def _words(field: Field, part: Part) -> str:
    plain = expanded(field, part.text, lambda _limit: 0)
    said = _said(parse_field(field, plain, part.begin))
    return said if plain == part.text else "a value chosen for the job"


def _said(field: Parsed) -> str:
    name = field.field.name
    if field.is_all:
        return f"every {_UNIT.get(name, name)}"
    if name == "weekday":
        plain = [on_weekdays(field.bits).removeprefix("on ").removeprefix("at ")] if field.bits else []
        return listed([*plain, *special_words(field.specials)])
    values = sorted(field.years) if name == "year" else members(field.bits)
    if not values:
        return listed(special_words(field.specials))
    return listed([_values(field, values), *special_words(field.specials)])


_UNIT = MappingProxyType({"day": "day of the month", "weekday": "day of the week"})


def _values(field: Parsed, values: list[int]) -> str:
    name = field.field.name
    shown = [_value(name, value) for value in values]
    steps = {after - before for before, after in pairwise(values)}
    hours = f"hour{'s' * (len(values) > 1)} " if name == "hour" else ""
    if len(values) < _LEAST_RUN or len(steps) > 1:
        if len(values) > _MOST_SHOWN:
            shown[_MOST_SHOWN - 1 :] = [f"{len(values) - _MOST_SHOWN + 1} more"]
        return f"{hours}{listed(shown)}"
    step = steps.pop()
    span = f"{shown[0]} to {shown[-1]}"
    if step == 1:
        return f"{hours}{span}"
    is_whole = values[0] == field.field.first and values[-1] + step > field.field.last
    return f"every {step} {name}s" if is_whole else f"every {step} {name}s from {span}"


def _value(name: str, value: int) -> str:
    match name:
        case "month":
            return MONTHS[value]
        case "day":
            return f"the {ordinal(value)}"
        case "minute" | "second":
            return f":{value:02}"
        case "hour":
            return f"{value:02}"
        case _:
            return str(value)

"""Cron expressions: cron(5)'s language with seconds, years, L, W, # and H, read once into a rule.

Five fields are minute, hour, day of month, month, day of week; a sixth is put in front and counts
seconds, a seventh is put at the end and names years. Where minute, hour or second begins with `*` the
schedule follows real time; else it names times of day. Days match as in cron(5) of Debian: both day
fields must, if one of them begins with `*`; else one is enough.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from types import MappingProxyType

from shared.domain.errors import ScheduleError
from shared.domain.schedules.cron_fields import FIELDS, Field, Parsed, expanded, parse_field
from shared.domain.schedules.days import DateFields
from shared.domain.schedules.interval import Interval
from shared.domain.schedules.rule import Rule
from shared.domain.schedules.wall_clock import WallClock
from shared.domain.schedules.words import cron_words

MAX_TEXT = 255
MACROS = MappingProxyType(
    {
        "@yearly": "0 0 1 1 *",
        "@annually": "0 0 1 1 *",
        "@monthly": "0 0 1 * *",
        "@weekly": "0 0 * * 0",
        "@daily": "0 0 * * *",
        "@midnight": "0 0 * * *",
        "@hourly": "0 * * * *",
    }
)
_UNITS = MappingProxyType({"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1})
LAYOUTS = MappingProxyType({5: FIELDS[1:6], 6: FIELDS[:6], 7: FIELDS})


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that was understood: each field with its values, in the order of the text."""

    fields: tuple[Parsed, ...]

    def field(self, name: str) -> Parsed | None:
        """Return the field of this name; None where the expression has none."""
        return next((one for one in self.fields if one.field.name == name), None)

    @property
    def rule(self) -> Rule:
        """Return what it means."""
        times = [one for name in ("second", "minute", "hour") if (one := self.field(name)) is not None]
        bits = {one.field.name: one.bits for one in times}
        return Rule(
            days=self.days,
            hours=bits["hour"],
            minutes=bits["minute"],
            seconds=bits.get("second", 1),
            is_fixed=not any(one.text.startswith("*") for one in times),
        )

    @property
    def days(self) -> DateFields:
        """Return the days that it names."""
        day, month, weekday = (one for name in ("day", "month", "weekday") if (one := self.field(name)))
        year = self.field("year")
        return DateFields(
            days=day.bits,
            months=month.bits,
            weekdays=weekday.bits,
            years=frozenset() if year is None or year.is_all else year.years,
            day_specials=day.specials,
            weekday_specials=weekday.specials,
            either=not (day.is_star or weekday.is_star),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """A cron expression in normal form: no macro, no `H`; `typed` is what a person wrote, if that differs."""

    expr: str
    typed: str | None = None

    def __post_init__(self) -> None:
        read(self.expr)

    def fires(self, zone: str) -> WallClock:
        """Return its instants in a zone."""
        return WallClock(read(self.expr).rule, zone)

    def describe(self) -> str:
        """Say the schedule in one English phrase."""
        return cron_words(read(self.expr).rule)


def parse_cron(text: str, *, seed: str | None = None, anchor: datetime | None = None) -> Cron | Interval:
    """Return what a person's expression says, with each `H` replaced by the value that `seed` chooses.

    The seed is the job's id; without one the expression itself chooses. `@every 5m` is an interval, counted
    from `anchor`.

    Raises:
        ScheduleError: names the part that is wrong and what would be right.
    """
    normal = _normal(text)
    name, _, rest = normal.partition(" ")
    if name.lower() == "@every":
        return _every(rest, anchor)
    if name.startswith("@"):
        return _macro(name.lower(), rest)
    plain = _without_hashes(normal, seed or normal)
    return Cron(expr=plain, typed=normal if normal != plain else None)


@lru_cache(maxsize=8192)
def read(text: str) -> Expression:
    """Return the fields of an expression in normal form.

    Raises:
        ScheduleError: names the part that is wrong and what would be right.
    """
    pieces = [(piece.group(), piece.start()) for piece in re.finditer(r"[^ ]+", text)]
    layout = _layout(len(pieces))
    return Expression(
        tuple(parse_field(field, piece, at) for field, (piece, at) in zip(layout, pieces, strict=True))
    )


def _layout(count: int) -> tuple[Field, ...]:
    layout = LAYOUTS.get(count)
    if layout is None:
        raise ScheduleError(
            f"An expression has 5 fields (minute, hour, day, month, weekday), 6 with seconds first, 7 with "
            f"years last; this one has {count}.",
            part="fields",
        )
    return layout


def _normal(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise ScheduleError(
            f"The expression has {len(text)} characters; at most {MAX_TEXT} fit. Make two schedules of it.",
            part="fields",
        )
    strange = re.search(r"[^\x21-\x7e \t]", text)
    if strange is not None:
        raise ScheduleError(
            f"{strange.group()!r} at character {strange.start() + 1} belongs in no expression. Remove it.",
            part="fields",
            place=strange.span(),
        )
    normal = " ".join(text.split())
    if not normal:
        raise ScheduleError("Type an expression, such as 0 9 * * MON-FRI.", part="fields")
    return normal


def _macro(macro: str, rest: str) -> Cron:
    if macro == "@reboot":
        raise ScheduleError(
            "@reboot names no instant: a job belongs to no machine that starts. Choose a time.", part="macro"
        )
    if macro not in MACROS or rest:
        known = ", ".join(MACROS)
        raise ScheduleError(
            f"{f'{macro} {rest}'.strip()[:40]!r} is no macro. Choose one of {known}, @every 5m.", part="macro"
        )
    return Cron(expr=MACROS[macro], typed=macro)


def _every(text: str, anchor: datetime | None) -> Interval:
    compact = text.replace(" ", "").lower()
    if not re.fullmatch(r"(?:[0-9]{1,9}[wdhms])+", compact):
        raise ScheduleError(
            "Give whole numbers with units w, d, h, m or s, such as @every 5m or @every 1h30m.", part="macro"
        )
    if anchor is None:
        raise ScheduleError("@every needs an instant from which to count.", part="anchor")
    seconds = sum(int(count) * _UNITS[unit] for count, unit in re.findall(r"([0-9]+)([wdhms])", compact))
    return Interval(every=timedelta(seconds=seconds), anchor=anchor)


def _without_hashes(text: str, seed: str) -> str:
    pieces = text.split(" ")
    layout = LAYOUTS.get(len(pieces))
    if layout is None:
        return text

    def chosen(field: Field) -> Callable[[int], int]:
        digest = hashlib.sha256(f"{field.name}|{seed}".encode()).digest()
        number = int.from_bytes(digest[:8], "big")
        return lambda limit: number % limit

    return " ".join(
        expanded(field, piece, chosen(field)) for field, piece in zip(layout, pieces, strict=True)
    )

"""Schedules as plain values, as they stand in the database and are sent over HTTP."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, assert_never

from shared.domain.errors import ScheduleError
from shared.domain.schedules.cron import Cron, parse_cron
from shared.domain.schedules.cron_fields import DAYS
from shared.domain.schedules.daily import Daily
from shared.domain.schedules.hourly import Hourly
from shared.domain.schedules.interval import Interval
from shared.domain.schedules.kinds import Schedule
from shared.domain.schedules.manual import Manual
from shared.domain.schedules.monthly import Monthly, OnDay, OnWeekday, ShortMonths
from shared.domain.schedules.once import Once
from shared.domain.schedules.times import checked_time, clock_text
from shared.domain.schedules.weekly import Weekly

_DAY_NAMES = tuple(name.lower() for name in DAYS)


def to_json(schedule: Schedule) -> dict[str, object]:  # noqa: C901, PLR0911 - a line for each kind
    """Return the schedule as plain values; `from_json` reads them back to an equal one."""
    match schedule:
        case Interval():
            every_s = int(schedule.every.total_seconds())
            return {"kind": "interval", "every_s": every_s, "anchor": schedule.anchor.isoformat()}
        case Hourly():
            return {"kind": "hourly", "minute": schedule.minute}
        case Daily():
            return {
                "kind": "daily",
                "at": clock_text(schedule.at),
                **_counted(schedule.every, schedule.start),
            }
        case Weekly():
            # Monday first, as weeks are read.
            days = [_DAY_NAMES[day] for day in sorted(schedule.days, key=lambda day: (day - 1) % 7)]
            counted = _counted(schedule.every, schedule.start)
            return {"kind": "weekly", "at": clock_text(schedule.at), "days": days, **counted}
        case Monthly():
            return {"kind": "monthly", "at": clock_text(schedule.at), **_day_json(schedule.on)}
        case Once():
            return {"kind": "once", "at": schedule.at.isoformat()}
        case Cron():
            typed = {} if schedule.typed is None else {"typed": schedule.typed}
            return {"kind": "cron", "expr": schedule.expr, **typed}
        case Manual():
            return {"kind": "manual"}
        case _:
            assert_never(schedule)


def from_json(  # noqa: C901, PLR0911 - a line for each kind
    value: Mapping[str, object], *, anchor: datetime | None = None, seed: str | None = None
) -> Schedule:
    """Return the schedule that these plain values say.

    `anchor` is used by an interval that brings none of its own: the instant of its creation. `seed`, the
    job's id, chooses what an `H` in a cron expression stands for.

    Raises:
        ScheduleError: names the field, and the part of the schedule, that is wrong.
    """
    match value.get("kind"):
        case "interval":
            return Interval(every=_every(value.get("every_s")), anchor=_anchor(value.get("anchor"), anchor))
        case "hourly":
            return Hourly(minute=_whole(value, "minute"))
        case "daily":
            return Daily(
                at=checked_time(value.get("at")), every=_whole(value, "every", 1), start=_start(value)
            )
        case "weekly":
            return _weekly(value)
        case "monthly":
            return Monthly(at=checked_time(value.get("at")), on=_on(value))
        case "once":
            return Once(at=_local(value.get("at")))
        case "cron":
            return _cron(value, anchor=anchor, seed=seed)
        case "manual":
            return Manual()
        case kind:
            raise ScheduleError(
                f"{str(kind)[:40]!r} is no kind of schedule. Choose interval, hourly, daily, weekly, "
                "monthly, once, cron or manual."
            )


def _counted(every: int, start: date | None) -> dict[str, object]:
    return {} if start is None else {"every": every, "start": start.isoformat()}


def _day_json(on: OnDay | OnWeekday) -> dict[str, object]:
    match on:
        case OnDay(day=None):
            return {"day": "last"}
        case OnDay():
            return {"day": on.day, "short_months": str(on.short_months)}
        case OnWeekday():
            nth = "last" if on.nth is None else on.nth
            return {"weekday": _DAY_NAMES[on.weekday], "nth": nth}
        case _:
            assert_never(on)


def _weekly(value: Mapping[str, object]) -> Weekly:
    days = value.get("days")
    if not isinstance(days, list | tuple):
        raise ScheduleError("Choose at least one day of the week.", part="days")
    return Weekly(
        at=checked_time(value.get("at")),
        days=frozenset(_weekday(day, "days") for day in days),
        every=_whole(value, "every", 1),
        start=_start(value),
    )


def _on(value: Mapping[str, object]) -> OnDay | OnWeekday:
    if "weekday" in value:
        nth = None if value.get("nth") == "last" else _whole(value, "nth")
        return OnWeekday(weekday=_weekday(value["weekday"], "weekday"), nth=nth)
    if value.get("day") == "last":
        return OnDay(day=None)
    try:
        short = ShortMonths(str(value.get("short_months", "clamp")))
    except ValueError:
        raise ScheduleError("Choose clamp or skip for shorter months.", part="short_months") from None
    return OnDay(day=_whole(value, "day"), short_months=short)


def _cron(value: Mapping[str, object], *, anchor: datetime | None, seed: str | None) -> Cron | Interval:
    expr, typed = value.get("expr"), value.get("typed")
    if not isinstance(expr, str):
        raise ScheduleError("Type an expression, such as 0 9 * * MON-FRI.", part="fields")
    read = parse_cron(expr, seed=seed, anchor=anchor)
    if isinstance(read, Cron) and isinstance(typed, str) and read.typed is None and typed != read.expr:
        return Cron(expr=read.expr, typed=typed[:255])
    return read


def _weekday(value: object, part: str) -> int:
    if str(value) not in _DAY_NAMES:
        raise ScheduleError("Write days of the week as mon, tue, wed, thu, fri, sat, sun.", part=part)
    return _DAY_NAMES.index(str(value))


def _whole(value: Mapping[str, object], part: str, default: int | None = None) -> int:
    number: Any = value.get(part, default)
    if isinstance(number, bool) or not isinstance(number, int):
        raise ScheduleError(f"Give {part.replace('_', ' ')} as a whole number.", part=part)
    return number


def _start(value: Mapping[str, object]) -> date | None:
    start = value.get("start")
    if start is None:
        return None
    try:
        return date.fromisoformat(str(start))
    except ValueError:
        raise ScheduleError("Give the start as a date, such as 2026-12-01.", part="start") from None


def _local(value: object) -> datetime:
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        raise ScheduleError("Give the local date and time, such as 2026-12-01T09:00.", part="at") from None


def _every(value: object) -> timedelta:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ScheduleError("Give the interval as a whole number of seconds, 1 or more.", field="every_s")
    try:
        return timedelta(seconds=value)
    except OverflowError:
        raise ScheduleError("The interval is too long. Choose at most 366 days.", field="every_s") from None


def _anchor(value: object, default: datetime | None) -> datetime:
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            raise ScheduleError("The anchor is no instant in ISO 8601.", part="anchor") from None
    if default is None:
        raise ScheduleError(
            "An interval needs an anchor: an instant in ISO 8601 with its offset.", part="anchor"
        )
    return default

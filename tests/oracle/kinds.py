"""Models of the stored JSON forms of a schedule, and what each fires: the oracle's front door."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from tests.oracle import cron
from tests.oracle.cron import OnDate
from tests.oracle.model import LAST_YEAR, Elapsed, Model
from tests.oracle.wall import DAY, fires_of_day, steady_offset, walk_of_day

WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def model_of(form: dict[str, Any]) -> Model | Elapsed | None:
    """Return the model of a schedule's JSON form; None is the schedule that never fires."""
    return _MODELS[form["kind"]](form)


def _hourly(form: dict[str, Any]) -> Model:
    at = frozenset({form["minute"]})
    return Model(lambda day: True, frozenset(range(24)), at, frozenset({0}), wildcard=True)


def _once(form: dict[str, Any]) -> Model:
    at = datetime.fromisoformat(form["at"])
    return _fixed(at.time(), lambda day: day == at.date())


def _dated(rule: Callable[[dict[str, Any], date], bool]) -> Callable[[dict[str, Any]], Model]:
    return lambda form: _fixed(time.fromisoformat(form["at"]), lambda day: rule(form, day))


def _fixed(at: time, on_date: OnDate) -> Model:
    return Model(
        on_date, frozenset({at.hour}), frozenset({at.minute}), frozenset({at.second}), wildcard=False
    )


def _daily(form: dict[str, Any], day: date) -> bool:
    if form.get("every", 1) == 1:
        return True
    start = date.fromisoformat(form["start"])
    return day >= start and (day - start).days % form["every"] == 0


def _weekly(form: dict[str, Any], day: date) -> bool:
    if WEEKDAYS[day.weekday()] not in form["days"]:
        return False
    if form.get("every", 1) == 1:
        return True
    start = date.fromisoformat(form["start"])
    return day >= start and (_monday(day) - _monday(start)).days // 7 % form["every"] == 0


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _monthly(form: dict[str, Any], day: date) -> bool:
    is_last = (day + DAY).month != day.month
    if "weekday" in form:
        if WEEKDAYS[day.weekday()] != form["weekday"]:
            return False
        if form["nth"] == "last":
            return (day + timedelta(days=7)).month != day.month
        return (day.day - 1) // 7 + 1 == form["nth"]
    if form["day"] == "last":
        return is_last
    return day.day == form["day"] or (form["short_months"] == "clamp" and is_last and day.day < form["day"])


_MODELS: dict[str, Callable[[dict[str, Any]], Model | Elapsed | None]] = {
    "manual": lambda form: None,
    "interval": lambda form: Elapsed(
        datetime.fromisoformat(form["anchor"]), timedelta(seconds=form["every_s"])
    ),
    "cron": lambda form: cron.read(form["expr"]),
    "hourly": _hourly,
    "once": _once,
    "daily": _dated(_daily),
    "weekly": _dated(_weekly),
    "monthly": _dated(_monthly),
}


def between(model: Model | Elapsed | None, zone: str, after: datetime, until: datetime) -> list[datetime]:
    """Return all fires in (after, until], date by date."""
    if model is None:
        return []
    if isinstance(model, Elapsed):
        return model.between(after, until)
    found: set[datetime] = set()
    day = after.astimezone(UTC).date() - 2 * DAY
    while day <= until.astimezone(UTC).date() + 2 * DAY:
        if model.on_date(day):
            found.update(on_day(model, zone, day))
        day += DAY
    return sorted(instant for instant in found if after < instant <= until)


def on_day(model: Model, zone: str, day: date) -> Iterator[datetime]:
    """Yield what fires for the wall times of one local date."""
    offset = steady_offset(zone, day)
    if offset is None:
        yield from fires_of_day(model, walk_of_day(zone, day), day)
        return
    for hour in model.hours:
        for minute in model.minutes:
            for second in model.seconds:
                yield datetime.combine(day, time(hour, minute, second), UTC) - offset


def next_after(model: Model | Elapsed | None, zone: str, after: datetime) -> datetime | None:
    """Return the first fire after an instant in a local year up to 2199, one date after another."""
    if model is None:
        return None
    if isinstance(model, Elapsed):
        return max(model.anchor + model.step, _on_grid(model, after) + model.step)
    return _nearest(model, zone, after, direction=1)


def last_until(model: Model | Elapsed | None, zone: str, until: datetime) -> datetime | None:
    """Return the newest fire at or before an instant, in a local year since 1970."""
    if model is None:
        return None
    if isinstance(model, Elapsed):
        return fire if (fire := _on_grid(model, until)) > model.anchor else None
    return _nearest(model, zone, until, direction=-1)


def _on_grid(model: Elapsed, instant: datetime) -> datetime:
    return model.anchor + (instant - model.anchor) // model.step * model.step


def _nearest(model: Model, zone: str, instant: datetime, *, direction: int) -> datetime | None:
    """Look two dates further than the first date with a fire: around a change the dates interleave."""
    day, found, further = instant.date() - direction * 2 * DAY, set(), 2
    while 1970 <= day.year <= LAST_YEAR and further:
        if model.on_date(day):
            found |= {
                fire
                for fire in on_day(model, zone, day)
                if (fire > instant if direction > 0 else fire <= instant)
            }
        further -= bool(found)
        day += direction * DAY
    return (min if direction > 0 else max)(found, default=None)

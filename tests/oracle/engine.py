"""The product's engine, asked as the model is asked: a JSON form and a zone in, a timetable out."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from shared.domain.errors import ScheduleError
from shared.domain.schedules import Cron, Schedule, Timetable, from_json, parse_cron, timetable
from tests.oracle import kinds

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def made(form: dict[str, Any], zone: str) -> Timetable:
    """Return the engine's timetable; a cron expression goes through the parser as a person typed it.

    What the parser refuses must never fire by the model either; the value itself is asked then.
    """
    try:
        schedule: Schedule = parse_cron(form["expr"]) if form["kind"] == "cron" else from_json(form)
    except ScheduleError:
        if kinds.next_after(kinds.model_of(form), "UTC", _BEGINNING) is not None:
            raise
        schedule = Cron(expr=" ".join(form["expr"].upper().split()))
    return timetable(schedule, zone)


def emitting(form: dict[str, Any], zone: str) -> Callable[[datetime, datetime], Iterable[datetime]]:
    """Return what decides the runs in (cursor, now] when nothing that was missed may be lost."""
    return made(form, zone).between

"""The product's engine, asked as the model is asked: a JSON form and a zone in, a timetable out."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from shared.domain.schedules import Timetable, from_json, parse_cron, timetable


def made(form: dict[str, Any], zone: str) -> Timetable:
    """Return the engine's timetable; a cron expression goes through the parser as a person typed it."""
    schedule = parse_cron(form["expr"]) if form["kind"] == "cron" else from_json(form)
    return timetable(schedule, zone)


def emitting(form: dict[str, Any], zone: str) -> Callable[[datetime, datetime], Iterable[datetime]]:
    """Return what decides the runs in (cursor, now] when nothing that was missed may be lost."""
    return made(form, zone).between

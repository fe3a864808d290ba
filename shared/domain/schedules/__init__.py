"""The closed union of schedule kinds, and their form in the database and on the wire."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypeAlias, assert_never

from shared.domain.errors import InvalidInput
from shared.domain.schedules.interval import Interval
from shared.domain.schedules.manual import Manual

__all__ = ["Interval", "Manual", "Schedule", "from_json", "to_json"]

Schedule: TypeAlias = Interval | Manual


def to_json(schedule: Schedule) -> dict[str, object]:
    """Return the schedule as plain values; `from_json` reads them back to an equal one."""
    match schedule:
        case Interval():
            return {
                "kind": "interval",
                "every_s": int(schedule.every.total_seconds()),
                "anchor": schedule.anchor.isoformat(),
            }
        case Manual():
            return {"kind": "manual"}
        case _:
            assert_never(schedule)


def from_json(value: Mapping[str, object], *, anchor: datetime | None = None) -> Schedule:
    """Return the schedule that these plain values say.

    `anchor` is used by an interval that brings none of its own: the instant of its creation.

    Raises:
        InvalidInput: on field `schedule` or `every_s`.
    """
    match value.get("kind"):
        case "interval":
            return Interval(every=_every(value.get("every_s")), anchor=_anchor(value.get("anchor"), anchor))
        case "manual":
            return Manual()
        case kind:
            raise InvalidInput("schedule", f"{kind!r} is no kind of schedule. Choose interval or manual.")


def _every(value: object) -> timedelta:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidInput("every_s", "Give the interval as a whole number of seconds, 1 or more.")
    try:
        return timedelta(seconds=value)
    except OverflowError:
        raise InvalidInput("every_s", "The interval is too long. Choose at most 366 days.") from None


def _anchor(value: object, default: datetime | None) -> datetime:
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            raise InvalidInput("schedule", "The anchor is no instant in ISO 8601.") from None
    if default is None:
        raise InvalidInput("schedule", "An interval needs an anchor: an instant in ISO 8601 with its offset.")
    return default

"""Jobs of the older portals, from the rows of their table `scheduled_jobs`. Pure.

Those portals asked for a time in Hong Kong and stored it in UTC, eight hours earlier: 09:00 as `01:00`, and
07:00 as `23:00` of the day before, so that a Monday became a Sunday and the 1st the 31st. Here times go back
to the clock of Hong Kong, days with them; it has not been set since 1979, so every instant stays.
"""

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any, Final

from services.cli.taken import JOB_TIMEOUT_S, Imported, Told, free_name
from shared.domain.errors import InvalidInput
from shared.domain.job import Definition, checked_definition
from shared.domain.schedules import Schedule, from_json, timetable

ZONE: Final = "Asia/Hong_Kong"
_AHEAD_H: Final = 8
_DAY_H: Final = 24
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONG_MONTH, _SHORT_MONTH = 31, 28
_TAG = "older-portal"
_FOLDERS = re.compile(r"(?:\./)?(?:app/)?scripts/")
_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class _Timed:
    """When a job runs: as a file says it, and what is to be told of it."""

    schedule: Mapping[str, object] | None
    notes: tuple[str, ...] = ()


def jobs_of(rows: Iterable[Mapping[str, Any]]) -> Imported:
    """Return the jobs of these rows and what is to be told of each; a column that is not there is empty."""
    jobs: dict[str, dict[str, object]] = {}
    told: list[Told] = []
    for row in rows:
        at, text = (
            f"job {row.get('id')}",
            " ".join(f"{row.get(name)}" for name in ("name", "script_path"))[:200],
        )
        try:
            entry, words, notes = _entry(row)
            wanted = str(row.get("name") or "").strip() or PurePosixPath(str(entry["script"])).stem
            name = free_name([wanted], jobs)
            checked_definition(Definition(name=name, script=str(entry["script"])))
        except InvalidInput as error:
            told.append(Told(at=at, text=text, reason=error.message))
            continue
        if name != wanted:
            notes = (*notes, f"Another job is called {wanted[:80]!r}, too: this one was given a number.")
        jobs[name] = entry
        told.append(Told(at=at, text=text, job=name, words=words, notes=notes))
    return Imported(jobs=jobs, told=told)


def _entry(row: Mapping[str, Any]) -> tuple[dict[str, object], str, tuple[str, ...]]:
    next_run = _instant(row.get("next_run"))
    timed = _timed(row, next_run)
    is_active = str(row.get("is_active", True)).lower() not in {"0", "false", "f", "no", "none"}
    entry: dict[str, object] = {
        "paused": not is_active,
        "script": _FOLDERS.sub("", str(row.get("script_path") or ""), count=1),
        "args": _args(row.get("script_args")),
        "schedules": [] if timed.schedule is None else [dict(timed.schedule)],
        "tags": [_TAG],
        "timeout_s": JOB_TIMEOUT_S,
    }
    said = {key: value for key, value in entry.items() if value not in (False, [])}
    if timed.schedule is None:
        return said, "on demand", timed.notes
    schedule = from_json(timed.schedule, anchor=_EPOCH)
    paused = "" if is_active else ", paused"
    notes = (*timed.notes, *_disagreement(schedule, next_run if is_active else None))
    return said, f"{schedule.describe()} ({ZONE}){paused}", notes


def _timed(row: Mapping[str, Any], next_run: datetime | None) -> _Timed:
    match str(row.get("schedule_type") or "interval").strip().lower():
        case "interval":
            return _interval(row.get("interval_seconds"), next_run)
        case "manual":
            return _Timed(None)
        case "hourly":
            return _Timed({"kind": "hourly", "minute": _clock(row.get("schedule_time"))[1]})
        case "daily":
            return _Timed({"kind": "daily", "at": _local(row)[0]})
        case "weekly":
            return _weekly(row)
        case "monthly":
            return _monthly(row)
        case kind:
            raise InvalidInput("schedule_type", f"Its schedule_type is {kind[:40]!r}, which nobody knows.")


def _interval(seconds: object, next_run: datetime | None) -> _Timed:
    every = _whole("interval_seconds", seconds)
    from_json({"kind": "interval", "every_s": every}, anchor=_EPOCH)  # before it is reckoned with
    # Fires come after the anchor: the next run is the first of them, and its grid goes on.
    anchor = {} if next_run is None else {"anchor": (next_run - timedelta(seconds=every)).isoformat()}
    schedule = {"kind": "interval", "every_s": every, **anchor}
    return _Timed(schedule, () if anchor else ("Its next run is not known: it counts from when it is made.",))


def _weekly(row: Mapping[str, Any]) -> _Timed:
    at, is_shifted = _local(row)
    day = _whole("schedule_day", row.get("schedule_day"))
    if not 0 <= day < len(_DAYS):
        raise InvalidInput("schedule_day", f"Its schedule_day is {day}, and a week has days 0 to 6.")
    local = _DAYS[(day + is_shifted) % len(_DAYS)]
    notes = (f"It was stored for {_DAYS[day]} in UTC: in Hong Kong that is {local}.",) if is_shifted else ()
    return _Timed({"kind": "weekly", "at": at, "days": [local]}, notes)


def _monthly(row: Mapping[str, Any]) -> _Timed:
    at, is_shifted = _local(row)
    day = _whole("schedule_day", row.get("schedule_day"))
    if not (0 if is_shifted else 1) <= day <= _LONG_MONTH:
        raise InvalidInput("schedule_day", f"Its schedule_day is {day}, and no month has that day.")
    local = (1 if day == _LONG_MONTH else day + 1) if is_shifted else day
    notes = [f"It was stored for day {day} in UTC: in Hong Kong that is day {local}."] if is_shifted else []
    if local > _SHORT_MONTH:
        notes.append("In shorter months it runs on the last day: choose otherwise in the job, if you like.")
    if is_shifted and day >= _SHORT_MONTH:
        notes.append("The day before depends on the month's length: see that this is the day that was meant.")
    return _Timed({"kind": "monthly", "at": at, "day": local, "short_months": "clamp"}, tuple(notes))


def _local(row: Mapping[str, Any]) -> tuple[str, bool]:
    """Return the time on Hong Kong's clock, and whether that is a day later than in UTC."""
    hour, minute = _clock(row.get("schedule_time"))
    return f"{(hour + _AHEAD_H) % _DAY_H:02}:{minute:02}", hour + _AHEAD_H >= _DAY_H


def _clock(text: object) -> tuple[int, int]:
    match = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::00)?", str(text).strip())
    if match is None:
        raise InvalidInput(
            "schedule_time", f"Its schedule_time is {str(text)[:40]!r}, and no time such as 01:30."
        )
    return int(match[1]), int(match[2])


def _args(value: object) -> list[str]:
    text = str(value or "").strip()
    try:
        listed = json.loads(text) if text.startswith("[") else None
    except (ValueError, RecursionError):
        listed = None
    if isinstance(listed, list) and all(isinstance(one, str) for one in listed):
        return list(listed)
    try:
        return shlex.split(text)
    except ValueError:
        raise InvalidInput(
            "script_args", f"Its arguments {text[:80]!r} have a quote that does not end."
        ) from None


def _whole(field: str, value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise InvalidInput(field, f"Its {field} is {str(value)[:40]!r}, and no whole number.") from None


def _instant(value: object) -> datetime | None:
    """Return an instant that was stored in UTC, as databases give it; None: there is none, or it is none."""
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at.replace(microsecond=0) if at >= _EPOCH else None


def _disagreement(schedule: Schedule, next_run: datetime | None) -> tuple[str, ...]:
    """Hold the schedule against the next run that the older portal had reckoned."""
    if next_run is None:
        return ()
    try:
        found = timetable(schedule, ZONE).next_after(next_run - timedelta(seconds=1))
    except OverflowError:
        return ()
    if found == next_run:
        return ()
    then = "never" if found is None else f"{found + timedelta(hours=_AHEAD_H):%Y-%m-%d %H:%M}"
    was = f"{next_run + timedelta(hours=_AHEAD_H):%Y-%m-%d %H:%M}"
    return (f"Its next run was to be {was} in Hong Kong; by its times the next is {then}. Look at it.",)

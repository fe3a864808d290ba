"""Expressions and crontabs in words and instants, for people and as JSON lines."""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from shared.domain.errors import InvalidInput, ScheduleError
from shared.domain.schedules import (
    Schedule,
    Timetable,
    check_possible,
    checked_zone,
    instant_of,
    parse_cron,
    timetable,
)
from shared.domain.schedules.zones import EPOCH
from shared.runtime.clock import SystemClock

MOST_FIRES = 10_000
LAST_INSTANT = datetime.max.replace(tzinfo=UTC)
_AHEAD = timedelta(days=366)
MACRO_AND_COMMAND = re.compile(r"(@every[ \t]+\S+|@\S+)(?:[ \t]+(.*))?")
FIELDS_AND_COMMAND = re.compile(r"(\S+(?:[ \t]+\S+){0,4})(?:[ \t]+(.*))?")
VARIABLE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*(.*)")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a crontab that is to fire, in the zone that holds there."""

    number: int
    expr: str
    command: str
    zone: str


def show_next(expr: str, *, zone: str, start: str | None, count: int, seed: str | None, as_json: bool) -> int:
    """Print the expression in words and its next fires; return 1 when it is wrong or never fires."""
    try:
        after = _instant(start, checked_zone(zone))
        schedule = parse_cron(expr, seed=seed, anchor=after)
    except InvalidInput as error:
        _complain(error, expr, as_json=as_json)
        return 1
    fires = timetable(schedule, zone)
    found = _first(fires, after, count)
    if as_json:
        print(
            json.dumps({"text": schedule.describe(), "zone": zone, "fires": [at.isoformat() for at in found]})
        )
        return 0 if found else 1
    print(f"{schedule.describe()} ({zone})")
    for at in found:
        print(f"  {_local(at, zone)}   {at:%Y-%m-%dT%H:%M:%SZ}")
    for note in fires.transitions(after, min(found[-1], after + _AHEAD) if found else after):
        print(f"  {note.text}")
    if not found:
        print("  It never fires after that instant, in no year up to 2199.")
    return 0 if found else 1


def answer_all(lines: Iterable[str]) -> int:
    """Answer each JSON line by one; what cannot be answered is an answer too, so return 0."""
    for line in lines:
        if line.strip():
            print(json.dumps(_answer(line)), flush=True)
    return 0


def check_file(file: Path, *, zone: str, as_json: bool) -> int:
    """Say what each line of a crontab means and when it fires next; return 1 when one is wrong."""
    try:
        checked_zone(zone)
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8", "replace")
    except (OSError, ScheduleError) as error:
        reason = (
            f"{file}: {error.strerror}. Name a file that can be read, or -."
            if isinstance(error, OSError)
            else error
        )
        print(reason, file=sys.stderr)
        return 1
    now, wrong, lines = SystemClock().now(), 0, 0
    for line in lines_of(text, zone):
        lines += 1
        wrong += not _check(line, now, as_json=as_json)
    if not as_json:
        print(f"{lines} lines that fire, {wrong} wrong")
    return 1 if wrong else 0


def lines_of(text: str, zone: str) -> Iterator[Line]:
    """Yield the lines that fire; `CRON_TZ=` and `TZ=` set the zone of those that follow (crontab(5))."""
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip(" \t")
        if not line or line.startswith("#"):
            continue
        variable = VARIABLE.fullmatch(line)
        if variable is not None:
            if variable[1] in {"CRON_TZ", "TZ"}:
                zone = variable[2].strip().strip("\"'")
            continue
        match = (MACRO_AND_COMMAND if line.startswith("@") else FIELDS_AND_COMMAND).fullmatch(line)
        assert match is not None
        yield Line(number, match[1], match[2] or "", zone)


def _check(line: Line, now: datetime, *, as_json: bool) -> bool:
    try:
        schedule: Schedule = parse_cron(line.expr, anchor=now)
        check_possible(schedule, checked_zone(line.zone), now=now)
    except ScheduleError as error:
        if as_json:
            print(json.dumps({"line": line.number, "expr": line.expr, **_error(error)}))
        else:
            print(f"{line.number:>5}  {line.expr}\n{_pointer(error, 7)}       {error.message}")
        return False
    following = next(timetable(schedule, line.zone).between(now, LAST_INSTANT))
    if as_json:
        text = schedule.describe()
        facts = {
            "line": line.number,
            "expr": line.expr,
            "zone": line.zone,
            "text": text,
            "next": following.isoformat(),
        }
        print(json.dumps(facts))
    else:
        print(f"{line.number:>5}  {line.expr:<20} {schedule.describe()}; next {_local(following, line.zone)}")
    return True


def _answer(line: str) -> dict[str, object]:
    try:
        asked = json.loads(line)
        if not isinstance(asked, dict) or not isinstance(asked.get("expr"), str):
            return {
                "error": 'Write one object a line: {"expr": "0 9 * * *", "tz": "UTC", "start": null, "n": 5}.'
            }
        zone, count = checked_zone(str(asked.get("tz") or "UTC")), asked.get("n", 1)
        if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= MOST_FIRES:
            return {"error": f"n is a whole number from 0 to {MOST_FIRES}."}
        after = _instant(asked.get("start"), zone)
        fires = timetable(parse_cron(asked["expr"], anchor=after), zone)
        return {"fires": [at.isoformat() for at in _first(fires, after, count)]}
    except InvalidInput as error:
        return _error(error)
    except ValueError as error:  # of json: the line is none, or too deep
        return {"error": f"This line is no JSON: {error}."}
    except RecursionError:
        return {"error": "This line is no JSON that anybody means: it is nested too deeply."}


def _first(fires: Timetable, after: datetime, count: int) -> list[datetime]:
    return list(islice(fires.between(after, LAST_INSTANT), count))


def _instant(text: object, zone: str) -> datetime:
    if text is None:
        return SystemClock().now()
    problem = InvalidInput(
        "start", f"{str(text)[:40]!r} is no instant in ISO 8601, such as 2026-03-29T00:00+01:00."
    )
    try:
        at = datetime.fromisoformat(str(text))
        if at.tzinfo is not None:
            return at.astimezone(UTC)
        found = instant_of(at, zone) if EPOCH.year < at.year else EPOCH
    except (ValueError, OverflowError):
        raise problem from None
    if found is None:
        raise problem
    return found


def _complain(error: InvalidInput, expr: str, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(_error(error)))
        return
    if isinstance(error, ScheduleError) and error.place is not None:
        print(f"{' '.join(expr.split())}\n{_pointer(error, 0)}", end="", file=sys.stderr)
    print(error.message, file=sys.stderr)


def _error(error: InvalidInput) -> dict[str, object]:
    part = {"part": error.part} if isinstance(error, ScheduleError) and error.part else {}
    return {"error": error.message, **part}


def _pointer(error: ScheduleError, indent: int) -> str:
    if error.place is None:
        return ""
    start, end = error.place
    return f"{' ' * (indent + start)}{'^' * (end - start)}\n"


def _local(at: datetime, zone: str) -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%a %d %b %Y %H:%M:%S %z}"

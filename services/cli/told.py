"""How the command line says things: tables, times, durations and states, for people.

What comes from a portal may hold anything: control characters are shown as their pictures, so that no name
moves the cursor, and columns are as wide as a terminal draws them.
"""

import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

_GREEN, _RED, _YELLOW, _BLUE, _GREY = "32", "31", "33", "34", "90"
_COLOURS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "succeeded": _GREEN,
        "online": _GREEN,
        "running": _BLUE,
        "failed": _RED,
        "timed out": _RED,
        "lost": _RED,
        "offline": _RED,
        "missed": _YELLOW,
        "paused": _YELLOW,
        "draining": _YELLOW,
        "cancelled": _GREY,
        "skipped": _GREY,
        "deleted": _GREY,
    }
)
_STATE, _LAST = "STATE", "LAST"
_CONTROLS: Final = {number: 0x2400 + number for number in range(32)} | {127: 0x2421}
_INVISIBLE: Final = re.compile(r"[\u0080-\u009f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_ESCAPE: Final = re.compile(r"\x1b(?!\[[0-9;:]*m)|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f\x80-\x9f]")
_SECOND: Final = timedelta(seconds=1)
_TENTHS: Final = timedelta(seconds=59.95)
"""Below this, tenths of a second are told; above it they would be a minute."""
_UNITS: Final = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def plain(text: str) -> str:
    """Return the text on one line, in which nothing acts on a terminal or hides."""
    return _INVISIBLE.sub("\ufffd", text.translate(_CONTROLS))


def as_printed(text: str) -> str:
    """Return a script's output for a terminal: lines, tabs and colours act on it, and nothing else."""
    return _ESCAPE.sub(lambda found: found[0].translate(_CONTROLS) if found[0] < "\x80" else "\ufffd", text)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, colour: bool | None = None) -> Iterator[str]:
    """Yield the lines of a table, as wide as it is; states are coloured on a terminal."""
    paints = has_colours() if colour is None else colour
    lines = [list(head), *([plain(cell) for cell in row] for row in rows)]
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
    for number, line in enumerate(lines):
        cells = [
            _painted(cell, head[place] if number and paints else "") + " " * (widths[place] - _width(cell))
            for place, cell in enumerate(line)
        ]
        yield "  ".join(cells).rstrip()


def facts(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield a line for each name and what is known under it; what is empty is left out."""
    known = [(name, plain(value)) for name, value in pairs if value]
    width = max((_width(name) for name, _ in known), default=0)
    for name, value in known:
        yield f"{name:<{width}}  {value}"


def has_colours() -> bool:
    """Say whether stdout is a terminal on which nobody declines colours (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def zone() -> ZoneInfo:
    """Return the zone in which instants are told: PORTAL_DEFAULT_ZONE, else Hong Kong's."""
    try:
        return ZoneInfo(os.environ.get("PORTAL_DEFAULT_ZONE") or "Asia/Hong_Kong")
    except (ValueError, OSError):  # also one that is not known
        return ZoneInfo("Asia/Hong_Kong")


def instant(iso: str | None) -> datetime | None:
    """Return the instant that a portal named in ISO 8601."""
    return None if iso is None else datetime.fromisoformat(iso)


def when(iso: str | None, now: datetime) -> str:
    """Return an instant as `Mon 30 Nov 09:00:00 HKT (in 3 m)`, or a dash."""
    at = instant(iso)
    return "-" if at is None else f"{dated(at, now)} ({away(at, now)})"


def dated(at: datetime, now: datetime) -> str:
    """Return an instant as `Mon 30 Nov 09:00:00 HKT`, with the year where it is another one than now."""
    local = at.astimezone(zone())
    year = "" if local.year == now.astimezone(zone()).year else f" {local.year}"
    return f"{local:%a} {local.day} {local:%b}{year} {local:%H:%M:%S %Z}"


def away(at: datetime, now: datetime) -> str:
    """Return how far an instant is, such as `in 3 m` or `2 d ago`."""
    if -_SECOND < at - now <= timedelta(0):
        return "now"
    return f"in {span(at - now)}" if at > now else f"{span(now - at, most=1)} ago"


def took(milliseconds: int | None) -> str:
    """Return a duration, such as `850 ms`, `1.2 s` or `3 m 5 s`, or a dash."""
    if milliseconds is None:
        return "-"
    length = timedelta(milliseconds=milliseconds)
    if length < _SECOND:
        return f"{milliseconds} ms"
    return f"{milliseconds / 1_000:.1f} s" if length < _TENTHS else span(length)


def span(length: timedelta, *, most: int = 2) -> str:
    """Return a length in so many units at most, to the second."""
    left, words = max(0, round(length.total_seconds())), list[str]()
    for unit, size in _UNITS:
        amount, left = divmod(left, size)
        if amount or (unit == "s" and not words):
            words.append(f"{amount} {unit}")
        elif words:
            break  # "1 h", not "1 h 5 s"
    return " ".join(words[:most])


def state(run: Mapping[str, Any]) -> str:
    """Return the state of a run in words."""
    return "stopping" if run.get("stop_asked_at") else str(run["state"]).replace("_", " ")


def sentence(pieces: Iterable[Mapping[str, Any]], now: datetime) -> str:
    """Return a sentence that comes in pieces, with its instants and durations as they are told here."""
    words = (
        dated(datetime.fromisoformat(one["at"]), now)
        if one.get("at") is not None
        else took(one["ms"])
        if one.get("ms") is not None
        else str(one.get("text") or "")
        for one in pieces
    )
    return plain("".join(words))


def _painted(cell: str, column: str) -> str:
    if column not in {_STATE, _LAST}:
        return cell
    number = next((code for word, code in _COLOURS.items() if cell.startswith(word)), None)
    return cell if number is None else f"\x1b[{number}m{cell}\x1b[0m"


def _width(text: str) -> int:
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1
        for one in text
    )


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)

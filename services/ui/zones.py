"""Time zones as people name them: which can be chosen, and what an abbreviation probably meant."""

import difflib
from functools import cache
from types import MappingProxyType
from typing import Final
from zoneinfo import available_timezones

from shared.domain import schedules as domain
from shared.domain.errors import InvalidInput, ScheduleError

_LONGEST = 64
_LETTERS = 3

# What people write for a zone, and the places that may be meant: an abbreviation is an offset of one
# season, or of several countries, so it can never be a rule.
_MEANT: Final = MappingProxyType(
    {
        "HKT": ("Asia/Hong_Kong",),
        "CST": ("Asia/Shanghai", "America/Chicago"),
        "CDT": ("America/Chicago",),
        "EST": ("America/New_York",),
        "EDT": ("America/New_York",),
        "EST5EDT": ("America/New_York",),
        "CST6CDT": ("America/Chicago",),
        "MST": ("America/Denver", "America/Phoenix"),
        "MDT": ("America/Denver",),
        "MST7MDT": ("America/Denver",),
        "PST": ("America/Los_Angeles",),
        "PDT": ("America/Los_Angeles",),
        "PST8PDT": ("America/Los_Angeles",),
        "HST": ("Pacific/Honolulu",),
        "AKST": ("America/Anchorage",),
        "GMT": ("Europe/London", "Etc/GMT"),
        "BST": ("Europe/London",),
        "WET": ("Europe/Lisbon",),
        "CET": ("Europe/Berlin",),
        "CEST": ("Europe/Berlin",),
        "MET": ("Europe/Berlin",),
        "EET": ("Europe/Athens",),
        "EEST": ("Europe/Athens",),
        "MSK": ("Europe/Moscow",),
        "IST": ("Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"),
        "SGT": ("Asia/Singapore",),
        "JST": ("Asia/Tokyo",),
        "KST": ("Asia/Seoul",),
        "AEST": ("Australia/Sydney", "Australia/Brisbane"),
        "AEDT": ("Australia/Sydney",),
        "NZST": ("Pacific/Auckland",),
        "NZDT": ("Pacific/Auckland",),
        "UCT": ("UTC",),
        "Z": ("UTC",),
        "ZULU": ("UTC",),
    }
)


@cache
def listed() -> tuple[str, ...]:
    """Return the zones to choose from, sorted, UTC first; reads the zone files when first asked."""
    return ("UTC", *sorted(name for name in available_timezones() if "/" in name))


def checked_zone(name: str) -> str:
    """Return the zone if a schedule can follow it: a place, UTC or a fixed `Etc/...` offset.

    Raises:
        InvalidInput: on field `zone`, with the zone that was probably meant.
    """
    try:
        return domain.checked_zone(name)
    except ScheduleError:
        raise InvalidInput("zone", _advice(name)) from None


def _advice(name: str) -> str:
    shown = name.strip()[:_LONGEST]
    meant = _MEANT.get(shown.upper(), ())
    if meant:
        return f"{shown} is an abbreviation: choose {' or '.join(meant)}."
    near = _near(shown)
    if near:
        return f"{shown!r} is no time zone. Did you mean {near}?"
    return f"{shown!r} is no time zone. Choose one such as Asia/Hong_Kong."


def _near(name: str) -> str | None:
    by_key = {zone.casefold(): zone for zone in listed()}
    wanted = name.replace(" ", "_").casefold()
    if wanted in by_key:
        return by_key[wanted]
    # A city, or how its name begins.
    cities = (zone for key, zone in by_key.items() if key.rpartition("/")[2].startswith(wanted))
    city = next(cities, None) if len(wanted) >= _LETTERS else None
    if city is not None:
        return city
    found = difflib.get_close_matches(wanted, by_key, n=1, cutoff=0.75)
    return by_key[found[0]] if found else None

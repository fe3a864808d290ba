"""A calendar in the words of a file, and back."""

from collections.abc import Mapping

from shared.domain.calendars import Calendar, from_json, to_json
from shared.domain.errors import InvalidInput

_KNOWN = frozenset({"zone", "dates", "windows", "known_from", "known_until"})


def calendar_entry(calendar: Calendar) -> dict[str, object]:
    """Return the calendar as a file has it, without its name: dates by day, or windows of a week."""
    value = to_json(calendar)
    entry = {key: one for key, one in value.items() if key not in {"name", "kind"}}
    dates = value.get("dates")
    if isinstance(dates, list):
        entry["dates"] = {day["on"]: day["label"] for day in dates}
    return entry


def calendar_of(name: str, entry: object) -> Calendar:
    """Return the calendar that an entry of a file says.

    Raises:
        InvalidInput: with the field and what to do.
    """
    if not isinstance(entry, Mapping):
        raise InvalidInput("", "Give a zone and dates, or windows of the week.")
    unknown = next((key for key in entry if key not in _KNOWN), None)
    if unknown is not None:
        raise InvalidInput(unknown, f"A calendar has no such field. Known are {', '.join(sorted(_KNOWN))}.")
    if ("dates" in entry) == ("windows" in entry):
        raise InvalidInput("dates", "Give either dates or windows.")
    dates = entry.get("dates")
    if isinstance(dates, Mapping):
        dates = [{"on": day, "label": label or ""} for day, label in dates.items()]
    kind = "dates" if "dates" in entry else "weekly"
    return from_json({**entry, "name": name, "kind": kind, **({"dates": dates} if dates is not None else {})})

"""Calendars that are a list of days, and that say how far the list reaches."""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from operator import attrgetter

from shared.domain.errors import InvalidInput

MAX_DATES = 5_000
MAX_LABEL = 200
_on = attrgetter("on")


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One local date and what it is called; the label may be empty."""

    on: date
    label: str = ""

    def __post_init__(self) -> None:
        if len(self.label) > MAX_LABEL or not self.label.isprintable():
            raise InvalidInput(
                "dates", f"Give {self.on} a label of one line and at most {MAX_LABEL} characters."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Dates:
    """Whole local days, in order and each once; `dates_of` brings any list into this form.

    `known_from` and `known_until` are the first and last day that the list is complete for. A day
    outside that is not listed may still be a holiday. None: the list is complete on that side.
    """

    days: tuple[Day, ...]
    known_from: date | None = None
    known_until: date | None = None

    def __post_init__(self) -> None:
        if not self.days:
            raise InvalidInput("dates", "The calendar has no date. Add at least one.")
        if len(self.days) > MAX_DATES:
            raise InvalidInput(
                "dates", f"The calendar has more than {MAX_DATES:,} dates. Leave out past years."
            )
        if any(one.on >= two.on for one, two in zip(self.days, self.days[1:], strict=False)):
            raise InvalidInput("dates", "The dates must be in order, each once.")
        if self.known_from and self.known_until and self.known_from > self.known_until:
            raise InvalidInput("known_until", "The list would be known until a day before it begins.")

    def label_at(self, local: datetime) -> str | None:
        """Return the label of the day of this wall time, "" when it has none; None: not in the list."""
        index = bisect_left(self.days, local.date(), key=_on)
        if index == len(self.days) or self.days[index].on != local.date():
            return None
        return self.days[index].label

    def ignorance_at(self, local: datetime) -> str:
        """Return why the list cannot judge this wall time; "" when it can."""
        if self.label_at(local) is not None:
            return ""
        if self.known_from and local.date() < self.known_from:
            return f"its list begins with {self.known_from}"
        if self.known_until and local.date() > self.known_until:
            return f"its list ends with {self.known_until}"
        return ""

    def describe(self) -> str:
        """Return the list in a few English words, with the days that it is known for."""
        first, last = self.days[0].on, self.days[-1].on
        span = f"{first}" if first == last else f"{len(self.days):,} dates from {first} to {last}"
        return f"{span}{self._reach()}"

    def _reach(self) -> str:
        match self.known_from, self.known_until:
            case None, None:
                return ""
            case begin, None:
                return f", known from {begin}"
            case None, end:
                return f", known until {end}"
            case begin, end:
                return f", known from {begin} to {end}"


def dates_of(
    days: Iterable[Day], *, known_from: date | None = None, known_until: date | None = None
) -> Dates:
    """Return the days sorted; those on the same date become one, their labels joined by " / ".

    Raises:
        InvalidInput: on field `dates`, `known_from` or `known_until`.
    """
    labels: dict[date, dict[str, None]] = {}
    for day in days:
        labels.setdefault(day.on, {}).setdefault(day.label)
    merged = (Day(on=on, label=tidy_label(" / ".join(filter(None, labels[on])))) for on in sorted(labels))
    return Dates(days=tuple(merged), known_from=known_from, known_until=known_until)


def tidy_label(text: str) -> str:
    """Return the text as a label: one line, nothing unprintable, cut with an ellipsis when too long."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= MAX_LABEL else f"{line[: MAX_LABEL - 1]}…"

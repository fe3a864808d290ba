"""Whether a schedule may fire at an instant, by its calendars, and where else it may.

Exclude wins over include. With no include calendar every time that is not excluded is allowed;
with some, an instant must be inside at least one of them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo

from shared.domain.calendars.calendar import Calendar
from shared.domain.errors import InvalidInput
from shared.domain.policy import OnExcluded
from shared.domain.schedules.zones import instant_of

MAX_CALENDARS = 20
MAX_CANDIDATES = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """The calendars let the instant pass; `warnings` name those that do not reach so far."""

    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Excluded:
    """The calendars do not let the instant pass.

    `inside`: in an exclude calendar, named by `by`, and `label` says what the day or window is
    called. Else in none of the include calendars, all named by `by`.
    """

    by: tuple[str, ...]
    inside: bool
    label: str = ""
    warnings: tuple[str, ...] = ()

    def describe(self) -> str:
        """Return the reason as a phrase: "Labour Day (in Holidays)" or "outside Office hours"."""
        names = " and ".join(self.by)
        if not self.inside:
            return f"outside {names}"
        return f"{self.label} (in {names})" if self.label else f"in {names}"


Verdict: TypeAlias = Allowed | Excluded


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarRules:
    """The include and exclude calendars of a schedule, at most 20 together."""

    include: tuple[Calendar, ...] = ()
    exclude: tuple[Calendar, ...] = ()
    on_excluded: OnExcluded = OnExcluded.SKIP

    def __post_init__(self) -> None:
        if len(self.include) + len(self.exclude) > MAX_CALENDARS:
            raise InvalidInput("calendars", f"Choose at most {MAX_CALENDARS} calendars.")

    def allows(self, instant: datetime) -> bool:
        """Say whether the schedule may fire at the instant."""
        if any(calendar.contains(instant) for calendar in self.exclude):
            return False
        return not self.include or any(calendar.contains(instant) for calendar in self.include)

    def verdict(self, instant: datetime) -> Verdict:
        """Return whether the schedule may fire at the instant, and why not, for people to read."""
        warnings = self.warnings_at(instant)
        for calendar in self.exclude:
            if (label := calendar.label_at(instant)) is not None:
                return Excluded(by=(calendar.name,), inside=True, label=label, warnings=warnings)
        if self.allows(instant):
            return Allowed(warnings=warnings)
        names = tuple(calendar.name for calendar in self.include)
        return Excluded(by=names, inside=False, warnings=warnings)

    def warnings_at(self, instant: datetime) -> tuple[str, ...]:
        """Return a sentence for every calendar that does not reach to the instant."""
        sentences = (calendar.warning_at(instant) for calendar in (*self.include, *self.exclude))
        return tuple(filter(None, sentences))

    def moved(self, nominal: datetime, zone: str) -> datetime | None:
        """Return the same local time on the next day that is allowed, after the nominal's own day.

        `zone` is the schedule's. A clock change is treated as in schedules of a fixed time. Several
        fires may move to one instant, and onto a fire of that day: they are one, no schedule fires
        twice in one instant. None: no day among the next 400 will do; warn the schedule's owner.
        """
        local = nominal.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)
        for days in range(1, MAX_CANDIDATES + 1):
            instant = instant_of(local + timedelta(days=days), zone)
            if instant is not None and self.allows(instant):
                return instant
        return None

    def describe(self) -> str:
        """Return the rules as one English sentence."""
        if not self.include and not self.exclude:
            return "No calendar limits this schedule."
        only = f"only inside {_names(self.include, 'or')}" if self.include else ""
        never = f"never inside {_names(self.exclude, 'or')}" if self.exclude else ""
        limits = ", ".join(filter(None, [only, never]))
        return f"Runs {limits}; {_FATES[self.on_excluded]}."


_FATES = {
    OnExcluded.SKIP: "other runs are skipped",
    OnExcluded.MOVE: "other runs move to the same time on the next allowed day",
}


def _names(calendars: tuple[Calendar, ...], word: str) -> str:
    names = [calendar.name for calendar in calendars]
    return f" {word} ".join(filter(None, [", ".join(names[:-1]), names[-1]]))

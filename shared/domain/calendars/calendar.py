"""A named set of times in a zone of its own: what an include or an exclude rule is made of."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from zoneinfo import ZoneInfo

from shared.domain.calendars.dates import Dates
from shared.domain.calendars.weekly import WeeklyWindows
from shared.domain.errors import InvalidInput
from shared.domain.schedules.zones import checked_zone

MAX_NAME = 200

Times: TypeAlias = Dates | WeeklyWindows


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Times under a name; an instant is judged by what clocks show in `zone`, an IANA name."""

    name: str
    zone: str
    times: Times

    def __post_init__(self) -> None:
        if not 1 <= len(self.name.strip()) <= MAX_NAME or not self.name.isprintable():
            raise InvalidInput("name", f"Give the calendar a name of 1 to {MAX_NAME} characters.")
        checked_zone(self.zone)

    def contains(self, instant: datetime) -> bool:
        """Say whether the instant is inside."""
        return self.label_at(instant) is not None

    def label_at(self, instant: datetime) -> str | None:
        """Return what the instant is called here: a holiday, a window, or ""; None: it is not inside."""
        return self.times.label_at(self._local(instant))

    def warning_at(self, instant: datetime) -> str | None:
        """Return the sentence to show when the calendar does not reach to the instant, else None."""
        match self.times:
            case Dates() as dates:
                why = dates.ignorance_at(self._local(instant))
                return f"{self.name} does not cover this day: {why}. Add dates." if why else None
            case WeeklyWindows():
                return None

    def describe(self) -> str:
        """Return the calendar as one English sentence."""
        return f"{self.name}: {self.times.describe()} ({self.zone})."

    def _local(self, instant: datetime) -> datetime:
        return instant.astimezone(ZoneInfo(self.zone))

"""No instant at all: the job runs when somebody asks for it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Manual:
    """Never fires."""

    def next_after(self, instant: datetime) -> datetime | None:  # noqa: ARG002 - one shape for the union
        """Return None: there is no next fire."""
        return None

    def last_until(self, instant: datetime) -> datetime | None:  # noqa: ARG002 - one shape for the union
        """Return None: there was no fire."""
        return None

    def count_between(self, after: datetime, until: datetime) -> int:  # noqa: ARG002 - one shape
        """Return 0."""
        return 0

    def describe(self) -> str:
        """Say the schedule in one English phrase."""
        return "Manual only"

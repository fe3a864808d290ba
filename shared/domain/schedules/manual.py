"""No instant at all: the job runs when somebody asks for it."""

from dataclasses import dataclass

from shared.domain.schedules.timetable import Never


@dataclass(frozen=True, slots=True, kw_only=True)
class Manual:
    """Never fires."""

    def fires(self, zone: str) -> Never:  # noqa: ARG002 - one shape for the union
        """Return no instants."""
        return Never()

    def describe(self) -> str:
        """Say the schedule in one English phrase."""
        return "Manual only"

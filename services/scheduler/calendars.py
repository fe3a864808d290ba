"""The calendars of jobs as the planner asks them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.rules import Calendars
from shared.db.planning import calendars_for_planning
from shared.domain.calendars import Calendar, CalendarRules, Excluded
from shared.domain.ids import CalendarId, JobId
from shared.domain.policy import Policy


@dataclass(frozen=True, slots=True)
class Judged:
    """What calendars say of an instant, in the planner's words."""

    rules: CalendarRules

    def excluded_by(self, instant: datetime) -> str | None:
        """Return what keeps the instant from running, in words; None: nothing does."""
        if self.rules.allows(instant):
            return None
        verdict = self.rules.verdict(instant)
        return verdict.describe() if isinstance(verdict, Excluded) else None

    def moved(self, nominal: datetime, zone: str) -> datetime | None:
        """Return the same time on the next allowed day; None: none within the bound of the search."""
        return self.rules.moved(nominal, zone)


async def calendars_of(session: AsyncSession, policies: Mapping[JobId, Policy]) -> dict[JobId, Calendars]:
    """Return the calendars of those of the jobs that have any; one that is not there says nothing."""
    wanted = {calendar for policy in policies.values() for calendar in (*policy.include, *policy.exclude)}
    known = await calendars_for_planning(session, wanted)
    return {
        job_id: _judged(policy, known)
        for job_id, policy in policies.items()
        if any(calendar in known for calendar in (*policy.include, *policy.exclude))
    }


def _judged(policy: Policy, known: Mapping[CalendarId, Calendar]) -> Calendars:
    return Judged(
        CalendarRules(
            include=tuple(known[calendar] for calendar in policy.include if calendar in known),
            exclude=tuple(known[calendar] for calendar in policy.exclude if calendar in known),
            on_excluded=policy.on_excluded,
        )
    )

"""Plans of schedules at one noon, for the tests of the planner."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from services.scheduler.planner import Plan, Skipped, plan
from services.scheduler.rules import Line, Misfire, Rules, Span
from shared.domain.ids import JobId, ScheduleId
from shared.domain.policy import Overlap, Policy
from shared.domain.run import Reason
from shared.domain.schedules import Interval, Timetable, timetable

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
RULE = Misfire(grace=timedelta(seconds=60), catch_up=timedelta(hours=24))
JOB = JobId(UUID(int=7))
FIRST, SECOND_ID = ScheduleId(UUID(int=1)), ScheduleId(UUID(int=2))


def every(seconds: int, *, anchor: datetime = NOW - 400 * DAY) -> Timetable:
    return timetable(Interval(every=timedelta(seconds=seconds), anchor=anchor), "UTC")


def rules(*, overlap: Overlap = Overlap.SKIP, unfinished: int = 0, **policy: Any) -> Rules:
    misfire, calendars = policy.pop("misfire", RULE), policy.pop("calendars", None)
    promised = policy.pop("promised", 0)
    return Rules(
        job_id=JOB,
        policy=Policy(**policy),
        overlap=overlap,
        misfire=misfire,
        calendars=calendars,
        unfinished=unfinished,
        promised=promised,
    )


def line(schedule: Timetable, *, since_s: float = 0, **fields: Any) -> Line:
    return Line(
        **{
            "schedule_id": FIRST,
            "fires": schedule,
            "zone": "UTC",
            "decided_until": NOW - timedelta(seconds=since_s),
            **fields,
        }
    )


def ahead(window_s: float = 2, *, now: datetime = NOW) -> Span:
    return Span(now=now, horizon=now + timedelta(seconds=window_s))


def decided(schedule: Timetable, *, since_s: float = 0, window_s: float = 2, by: Rules | None = None) -> Plan:
    (found,) = plan(by or rules(), [line(schedule, since_s=since_s)], ahead(window_s))
    return found


def instants(found: Plan) -> list[datetime]:
    return [emission.nominal_at for emission in found.emissions]


def skipped(found: Plan) -> list[tuple[datetime, Reason]]:
    return [(one.nominal_at, one.reason) for one in found.instants if isinstance(one, Skipped)]


@dataclass(frozen=True)
class Closed:
    """Calendars that exclude what this says."""

    hours: frozenset[int]
    is_endless: bool = False
    to: datetime | None = None

    def excluded_by(self, instant: datetime) -> str | None:
        return f"{instant.hour} h (in Quiet)" if instant.hour in self.hours else None

    def moved(self, nominal: datetime, zone: str) -> datetime | None:
        return None if self.is_endless else self.to or nominal + DAY + HOUR


# --- the instants ahead ------------------------------------------------------------------------

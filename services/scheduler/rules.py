"""What a plan is made from: a job's rules, its schedules and how far they are decided, the time to decide."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from shared.domain.ids import JobId, ScheduleId
from shared.domain.policy import ONE_SHOT_CATCH_UP, Overlap, Policy


class Fires(Protocol):
    """The instants of a schedule; every timetable has these."""

    def next_after(self, instant: datetime) -> datetime | None:
        """Return the first instant strictly after; None: there is none."""
        ...

    def last_until(self, instant: datetime) -> datetime | None:
        """Return the newest instant at or before; None: there is none."""
        ...

    def count_between(self, after: datetime, until: datetime) -> int:
        """Return how many instants lie in (after, until], without walking through them."""
        ...


class Calendars(Protocol):
    """What a job's calendars say of one instant."""

    def excluded_by(self, instant: datetime) -> str | None:
        """Return what keeps the instant from running, in words; None: nothing does."""
        ...

    def moved(self, nominal: datetime, zone: str) -> datetime | None:
        """Return the same time on the next allowed day; None: none within the bound of the search."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfire:
    """How late an instant may be, where the job does not say it."""

    grace: timedelta
    """So late an instant is simply late, and runs."""
    catch_up: timedelta
    """A missed instant can still run if it is not older than this;"""
    once_catch_up: timedelta = ONE_SHOT_CATCH_UP
    """one of a schedule that fires once, than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """One job, as its instants are decided."""

    job_id: JobId
    policy: Policy
    overlap: Overlap
    misfire: Misfire
    calendars: Calendars | None = None
    unfinished: int = 0
    """How many of its runs have not ended."""
    promised: int = 0
    """How many scheduled instants were to run so far: what `max_runs` limits."""

    @property
    def left(self) -> int | None:
        """Return how many instants may still run; None: any number."""
        most = self.policy.max_runs
        return None if most is None else max(0, most - self.promised)

    @property
    def at_once(self) -> int | None:
        """Return how many runs may go at the same time; None: any number."""
        return self.policy.at_once(self.overlap)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One schedule of the job, and up to where it is decided."""

    schedule_id: ScheduleId
    fires: Fires
    zone: str
    decided_until: datetime
    args: tuple[str, ...] = ()
    """What its runs are given: its own arguments, or the job's."""
    is_once: bool = False
    named: Fires | None = None
    """All that the schedule names, where `fires` leaves some out: jitter ends before the next of these."""
    shown_at: datetime | None = None
    """The next instant that was found to run; it need not be looked for again while it lies ahead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The time to decide: what lies between a cursor and `horizon`, seen at `now`."""

    now: datetime
    horizon: datetime

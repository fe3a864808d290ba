"""Read models of what is still to come: a schedule while it is typed, and the week of all jobs.

Shaped as those in `models.py`.
"""

from datetime import datetime
from uuid import UUID

import msgspec


class PreviewFire(msgspec.Struct, frozen=True, kw_only=True):
    """An instant that a schedule names."""

    at: datetime
    excluded: str | None = None
    """Which calendar leaves it out, in words."""
    moved_to: datetime | None = None
    """When it runs instead, where the job's rule is to move what a calendar leaves out."""


class PreviewNote(msgspec.Struct, frozen=True, kw_only=True):
    """What the clocks' change does to a schedule."""

    at: datetime
    text: str


class CronPart(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a cron expression, where it stands in what was typed, and what it says."""

    name: str
    label: str
    text: str
    begin: int
    end: int
    words: str
    """Empty where it cannot be understood; `problem` then says why."""
    problem: str


class SchedulePreview(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule in words with its next instants, or what is wrong with it."""

    text: str = ""
    next: tuple[PreviewFire, ...] = ()
    """At most ten; none before the job's start or after its end."""
    notes: tuple[PreviewNote, ...] = ()
    warnings: tuple[str, ...] = ()
    parts: tuple[CronPart, ...] = ()
    expanded: str | None = None
    """The expression that `H` was expanded to."""
    error: str | None = None
    field: str | None = None
    part: str | None = None
    """Which part of the schedule is wrong, such as `at`, or the field of a cron expression."""


class WeekHour(msgspec.Struct, frozen=True, kw_only=True):
    """An hour of a day in the reader's zone, with how many starts are planned in it."""

    begin: datetime
    end: datetime
    hour: int
    again: bool
    """The hour comes a second time on this day: the clocks were set back."""
    starts: int


class WeekDay(msgspec.Struct, frozen=True, kw_only=True):
    """A day of the week view; it has 23 or 25 hours when the clocks change."""

    date: str
    hours: tuple[WeekHour, ...]
    starts: int


class BusyInstant(msgspec.Struct, frozen=True, kw_only=True):
    """An instant at which many jobs start at once."""

    at: datetime
    starts: int
    begin: datetime
    """The hour that it lies in."""


class Week(msgspec.Struct, frozen=True, kw_only=True):
    """What all schedules plan for seven days."""

    zone: str
    start: str
    days: tuple[WeekDay, ...]
    starts: int
    jobs: int
    """Jobs that are planned at least once."""
    busiest: tuple[BusyInstant, ...]
    with_calendar: int
    """Jobs that follow a calendar, which may leave out some of what is counted."""
    cut: bool
    """There are more schedules than were counted."""
    counted: int


class PlannedJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job that is planned in some span of time."""

    job_id: UUID
    job_name: str
    text: str
    first: datetime
    starts: int


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """The jobs that are planned in a span of time, by their first start."""

    items: tuple[PlannedJob, ...]
    jobs: int
    starts: int

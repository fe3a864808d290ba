"""What is to be done to make the portal as a document says, each step as it will be taken."""

from dataclasses import dataclass
from typing import TypeAlias

from services.ui.commands.drafts import JobDraft
from shared.db.jobs import JobHead
from shared.domain.calendars import Calendar
from shared.domain.ids import CalendarId, JobId


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveCalendar:
    """Make a calendar, or replace the one that has this version."""

    id: CalendarId
    calendar: Calendar
    version: int | None
    """None: it is a new one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitStep:
    """Give a shared limit this maximum."""

    key: str
    maximum: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStep:
    """Make a job, or change the one that has this version."""

    id: JobId
    version: int | None
    """None: it is a new one."""
    draft: JobDraft | None
    """None: its definition stays."""
    paused: bool | None
    """To pause it, or to resume it; None: neither."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteStep:
    """Delete a job, as it is now."""

    head: JobHead


Step: TypeAlias = SaveCalendar | LimitStep | JobStep | DeleteStep

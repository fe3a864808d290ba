"""What applying a document changes, before or after it does."""

from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec


class Part(StrEnum):
    """What is changed."""

    CALENDAR = "calendar"
    LIMIT = "limit"
    JOB = "job"


class Action(StrEnum):
    """What becomes of it."""

    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"
    """It can be restored."""


class PlannedField(msgspec.Struct, frozen=True, kw_only=True):
    """A field that becomes another one; null: as usual, or not there."""

    field: str
    before: Any
    after: Any


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is changed, in the words of the file."""

    part: Part
    action: Action
    name: str
    """As the document has it; of one that is deleted as it is."""
    id: UUID | None = None
    """Of a job that exists."""
    fields: tuple[PlannedField, ...] = ()


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """Which version of everything was looked at, by name; null: there was none. Of a limit its maximum."""

    jobs: dict[str, int | None]
    calendars: dict[str, int | None]
    limits: dict[str, int | None]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What applying a document changes."""

    changes: tuple[Planned, ...]
    unchanged: int
    """So many of its calendars, limits and jobs are as it says already."""
    seen: Seen
    """To be given back when it is applied: what has changed meanwhile is refused."""

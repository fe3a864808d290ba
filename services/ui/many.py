"""Read models of what is done to many jobs at once."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

import msgspec


class BulkAction(StrEnum):
    """What can be done to many jobs at once."""

    RUN = "run"
    PAUSE = "pause"
    RESUME = "resume"
    DELETE = "delete"
    RESTORE = "restore"
    TAG = "tag"
    UNTAG = "untag"


class RunsAction(StrEnum):
    """What can be done to many runs at once."""

    RERUN = "rerun"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Wish:
    """What to do to each job; `tags` are those of the actions of tags."""

    action: BulkAction
    tags: tuple[str, ...] = ()


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """Some of many jobs, and why nothing would be done to them."""

    why: str
    count: int
    names: tuple[str, ...]
    """Of the first three."""


class BulkPreview(msgspec.Struct, frozen=True, kw_only=True):
    """What a wish for many jobs would do now."""

    count: int
    """Jobs that are marked or match: what a wish's `expected` is compared with."""
    would: int
    left_out: tuple[LeftOut, ...]


class RunsFailure(msgspec.Struct, frozen=True, kw_only=True):
    """A run for which it was not done."""

    run_id: UUID
    why: str


class RunsResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a wish for many runs."""

    done: int
    failed: tuple[RunsFailure, ...]


class BulkFailure(msgspec.Struct, frozen=True, kw_only=True):
    """A job for which it was not done."""

    job_id: UUID
    why: str


class BulkResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a wish for many jobs."""

    done: tuple[UUID, ...]
    """The jobs that were changed, or asked for; not those that were so already."""
    failed: tuple[BulkFailure, ...]

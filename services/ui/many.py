"""Read models of what is done to many jobs at once."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

import msgspec

from shared.domain.errors import Conflict


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What a preview told of how many and which are meant; None: whoever it is by then."""

    count: int | None = None
    seen: str | None = None

    def check(self, ids: Sequence[UUID], word: str) -> None:
        """Refuse other ones; `word` is what they are called.

        Raises:
            Conflict: others match by now.
        """
        if self.count is not None and len(ids) != self.count:
            found = f"{len(ids):,} {word} match by now, not {self.count:,}"
        elif self.seen is not None and seen_of(ids) != self.seen:
            found = f"Other {word} match by now than were shown"
        else:
            return
        raise Conflict(f"{found}: the list has changed. Look at it again.")


def seen_of(ids: Iterable[UUID]) -> str:
    """Return what stands for exactly these, in any order."""
    return hashlib.sha256(b"".join(sorted(one.bytes for one in ids))).hexdigest()


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
    seen: str
    """Stands for exactly these: what a wish's `seen` is compared with."""
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

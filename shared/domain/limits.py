"""Shared limits: how many attempts of all jobs that name the same key run at once, and who goes first.

A job may name a key, such as `warehouse-db`. The key has a maximum; whoever has none has one place. An
attempt holds a place from its claim until it has ended, or can no longer be running.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from shared.domain.errors import InvalidInput
from shared.domain.ids import AttemptId

USUAL_MAXIMUM = 1
MOST = 1_000
KEY_NAMES = (
    "A shared limit's name has 1 to 40 lower-case letters, digits, - or _, and starts with neither - nor _."
)


class Turn(NamedTuple):
    """The place of an attempt in the line of its key: urgent ones first, then by when they were due."""

    is_patient: bool
    due_at: datetime
    id: AttemptId

    @classmethod
    def of(cls, *, urgent: bool, due_at: datetime, id_: AttemptId) -> "Turn":
        """Return the turn of this attempt."""
        return cls(not urgent, due_at, id_)


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """How a key stands: its places, and the first of those that wait for one."""

    key: str
    maximum: int
    in_use: int
    line: tuple[Turn, ...] = ()
    """In order, at least as many as places are free: for each of these one is kept."""

    @property
    def free(self) -> int:
        """Return how many more may run; none where the maximum was lowered below what runs."""
        return max(0, self.maximum - self.in_use)

    def refusal(self, turn: Turn) -> str | None:
        """Return why this attempt may not have a place now; None: it may.

        A place that is free is for the first in line, also while that one is on its way.
        """
        if not self.free:
            return f"shared limit {self.key} is full: {self.in_use} of {self.maximum} in use"
        before = sum(1 for other in self.line if other.id != turn.id and other < turn)
        if before >= self.free:
            return f"others wait longer for shared limit {self.key}"
        return None

    def taken_by(self, turn: Turn) -> "Places":
        """Return how it stands once this attempt has a place."""
        line = tuple(other for other in self.line if other.id != turn.id)
        return replace(self, in_use=self.in_use + 1, line=line)


def is_limit_key(text: str) -> bool:
    """Say whether a shared limit may have this name; it becomes part of addresses."""
    return re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", text) is not None


def checked_limit_key(text: str | None) -> str | None:
    """Return the key in normal form; None for none, which is also what an empty text means.

    Raises:
        InvalidInput: on field `limit_key`.
    """
    key = (text or "").strip()
    if key and not is_limit_key(key):
        raise InvalidInput("limit_key", KEY_NAMES)
    return key or None


def checked_maximum(maximum: int) -> int:
    """Return the maximum if a key can have it.

    Raises:
        InvalidInput: on field `maximum`.
    """
    if not 1 <= maximum <= MOST:
        raise InvalidInput(
            "maximum", f"Choose between 1 and {MOST:,}. To stop all, pause the jobs or a pool."
        )
    return maximum


def in_words(runs: Iterable[str]) -> str:
    """Say who holds the places, such as `#12 of a and #7 of b`; of many the first three."""
    *some, last = [*runs]
    if len(some) > _NAMED - 1:
        return f"{', '.join(some[:_NAMED])} and {len(some) + 1 - _NAMED:,} more"
    return f"{', '.join(some)} and {last}" if some else last


_NAMED = 3

"""What people hold back, for a while: everything, a pool, or an executor.

What is held back waits and is not lost: its instants are recorded, and it goes on when the hold is lifted.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class HoldKind(StrEnum):
    """What is held back."""

    FREEZE = "freeze"
    """Nothing starts, anywhere."""
    POOL = "pool"
    """No run of this pool starts."""
    DRAIN = "drain"
    """This executor takes no more runs, and finishes what it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """One thing that somebody holds back; `subject` is the pool or the executor, empty for a freeze."""

    kind: HoldKind
    subject: str
    begun_at: datetime
    begun_by: str
    ends_at: datetime | None = None
    """When it ends by itself; None: when somebody lifts it."""

    def is_on(self, now: datetime) -> bool:
        """Say whether it has not ended by itself."""
        return self.ends_at is None or now < self.ends_at

    def kept(self, pool: str, due_at: datetime) -> bool:
        """Say whether it kept a run of this pool from starting when that was due."""
        is_about_it = self.kind is HoldKind.FREEZE or (self.kind is HoldKind.POOL and self.subject == pool)
        return is_about_it and self.is_on(due_at)


@dataclass(frozen=True, slots=True)
class Holds:
    """Everything that is held back and that nobody has lifted."""

    among: tuple[Hold, ...] = ()

    def freeze(self, now: datetime) -> Hold | None:
        """Return the freeze that is on; None while runs start."""
        return next((one for one in self._on(HoldKind.FREEZE, now)), None)

    def paused_pools(self, now: datetime) -> dict[str, Hold]:
        """Return the paused pools, by name."""
        return {one.subject: one for one in self._on(HoldKind.POOL, now)}

    def drained(self, now: datetime) -> dict[str, Hold]:
        """Return the executors that are to take no more runs, by name."""
        return {one.subject: one for one in self._on(HoldKind.DRAIN, now)}

    def of_pool(self, pool: str, now: datetime) -> Hold | None:
        """Return what keeps runs of this pool from starting; the freeze first."""
        return self.freeze(now) or self.paused_pools(now).get(pool)

    def _on(self, kind: HoldKind, now: datetime) -> Iterable[Hold]:
        return (one for one in self.among if one.kind is kind and one.is_on(now))

"""What a person fills in, before it is checked."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.domain.job import DEFAULT_KILL_GRACE, DEFAULT_POOL, DEFAULT_TIMEOUT, OnLost
from shared.domain.policy import Overlap


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDraft:
    """A job as it was typed in; `Commands` judges it and names the field that is wrong."""

    name: str
    script: str
    schedule: Mapping[str, object]
    """`{"kind": "manual"}` or `{"kind": "interval", "every_s": 10}`."""
    description: str = ""
    args: tuple[str, ...] = ()
    timeout_s: int = int(DEFAULT_TIMEOUT.total_seconds())
    kill_grace_s: int = int(DEFAULT_KILL_GRACE.total_seconds())
    on_lost: OnLost = OnLost.FAIL
    overlap: Overlap = Overlap.SKIP
    pool: str = DEFAULT_POOL

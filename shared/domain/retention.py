"""How long what became of runs is kept."""

from dataclasses import dataclass
from datetime import datetime, timedelta

FRESH = timedelta(days=1)
"""What ended so lately is kept whatever the rule says: somebody may still have a word on it."""
MOST_DAYS = 3_650
MOST_RUNS = 10_000_000
LEAST_BYTES, MOST_BYTES = 1_000_000, 10**15


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """What is kept of a job's ended runs: the newest so many, as far as they ended within so many days."""

    days: int
    runs: int

    def is_over(self, number: int, ended_at: datetime, *, newest: int, now: datetime) -> bool:
        """Say whether the run of this number is to be removed; `newest` is the number of the last one."""
        if ended_at > now - FRESH:
            return False
        return number <= newest - self.runs or ended_at < now - timedelta(days=self.days)

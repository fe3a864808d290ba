"""What can be configured: `PORTAL_*` variables, checked once at the start."""

from datetime import timedelta

from pydantic import Field

from services.scheduler.rules import Misfire
from shared.domain.retention import MOST_DAYS, MOST_RUNS, Keep
from shared.runtime.settings import BrokerSettings, DatabaseSettings, GrantSettings


class SchedulerSettings(BrokerSettings, DatabaseSettings, GrantSettings):
    """The scheduler's knobs, in seconds; the defaults are the product's promises."""

    plan_window_s: float = Field(default=2, ge=0.5, le=10)
    """How far ahead of its due instant a run enters the ledger; nothing is planned further ahead."""
    lost_after_s: float = Field(default=20, ge=16, le=600)
    """Observed silence of an executor after which its runs are lost: longer than the lease of 15 s."""
    misfire_grace_s: float = Field(default=60, ge=1, le=86_400)
    catch_up_s: float = Field(default=86_400, ge=0, le=31_536_000)

    keep_days: int = Field(default=90, ge=1, le=MOST_DAYS)
    """So many days after its end a run is removed, unless its job says otherwise."""
    keep_runs: int = Field(default=100_000, ge=1, le=MOST_RUNS)
    """So many runs of a job are kept at most, unless it says otherwise."""

    clock_offset_s: float = 0
    """For drills: this machine's wall clock is taken to be wrong by so much."""

    @property
    def misfire(self) -> Misfire:
        """Return what becomes of instants that passed while the scheduler was down."""
        return Misfire(
            grace=timedelta(seconds=self.misfire_grace_s), catch_up=timedelta(seconds=self.catch_up_s)
        )

    @property
    def keep(self) -> Keep:
        """Return how long runs are kept whose jobs say nothing."""
        return Keep(days=self.keep_days, runs=self.keep_runs)

    @property
    def plan_window(self) -> timedelta:
        """Return how far ahead runs are planned."""
        return timedelta(seconds=self.plan_window_s)

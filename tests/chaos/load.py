"""What the portal has to do meanwhile: jobs of every awkward kind, as the REST API takes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.scripts import NAME


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One job. `every_s` 0: by hand only; `places`: how many of its runs may go at once, 0 for any number.

    With a `limit` these are places of all jobs that share it. It runs after each end of the jobs in `after`.
    """

    name: str
    every_s: int = 0
    cron: str = ""
    seconds: float = 0.0
    codes: tuple[int, ...] = (0,)
    """Of each attempt in turn; the last one's are all the same."""
    lines: int = 2
    habit: str = "plain"
    places: int = 0
    overlap: str = "allow"
    on_lost: str = "fail"
    timeout_s: int = 20
    policy: dict[str, Any] = field(default_factory=dict)
    limit: str = ""
    after: tuple[str, ...] = ()

    @property
    def retries(self) -> int:
        """Return how often a run that fails by itself is tried again."""
        return int(self.policy.get("retries", 0))

    def code_of(self, attempt: int) -> int:
        """Return with which code this attempt exits, if it comes to its end."""
        return self.codes[min(attempt, len(self.codes)) - 1]

    def is_tried_again(self, attempt: int) -> bool:
        """Say whether another attempt is to follow this one, if it comes to its end."""
        code, some = self.code_of(attempt), self.policy.get("retry_exit_codes")
        return code != 0 and attempt <= self.retries and (not some or code in some)

    def body(self, folder: Path, ids: Mapping[str, str]) -> dict[str, Any]:
        """Return it as the REST API takes it; its script testifies in `folder`.

        `ids` are those of the jobs before it.
        """
        schedule: dict[str, Any] = {"kind": "manual"}
        if self.every_s:
            schedule = {"kind": "interval", "every_s": self.every_s}
        elif self.cron:
            schedule = {"kind": "cron", "expr": self.cron}
        codes = ",".join(map(str, self.codes))
        words = (folder, self.limit or self.name, self.places, self.seconds, codes, self.lines, self.habit)
        return {
            "name": self.name,
            "script": NAME,
            "schedule": schedule,
            "args": [str(word) for word in words],
            "timeout_s": self.timeout_s,
            "kill_grace_s": 1,
            "on_lost": self.on_lost,
            "overlap": self.overlap,
            "policy": self.policy,
            "limit_key": self.limit or None,
            "runs_after": {
                "join": "any",
                "jobs": [{"job_id": ids[name], "on": "always"} for name in self.after],
            },
        }


JOBS = (
    Load(name="tick", every_s=1),
    Load(name="tick-again", every_s=2, seconds=0.5, on_lost="retry"),
    Load(name="fails", every_s=3, codes=(3,)),
    Load(
        name="long-again",
        every_s=6,
        seconds=6,
        lines=40,
        on_lost="retry",
        places=2,
        policy={"max_concurrent": 2},
    ),
    Load(name="long-once", every_s=7, seconds=6, lines=30, overlap="skip", places=1),
    Load(
        name="stubborn",
        every_s=10,
        seconds=30,
        lines=60,
        habit="stubborn",
        timeout_s=3,
        overlap="queue-one",
        on_lost="retry",
        places=1,
    ),
    # Longer than the silence after which it is tried again: only the fence keeps the two apart.
    Load(
        name="lasts",
        every_s=16,
        seconds=40,
        lines=40,
        timeout_s=80,
        on_lost="retry",
        places=4,
        policy={"max_concurrent": 4},
    ),
    Load(name="queue", every_s=4, seconds=1.5, overlap="queue-all", on_lost="retry", places=1),
    Load(name="replace", every_s=6, seconds=9, lines=20, overlap="cancel-previous", places=1),
    Load(name="family", every_s=9, seconds=4, habit="family", overlap="skip", on_lost="retry", places=1),
    Load(name="talks", every_s=5, seconds=3, lines=400),
    Load(name="catches-up", every_s=2, policy={"on_missed": "all", "jitter_s": 3}),
    Load(name="in-time", every_s=3, seconds=2, overlap="queue-all", places=1, policy={"start_deadline_s": 5}),
    Load(name="minutely", cron="* * * * *", seconds=1, on_lost="retry"),
    Load(
        name="succeeds-later",
        every_s=10,
        codes=(75, 75, 0),
        policy={
            "retries": 3,
            "retry_delay_s": 1,
            "retry_factor": 1.5,
            "retry_jitter": 0.5,
            "retry_exit_codes": [75],
        },
    ),
    Load(
        name="gives-up",
        every_s=15,
        codes=(75, 1),
        on_lost="retry",
        policy={"retries": 4, "retry_delay_s": 1, "retry_exit_codes": [75]},
    ),
    Load(name="too-slow", every_s=20, seconds=30, timeout_s=2, policy={"retries": 1, "retry_delay_s": 1}),
    Load(name="unwanted", every_s=10, seconds=10, lines=20, on_lost="retry"),
    Load(name="unwanted-queue", every_s=12, seconds=6, overlap="queue-all", places=1),
    Load(name="shares", every_s=5, seconds=1, on_lost="retry", limit="one", places=1),
    Load(name="shares-too", every_s=7, seconds=1.5, on_lost="retry", limit="one", places=1),
    Load(name="follows", seconds=0.2, after=("fails", "succeeds-later", "unwanted")),
    Load(name="asked", seconds=0.5, on_lost="retry"),
    Load(name="asked-alone", seconds=2, overlap="queue-all", on_lost="retry", places=1),
)

ASKED = ("asked", "asked-alone", "tick-again")
"""Of these people ask for runs, which are urgent."""
UNWANTED = ("unwanted", "unwanted-queue", "succeeds-later", "asked-alone")
"""Of these people cancel runs,"""
EMPTIED = "unwanted-queue"
"""and of this one all that wait."""

"""What the portal has to do meanwhile: jobs of every awkward kind, as the REST API takes them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.scripts import NAME


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One job. `every_s` 0: by hand only; `places`: how many of its runs may go at once, 0 for any number."""

    name: str
    every_s: int = 0
    cron: str = ""
    seconds: float = 0.0
    code: int = 0
    lines: int = 2
    habit: str = "plain"
    places: int = 0
    overlap: str = "allow"
    on_lost: str = "fail"
    timeout_s: int = 20
    policy: dict[str, Any] = field(default_factory=dict)

    def body(self, folder: Path) -> dict[str, Any]:
        """Return it as the REST API takes it; its script testifies in `folder`."""
        schedule: dict[str, Any] = {"kind": "manual"}
        if self.every_s:
            schedule = {"kind": "interval", "every_s": self.every_s}
        elif self.cron:
            schedule = {"kind": "cron", "expr": self.cron}
        words = (folder, self.places, self.seconds, self.code, self.lines, self.habit)
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
        }


JOBS = (
    Load(name="tick", every_s=1),
    Load(name="tick-again", every_s=2, seconds=0.5, on_lost="retry"),
    Load(name="fails", every_s=3, code=3),
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
        every_s=12,
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
    Load(name="asked", seconds=0.5, on_lost="retry"),
)
"""Retries of failed attempts belong here, too, as soon as a job can have them."""

"""What jobs the simulated years have: every kind of schedule, in zones with and without a changing clock."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

from shared.domain.job import Definition, OnLost
from shared.domain.policy import OnMissed, Overlap, Policy
from shared.domain.retry import NO_RETRIES, RetryRule

_ZONES = (
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Hong_Kong",
    "Australia/Lord_Howe",
    "Europe/Dublin",
    "Europe/London",
)
_TIMES = ("00:00", "00:30", "01:30", "02:15", "02:30")
DENSE: tuple[dict[str, Any], ...] = (
    {"kind": "cron", "expr": "*/10 * * * *"},
    {"kind": "interval", "every_s": 60},
    {"kind": "interval", "every_s": 45},
)
EXIT_CODES = (75, 1)
"""With which scripts fail."""
DENSE_ZONE = "America/New_York"
"""One is enough: the oracle writes each instant of such a schedule down."""
_CRON = (
    "30 2 * * sun",
    "0 0 1,15 * *",
    "0 0 * * fri#2",
    "30 2 L * *",
    "0 0 LW * *",
    "0 0 31 * *",
    "*/30 2 * * sun",
    "0 30 2 * * sun#1,sun#3",
    "0 0 13 * fri",
    "30 2 29 2 *",
)


@dataclass(frozen=True)
class Taste:
    """What the people of one year like: they agree on it, so that many jobs are due together."""

    year: int
    zones: tuple[str, ...]
    times: tuple[str, ...]


def taste(random: Random, year: int) -> Taste:
    """Return the taste of one year: two zones, two times of day. A batch costs little more than one run."""
    return Taste(year, tuple(random.sample(_ZONES, 2)), tuple(random.sample(_TIMES, 2)))


_DAYS = ("mon", "fri", "sun")


def schedule(random: Random, taste: Taste) -> dict[str, Any]:
    """Return the JSON form of some schedule."""
    makers: tuple[tuple[Callable[[Random, Taste], dict[str, Any]], int], ...] = (
        (_daily, 1),
        (_weekly, 5),
        (_monthly, 7),
        (_interval, 3),
        (_cron, 7),
        (_once, 1),
        (lambda _random, _taste: {"kind": "manual"}, 1),
    )
    (maker,) = random.choices([one for one, _ in makers], [weight for _, weight in makers])
    return maker(random, taste)


def definition(random: Random, name: str) -> tuple[Definition, float]:
    """Return some job, and the logarithm of the seconds that its longest runs take."""
    is_long = random.random() < 0.15
    overlap = random.choice(list(Overlap))
    deadline_s = random.choice((1, 60, 3_600, 86_400)) if random.random() < 0.15 else None
    policy = Policy(
        on_missed=random.choice(list(OnMissed)),
        catch_up=None if random.random() < 0.7 else timedelta(hours=random.choice((0, 1, 200))),
        max_concurrent=2 if overlap is Overlap.ALLOW and random.random() < 0.5 else None,
        start_deadline=None if deadline_s is None else timedelta(seconds=deadline_s),
        jitter=timedelta(seconds=random.choice((1, 30, 600)) if random.random() < 0.2 else 0),
        retry=_retry(random) if random.random() < 0.4 else NO_RETRIES,
    )
    chosen = Definition(
        name=name,
        script="simulated.py",
        overlap=overlap,
        timeout=timedelta(hours=12) if is_long else timedelta(seconds=300),
        on_lost=random.choice(list(OnLost)),
        policy=policy,
    )
    return chosen, 4.6 if is_long else 2.0


def _retry(random: Random) -> RetryRule:
    return RetryRule(
        retries=random.choice((1, 2, 4)),
        delay=timedelta(seconds=random.choice((0, 10, 600))),
        factor=random.choice((1.0, 2.0, 10.0)),
        longest_delay=timedelta(seconds=random.choice((600, 21_600))),
        jitter=random.choice((0.0, 0.5)),
        exit_codes=random.choice(((), EXIT_CODES[:1])),
        timeouts=random.random() < 0.5,
    )


def most_at_once(chosen: Definition) -> int | None:
    """Return how many runs of such a job may go at once; None: any number."""
    return chosen.policy.max_concurrent if chosen.overlap is Overlap.ALLOW else 1


def _daily(random: Random, taste: Taste) -> dict[str, Any]:
    start = f"{taste.year - 1}-12-{random.randint(1, 28):02}"
    return {
        "kind": "daily",
        "at": random.choice(taste.times),
        "every": random.choice((7, 14, 30)),
        "start": start,
    }


def _weekly(random: Random, taste: Taste) -> dict[str, Any]:
    form = {
        "kind": "weekly",
        "at": random.choice(taste.times),
        "days": [random.choice(("sun", "sun", "mon"))],
    }
    if random.random() < 0.3:
        return {**form, "every": 1}
    return {
        **form,
        "every": random.choice((2, 4)),
        "start": f"{taste.year - 1}-12-{random.randint(1, 28):02}",
    }


def _monthly(random: Random, taste: Taste) -> dict[str, Any]:
    form: dict[str, Any] = {"kind": "monthly", "at": random.choice(taste.times)}
    match random.randrange(4):
        case 0:
            return {**form, "day": "last"}
        case 1:
            return {
                **form,
                "weekday": random.choice(_DAYS),
                "nth": random.choice((1, 3, 5, "last")),
            }
        case _:
            return {
                **form,
                "day": random.choice((1, 15, 29, 31)),
                "short_months": random.choice(("clamp", "skip")),
            }


def _interval(random: Random, taste: Taste) -> dict[str, Any]:
    every_s = random.choice((604_800, 1_209_600, 2_419_200))
    return {
        "kind": "interval",
        "every_s": every_s,
        "anchor": f"{taste.year}-01-01T{random.choice(taste.times)}:00+00:00",
    }


def _cron(random: Random, taste: Taste) -> dict[str, Any]:
    return {"kind": "cron", "expr": random.choice(_CRON)}


def _once(random: Random, taste: Taste) -> dict[str, Any]:
    at = f"{taste.year}-{random.randint(1, 12):02}-{random.randint(1, 28):02}T{random.choice(taste.times)}:00"
    return {"kind": "once", "at": at}

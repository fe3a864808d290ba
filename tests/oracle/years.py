"""Twenty years of a scheduler that looks up now and then, and is away for days at times."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from random import Random
from typing import Any

from tests.oracle import kinds

FIRST, LAST = datetime(2007, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
ZONES = (
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/New_York",
    "America/Sao_Paulo",
    "Antarctica/Troll",
    "Asia/Hong_Kong",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Europe/Dublin",
    "Europe/London",
    "Pacific/Apia",
)
SCHEDULES: tuple[dict[str, Any], ...] = (
    {"kind": "interval", "every_s": 21_600, "anchor": "2006-12-31T17:00:00+00:00"},
    {"kind": "hourly", "minute": 15},
    {"kind": "daily", "at": "00:00", "every": 1},
    {"kind": "daily", "at": "02:30:15", "every": 3, "start": "2006-12-30"},
    {"kind": "weekly", "at": "01:30", "days": ["sat", "sun"], "every": 1},
    {"kind": "weekly", "at": "02:00", "days": ["mon", "sun"], "every": 2, "start": "2007-01-01"},
    {"kind": "monthly", "at": "23:30", "day": 31, "short_months": "clamp"},
    {"kind": "monthly", "at": "02:15", "weekday": "sun", "nth": "last"},
    {"kind": "cron", "expr": "*/30 * * * *"},
    {"kind": "cron", "expr": "*/15 2 * * *"},
    {"kind": "cron", "expr": "0,30 1-3 * * *"},
    {"kind": "cron", "expr": "30 15 0,2 L-2W,8-14 * sun#2"},
)
_AWAY_SHARE = 0.01
Emit = Callable[[datetime, datetime], Iterable[datetime]]
"""Decides what is due in (cursor, now]."""
Make = Callable[[dict[str, Any], str], Emit]


def ticks(seed: int) -> Iterator[datetime]:
    """Yield when the scheduler looks: after a second to six hours, and now and then after up to 40 days."""
    random, now = Random(seed), FIRST
    while now < LAST:
        away = random.random() < _AWAY_SHARE
        seconds = random.uniform(3_600, 40 * 86_400) if away else random.uniform(1, 6 * 3_600)
        now += timedelta(seconds=seconds)
        yield min(now, LAST)


def emitted(emit: Emit, seed: int) -> list[datetime]:
    """Return everything that a scheduler emits over the years, in its order."""
    cursor, runs = FIRST, list[datetime]()
    for now in ticks(seed):
        runs += emit(cursor, now)
        cursor = now
    return runs


def differences(zone: str, make: Make, seed: int) -> Iterator[str]:
    """Yield a sentence about the first wrong run of every schedule that has one."""
    for form in SCHEDULES:
        promised = kinds.between(kinds.model_of(form), zone, FIRST, LAST)
        found = emitted(make(form, zone), seed)
        if found != promised:
            yield f"{form} in {zone}, seed {seed}: {_first_wrong(found, promised)}"


def _first_wrong(found: list[datetime], promised: list[datetime]) -> str:
    pairs = zip_longest(found, promised)
    at, (emitted_at, promised_at) = next((at, pair) for at, pair in enumerate(pairs) if pair[0] != pair[1])
    return f"{len(found)} runs for {len(promised)}; number {at} is {emitted_at} for {promised_at}"

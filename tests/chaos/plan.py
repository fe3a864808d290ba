"""Which faults come when: drawn from the seed alone, so that a seed repeats its sequence."""

import random
from dataclasses import dataclass
from enum import StrEnum

from tests.chaos.proxy import Cut

MEAN_GAP_S = 4.5


class Kind(StrEnum):
    """What can be done to a portal."""

    KILL = "kill"
    FREEZE = "freeze"
    RESTART = "restart"
    BROKER_STOP = "broker-stop"
    BROKER_KILL = "broker-kill"
    BROKER_WIPE = "broker-wipe"
    BROKER_FREEZE = "broker-freeze"
    PURGE = "purge"
    DROP_QUEUE = "drop-queue"
    CUT_BROKER = "cut-broker"
    CUT_DATABASE = "cut-database"
    DATABASE_RESTART = "database-restart"
    DATABASE_LOCK = "database-lock"
    DOUBLE_DUE = "double-due"
    DOUBLE_WORDS = "double-words"
    KILL_SCRIPT = "kill-script"
    ROLL = "roll"
    CLOCK_STEP = "clock-step"
    DISK_FULL = "disk-full"


_WEIGHTS = {
    Kind.KILL: 18,
    Kind.FREEZE: 18,
    Kind.RESTART: 5,
    Kind.BROKER_STOP: 1,
    Kind.BROKER_KILL: 2,
    Kind.BROKER_WIPE: 1,
    Kind.BROKER_FREEZE: 2,
    Kind.PURGE: 7,
    Kind.DROP_QUEUE: 2,
    Kind.CUT_BROKER: 18,
    Kind.CUT_DATABASE: 8,
    Kind.DATABASE_RESTART: 2,
    Kind.DATABASE_LOCK: 8,
    Kind.DOUBLE_DUE: 10,
    Kind.DOUBLE_WORDS: 8,
    Kind.KILL_SCRIPT: 4,
    Kind.ROLL: 1,
    Kind.CLOCK_STEP: 5,
    Kind.DISK_FULL: 6,
}
_ONLY_ON = {
    Kind.CUT_DATABASE: "postgresql",
    Kind.DATABASE_RESTART: "postgresql",
    Kind.DATABASE_LOCK: "sqlite",
}
_NAMED = {
    Kind.KILL_SCRIPT: "a script",
    Kind.ROLL: "every service",
    Kind.CLOCK_STEP: "the schedulers' clock",
}
_BROKER = frozenset({Kind.BROKER_STOP, Kind.BROKER_KILL, Kind.BROKER_WIPE, Kind.BROKER_FREEZE})
_BROKER_GAP_S = 45.0
"""A node needs 10 to 20 s to come back; at least as long it is to be there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault: from when, to whom, for how long, and a number for what is left to chance."""

    at_s: float
    kind: Kind
    target: str
    lasts_s: float
    cut: Cut
    dice: int

    def __str__(self) -> str:
        what = f"{self.kind}({self.cut})" if self.kind in {Kind.CUT_BROKER, Kind.CUT_DATABASE} else self.kind
        return f"{self.at_s:7.1f} s  {what} of {self.target} for {self.lasts_s:.1f} s"


def planned(seed: int, *, seconds: float, database: str, services: tuple[str, ...]) -> tuple[Fault, ...]:
    """Return the faults of this seed in their order."""
    chance = random.Random(f"{seed} {database}")
    kinds = [kind for kind in Kind if _ONLY_ON.get(kind, database) == database]
    weights = [_WEIGHTS[kind] for kind in kinds]
    faults: list[Fault] = []
    at_s, broker_at_s = 0.0, -_BROKER_GAP_S / 2
    while (at_s := at_s + 1 + chance.expovariate(1 / (MEAN_GAP_S - 1))) < seconds:
        (kind,) = chance.choices(kinds, weights)
        if kind in _BROKER and at_s - broker_at_s < _BROKER_GAP_S:
            kind = Kind.DOUBLE_DUE
        broker_at_s = at_s if kind in _BROKER else broker_at_s
        faults.append(
            Fault(
                at_s=round(at_s, 2),
                kind=kind,
                target=_target(kind, chance, services),
                lasts_s=_lasts_s(kind, chance),
                cut=chance.choice(list(Cut)),
                dice=chance.randrange(2**32),
            )
        )
    return tuple(faults)


def _target(kind: Kind, chance: random.Random, services: tuple[str, ...]) -> str:
    match kind:
        case Kind.KILL | Kind.FREEZE | Kind.RESTART | Kind.CUT_BROKER:
            return chance.choice(services)
        case Kind.CUT_DATABASE:
            return chance.choice([name for name in services if not name.startswith("executor")])
        case Kind.DISK_FULL:
            return chance.choice([name for name in services if name.startswith("executor")])
        case _ if kind in _NAMED:
            return _NAMED[kind]
        case _:
            return "database" if kind.startswith("database") else "broker"


def _lasts_s(kind: Kind, chance: random.Random) -> float:
    """Mostly short; one in four longer than the fence of 15 s, most of these than the silence of 20 s."""
    if kind in {Kind.RESTART, Kind.ROLL, Kind.PURGE, Kind.DROP_QUEUE, Kind.KILL_SCRIPT}:
        return 0.0
    bounds = chance.choice([(0.2, 3), (0.2, 3), (3, 14), (14, 45)])
    if kind in {Kind.BROKER_FREEZE, Kind.DATABASE_RESTART, Kind.DATABASE_LOCK}:
        bounds = chance.choice([(0.2, 3), (3, 14)])
    return round(chance.uniform(*bounds), 2)

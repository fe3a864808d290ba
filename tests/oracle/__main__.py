"""`./portal prove [NAME ...]`: the proofs at length; exit code 1 if a single answer differs."""

import argparse
import os
import sys
import time
import zoneinfo
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from tests.oracle import differential, engine, years

PART = 2_000
MOST_SHOWN = 20


class Proved(NamedTuple):
    """What one part found: how much it compared, and a line for every difference."""

    compared: int
    told: list[str]


@dataclass(frozen=True)
class Wish:
    """What a person asks for."""

    seed: int
    cases: int
    years: int


def differential_parts(wish: Wish) -> Iterator[Callable[[], Proved]]:
    """Random schedules in the hours around real transitions."""
    for part, begun in enumerate(range(0, wish.cases, PART)):
        yield partial(_cases, wish.seed + part, min(PART, wish.cases - begun))


def _cases(seed: int, number: int) -> Proved:
    return Proved(number, [f"seed {seed}: {line}" for line in differential.run(seed, number, engine.made)])


def years_parts(wish: Wish) -> Iterator[Callable[[], Proved]]:
    """Schedules over twenty years, as often with other absences as it takes to reach the years wished."""
    rounds = -(-wish.years // (20 * len(years.ZONES) * len(years.SCHEDULES)))
    for number in range(rounds):
        for zone in years.ZONES:
            yield partial(_twenty_years, zone, wish.seed + number)


def _twenty_years(zone: str, seed: int) -> Proved:
    return Proved(20 * len(years.SCHEDULES), list(years.differences(zone, engine.emitting, seed)))


PROOFS = {"differential": (differential_parts, "cases"), "years": (years_parts, "schedule-years")}


def main() -> int:
    """Run the proofs that are named, all by default, on all cores."""
    parser = argparse.ArgumentParser(prog="portal prove", description="Proofs of the schedules, at length.")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"which: {', '.join(PROOFS)}; none means all"
    )
    parser.add_argument("--seed", type=int, default=4, help="other cases (%(default)s)")
    parser.add_argument("--cases", type=int, default=200_000, help="of differential (%(default)s)")
    parser.add_argument("--years", type=int, default=2_640, help="of years (%(default)s)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes at once (%(default)s)")
    asked = parser.parse_args()
    names = asked.names or list(PROOFS)
    if unknown := set(names) - set(PROOFS):
        parser.error(f"no such proof: {', '.join(unknown)}; there are: {', '.join(PROOFS)}")
    wish = Wish(seed=asked.seed, cases=asked.cases, years=asked.years)
    with ProcessPoolExecutor(asked.jobs, initializer=zoneinfo.reset_tzpath, initargs=((),)) as pool:
        failed = [name for name in names if not _proved(name, wish, pool)]
    return 1 if failed else 0


def _proved(name: str, wish: Wish, pool: ProcessPoolExecutor) -> bool:
    parts, unit = PROOFS[name]
    began, compared, told = time.monotonic(), 0, list[str]()
    for found in pool.map(_call, parts(wish)):
        compared += found.compared
        told += found.told
        print(*found.told, sep="\n", end="\n" if found.told else "")
    took = time.monotonic() - began
    print(f"{name}: seed {wish.seed}, {compared:,} {unit}, {len(told)} differences, {took:.0f} s")
    return not told


def _call(part: Callable[[], Proved]) -> Proved:
    return part()


if __name__ == "__main__":
    sys.exit(main())

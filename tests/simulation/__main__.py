"""`./portal simulate`: years in which everything goes wrong; exit code 1 if a promise was broken."""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path

from tests.simulation.century import Century, silence
from tests.simulation.told import Told
from tests.simulation.year import Wish

_SHOWN = 12


def main() -> int:
    parser = argparse.ArgumentParser(prog="portal simulate", description=__doc__)
    parser.add_argument("--years", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=100)
    parser.add_argument("--days", type=float, default=365, help="of each year")
    parser.add_argument("--seed", type=int, default=1, help="of the first year; the next one has the next")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--schedulers", type=int, default=1, help="at once, on one database")
    parser.add_argument(
        "--careful", action="store_true", help="people change jobs only while a scheduler sees it"
    )
    asked = parser.parse_args()
    wishes = [
        Wish(seed=seed, jobs=asked.jobs, days=asked.days, schedulers=asked.schedulers, careful=asked.careful)
        for seed in range(asked.seed, asked.seed + asked.years)
    ]
    print(f"seeds {asked.seed} to {asked.seed + asked.years - 1}", flush=True)
    began, told = time.monotonic(), Told()
    with tempfile.TemporaryDirectory(prefix="portal-simulation-", dir=_fast_folder()) as folder:
        for number, (wish, year) in enumerate(_years(wishes, asked.processes, folder), start=1):
            told.add(year)
            for complaint in year.complaints[:_SHOWN]:
                print(f"seed {wish.seed}: {complaint}", flush=True)
            for event in year.story:
                print(f"    {event}")
            if number % 10 == 0 or number == len(wishes):
                print(f"{time.monotonic() - began:6.0f} s: {told.summary()}", flush=True)
    for line in told.lines():
        print(line)
    return 1 if told.complaints else 0


def _years(wishes: list[Wish], processes: int, folder: str) -> Iterator[tuple[Wish, Told]]:
    with ProcessPoolExecutor(processes) as pool:
        yield from zip(wishes, pool.map(_live, wishes, [folder] * len(wishes)), strict=True)


def _live(wish: Wish, folder: str) -> Told:
    with silence():
        return _century(folder, wish.schedulers).year(wish)[0]


@cache
def _century(folder: str, schedulers: int) -> Century:
    """Return what this process keeps from one year to the next."""
    return Century(Path(tempfile.mkdtemp(dir=folder)), schedulers=schedulers)


def _fast_folder() -> str | None:
    memory = Path("/dev/shm")  # nothing of a year is worth a disk
    return str(memory) if memory.is_dir() else None


if __name__ == "__main__":
    sys.exit(main())

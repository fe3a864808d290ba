"""A short piece of what `./portal simulate` does at length; its seeds are fixed, so it is repeatable."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.century import Century, silence
from tests.simulation.life import CrashAt, NoCrashes
from tests.simulation.year import Wish


@pytest.fixture(scope="module")
def century(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Century]:
    with silence():
        made = Century(tmp_path_factory.mktemp("simulation"), schedulers=2)
        yield made
        made.close()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_months_in_which_all_goes_wrong_break_no_promise(century: Century, seed: int) -> None:
    told, _ = century.year(Wish(seed=seed, jobs=30, days=90, crashes=1e-3))

    assert told.complaints == []
    assert told.crashes > 5


def test_two_schedulers_of_which_each_dies_break_no_promise(century: Century) -> None:
    told, _ = century.year(Wish(seed=5, jobs=30, days=60, crashes=1e-3, schedulers=2))

    assert told.complaints == []
    assert told.crashes > 5


@pytest.mark.parametrize("part", range(4))
def test_a_crash_at_any_await_breaks_no_promise(century: Century, part: int) -> None:
    whole = CrashAt(1 << 60)
    calm = Wish(seed=11, jobs=12, days=8, faults=False)
    century.year(calm, whole)
    awaits = (1 << 60) - whole.left

    broken = {}
    for number in range(1 + part, awaits, 4 * _STRIDE):
        told, year = century.year(calm, CrashAt(number))
        if told.complaints or told.crashes != 1:
            broken[number] = told.complaints or list(year.events)[-5:]

    assert broken == {}


def test_the_same_seed_takes_the_same_steps_whatever_went_before(tmp_path: Path) -> None:
    wish = Wish(seed=6, jobs=20, days=30, crashes=1e-3)
    with silence():
        century = Century(tmp_path)
        first, again = (list(century.year(wish)[1].events) for _ in range(2))
        century.close()

    assert first == again


def test_a_calm_year_runs_every_instant(century: Century) -> None:
    told, _ = century.year(Wish(seed=7, jobs=10, days=30, faults=False), NoCrashes())

    assert told.complaints == []
    assert told.in_ranges == 0
    assert told.starts > 0


_STRIDE = 9
"""So that one run of the tests takes seconds; other seeds of the long command die at other awaits."""

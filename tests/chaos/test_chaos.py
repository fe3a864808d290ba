"""A short run of the harness on either database; `./portal chaos` is the long one."""

import asyncio
from pathlib import Path

import pytest

from tests.chaos.drama import Options, play

MINUTES = 1.0


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("database", "seed"), [("sqlite", 3), ("postgresql", 8)])
def test_every_guarantee_holds_whatever_is_broken(database: str, seed: int, tmp_path: Path) -> None:
    verdict = asyncio.run(play(Options(seed=seed, minutes=MINUTES, database=database), tmp_path))

    assert verdict.violations == [], "\n".join(verdict.lines())
    assert verdict.faults.total() > 0

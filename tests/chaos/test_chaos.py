"""A short run of the harness, with two schedulers; `./portal chaos` is the long one, on either database."""

import asyncio
from pathlib import Path

import pytest

from tests.chaos.drama import Options, play

MINUTES = 0.75


@pytest.mark.timeout(900)
def test_every_guarantee_holds_whatever_is_broken(tmp_path: Path) -> None:
    verdict = asyncio.run(play(Options(seed=2562, minutes=MINUTES, database="postgresql"), tmp_path))

    assert verdict.violations == [], "\n".join(verdict.lines())
    assert verdict.faults.total() > 0

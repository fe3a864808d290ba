"""132 schedules over twenty years with random looks and random absence: each promised run, once, in order."""

import os

import pytest

from tests.oracle import engine, years

SEED = int(os.environ.get("PORTAL_TEST_SEED", "4"))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("zone", years.ZONES)
def test_twenty_years_with_absences_lose_and_double_nothing(zone: str) -> None:
    assert list(years.differences(zone, engine.emitting, SEED)) == []

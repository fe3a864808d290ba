"""The engine against the model: the same schedules in the same hours, and not one answer that differs.

`PORTAL_TEST_SEED` chooses other cases; `./portal prove differential` tries ten times as many.
"""

import os

import pytest

from tests.oracle import differential, engine

SEED = int(os.environ.get("PORTAL_TEST_SEED", "4"))
PARTS, CASES_PER_PART = 10, 2_000
MOST_SHOWN = 20


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(SEED, SEED + PARTS), ids=lambda seed: f"seed {seed}")
def test_the_engine_answers_as_the_model_does(seed: int) -> None:
    told = list(differential.run(seed, CASES_PER_PART, engine.made))

    assert not told, f"{len(told)} of {CASES_PER_PART} cases differ:\n" + "\n".join(told[:MOST_SHOWN])

"""Every hostile script at every level: contained exactly where its head says so."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.executor.sandbox.fence import Level
from tests.sandbox.ground import USER, Ground
from tests.sandbox.headers import Header, Network, headers
from tests.sandbox.table import committed, table
from tests.sandbox.trial import Setup, Verdict, complaints, try_all
from tests.support.levels import cannot_hold

SETUPS = (
    Setup(level=Level.PROCESS, network=Network.HOST),
    Setup(level=Level.RESTRICTED, network=Network.NONE, in_container=True),
    Setup(level=Level.RESTRICTED, network=Network.HOST),
    Setup(level=Level.ISOLATED, network=Network.NONE),
    Setup(level=Level.ISOLATED, network=Network.NONE, ordinary=True),
    Setup(level=Level.ISOLATED, network=Network.HOST, ordinary=True),
    Setup(level=Level.ISOLATED, network=Network.HOST, ordinary=True, on_old_kernel=True),
)
HEADERS = headers()
pytestmark = pytest.mark.timeout(300)  # the first test of each level runs them all


@pytest.fixture(scope="module", params=SETUPS, ids=str)
def setup(request: pytest.FixtureRequest) -> Setup:
    return request.param


@pytest.fixture(scope="module")
def verdicts(setup: Setup) -> Iterator[dict[str, Verdict]]:
    """Run all scripts on a ground that every user can reach: pytest's own folders are closed."""
    if os.geteuid() != 0:
        pytest.skip("decoys, users of their own and the judge's view of others' processes need root")
    if why := cannot_hold(setup.level, user=USER if setup.ordinary else None):
        pytest.skip(why)
    folder = Path(tempfile.mkdtemp(prefix="corpus-", dir="/var/tmp"))
    ground = Ground(folder)
    try:
        yield asyncio.run(try_all(setup, ground, HEADERS))
    finally:
        ground.close()
        shutil.rmtree(folder)


@pytest.mark.parametrize("header", HEADERS, ids=lambda header: header.script)
def test_a_script_is_contained_exactly_where_its_head_says(
    setup: Setup, verdicts: dict[str, Verdict], header: Header
) -> None:
    assert complaints(setup, header, verdicts[header.script]) == []


def test_there_are_enough_of_them() -> None:
    assert len(HEADERS) >= 60


def test_the_table_in_the_documentation_is_what_the_heads_say() -> None:
    assert committed() == table(HEADERS), "write it anew: python -m tests.sandbox"

"""One real portal for all end-to-end tests, with scripts of its own."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.stack import ROOT, Stack, running_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole system, started as a user starts it; tests tell their jobs apart by name."""
    folder = tmp_path_factory.mktemp("portal")
    shutil.copytree(ROOT / "scripts", folder / "scripts")
    with running_stack(folder, executors=2, scripts=folder / "scripts") as running:
        yield running


@pytest.fixture
def scripts(stack: Stack) -> Path:
    """The scripts directory of the running portal."""
    return stack.home.parent / "scripts"

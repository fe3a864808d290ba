"""Which processes a restarted executor takes for keepers of its earlier boots."""

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.executor.recovery import bury_keepers

STAYS = "print('here', flush=True)\nwhile input():\n print('here', flush=True)"
PYTHON = (sys.executable, "-I", "-S", "-c")
# The path is put together inside: the command line of unshare itself, which is outside, must not name it.
INSIDE = """
import os, sys
os.execv(sys.executable, [sys.executable, "-c", sys.argv[1], "/" + "/".join(sys.argv[3:])])
"""
IN_A_NAMESPACE = ("unshare", "--pid", "--fork", "--kill-child", *PYTHON, INSIDE)

Alike = subprocess.Popen[str]
Start = Callable[..., Alike]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start a process whose command line names this keeper; burying them has no patience here."""
    monkeypatch.setattr("services.executor.recovery._PATIENCE_MS", 0)
    started: list[Alike] = []

    def start(keeper: Path, *within: str) -> Alike:
        argv = [*within, STAYS, *keeper.parts] if within else [*PYTHON, STAYS, str(keeper)]
        alike = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(alike)
        return alike

    yield start
    for alike in started:
        with alike:
            alike.kill()


def is_up(alike: Alike) -> bool:
    assert alike.stdout is not None
    return alike.stdout.readline() == "here\n"


def lives_on(alike: Alike) -> bool:
    assert alike.stdin is not None
    alike.stdin.write("?\n")
    with contextlib.suppress(BrokenPipeError):
        alike.stdin.flush()
    return is_up(alike)


def test_a_keeper_of_this_folder_that_does_not_end_is_killed(start: Start, tmp_path: Path) -> None:
    keeper = start(tmp_path / "keeper.pyc")
    other = start(tmp_path / "another" / "keeper.pyc")
    assert is_up(keeper)
    assert is_up(other)

    bury_keepers(tmp_path / "keeper.pyc")

    assert keeper.wait() == -9
    assert lives_on(other)


def test_a_keeper_of_a_containers_folder_of_the_same_name_is_left_alone(start: Start, tmp_path: Path) -> None:
    within = start(tmp_path / "keeper.pyc", *IN_A_NAMESPACE)
    if not is_up(within):
        pytest.skip("this user may make no process namespace")

    bury_keepers(tmp_path / "keeper.pyc")

    assert lives_on(within)

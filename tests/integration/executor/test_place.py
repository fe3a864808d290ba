"""Who gets which folder, among real processes that want the same."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.executor.place import owing, take_first_free, take_named

TAKES = """
import sys
from pathlib import Path
from services.executor.place import take_first_free
input()
print(take_first_free(Path(sys.argv[1]), "twin").name, flush=True)
input()
"""

Rival = subprocess.Popen[str]
Start = Callable[[], Rival]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a process that takes a place when it is told to, and holds it."""
    started: list[Rival] = []

    def start() -> Rival:
        rival = subprocess.Popen(
            [sys.executable, "-c", TAKES, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(rival)
        return rival

    yield start
    for rival in started:
        with rival:
            rival.kill()


def go(rival: Rival) -> None:
    assert rival.stdin is not None
    rival.stdin.write("\n")
    rival.stdin.flush()


def taken(rival: Rival) -> str:
    assert rival.stdout is not None
    return rival.stdout.readline().strip()


def test_those_that_start_at_one_moment_get_different_names(start: Start) -> None:
    rivals = [start() for _ in range(6)]

    for rival in rivals:
        go(rival)

    assert sorted(map(taken, rivals)) == [f"twin-{number}" for number in range(1, 7)]


def test_the_name_of_one_that_was_killed_is_the_next_to_be_taken(start: Start, tmp_path: Path) -> None:
    rivals = [start() for _ in range(3)]
    for rival in rivals:
        go(rival)
    names = {taken(rival): rival for rival in rivals}

    names["twin-2"].kill()
    names["twin-2"].wait()

    place = take_first_free(tmp_path, "twin")
    assert (place.name, place.folder) == ("twin-2", tmp_path / "twin-2")
    place.leave()


def test_a_second_executor_of_the_same_name_is_refused(start: Start, tmp_path: Path) -> None:
    rival = start()
    go(rival)
    name = taken(rival)

    with pytest.raises(SystemExit, match=f"an executor named {name} already runs"):
        take_named(tmp_path / name, name)


def test_a_folder_that_cannot_be_made_is_said_with_what_to_check(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(SystemExit, match=r"Not a directory\. Check PORTAL_HOME"):
        take_first_free(tmp_path / "file", "twin")


def test_only_free_folders_that_owe_something_are_found(start: Start, tmp_path: Path) -> None:
    rival = start()
    go(rival)
    held = tmp_path / taken(rival)
    for number, owed in ((2, "journal/x.json"), (3, "spool/x.chunks"), (4, "spool/x"), (5, None)):
        for name in ("journal", "spool"):
            (tmp_path / f"twin-{number}" / name).mkdir(parents=True)
        if owed is not None:
            (tmp_path / f"twin-{number}" / owed).touch()
    (held / "journal" / "x.json").touch()

    found = list(owing(tmp_path, "twin"))

    assert [place.name for place in found] == ["twin-2", "twin-3"]
    for place in found:
        place.leave()

"""`portal script run`: what a person learns about a script before it is a job."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

TREE = Path(__file__).parents[2]
SCRIPT = """
import sys, time
print("to", *sys.argv[1:])
print("aside", file=sys.stderr)
if "sleep" in sys.argv:
    time.sleep(1000)
while "burn" in sys.argv:
    pass
sys.exit(len(sys.argv) - 1)
"""


def tried(folder: Path, *arguments: str, name: str = "a.py") -> subprocess.CompletedProcess[str]:
    (folder / "a.py").write_text(SCRIPT)
    # pytest's folders are closed to every other user: no level with users of its own would do.
    command = (sys.executable, "-m", "services.cli", "script", "run", "--level", "process")
    return subprocess.run(
        [*command, *arguments[:-1], str(folder / name), *arguments[-1:]],
        cwd=TREE,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_its_output_comes_as_it_is_and_its_facts_in_a_last_line(tmp_path: Path) -> None:
    done = tried(tmp_path, "--json", "it's $HOME")

    said, facts = done.stdout.splitlines()
    found = json.loads(facts)
    assert (said, done.stderr, done.returncode) == ("to it's $HOME", "aside\n", 1)
    assert found["duration_s"] > 0
    assert found["peak_memory_bytes"] > 1_000_000
    assert {key: found[key] for key in ("state", "exit_code", "signal", "level", "network")} == {
        "state": "failed",
        "exit_code": 1,
        "signal": None,
        "level": "process",
        "network": "host",
    }
    assert found["stdout"] == {"bytes": len("to it's $HOME\n"), "dropped_bytes": 0}
    assert found["stderr"] == {"bytes": len("aside\n"), "dropped_bytes": 0}


def test_a_script_that_uses_more_than_its_limit_is_stopped_for_it(tmp_path: Path) -> None:
    done = tried(tmp_path, "--limit", "cpu=1", "--limit", "memory=1GB", "--json", "burn")

    found = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, found["state"], found["reason"]) == (128 + 9, "failed", "cpu-limit")
    assert found["detail"].startswith("Used more than its 1 s of processor time: 1.")

    refused = tried(tmp_path, "--limit", "memory=much", "burn")
    absurd = tried(tmp_path, "--limit", f"memory={'9' * 400}GB", "burn")
    assert (refused.returncode, "say it as memory=256MB" in refused.stderr) == (2, True)
    assert (absurd.returncode, "Choose between 16 MB and 1,000 GB" in absurd.stderr) == (2, True)


def test_a_script_past_its_time_is_stopped_and_said_to_be(tmp_path: Path) -> None:
    done = tried(tmp_path, "--timeout", "0.5", "sleep")

    assert done.returncode == 124
    assert "[timed out, Stopped at its time limit of 0.5 s, level process" in done.stderr


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing.py", "scripts/missing.py does not exist any more"),
        ("notes", "neither .py, .sh nor executable"),
    ],
)
def test_what_cannot_be_started_is_said_with_what_to_do(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "notes").write_text("no script")

    done = tried(tmp_path, "x", name=name)

    assert done.returncode == 126
    assert words in done.stderr


def test_it_keeps_a_folder_where_it_is_told_to(tmp_path: Path) -> None:
    appends = 'printf x >> "${PORTAL_STATE_DIR:?}/kept" && cat "$PORTAL_STATE_DIR/kept"'
    (tmp_path / "keeps.sh").write_text(appends)

    said = [tried(tmp_path, "--state", str(tmp_path / "states"), "-", name="keeps.sh") for _ in range(2)]

    assert [done.stdout for done in said] == ["x", "xx"]
    assert tried(tmp_path, "-", name="keeps.sh").returncode != 0

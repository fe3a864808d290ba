"""The portal without a privilege: an ordinary user starts it, and scripts are fenced in all the same."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.levels import cannot_hold
from tests.support.stack import ROOT, running_stack

USER = 64_985
"""Nobody else's number."""
TELLS = "id -u; ls /root || echo closed; cat /proc/1/comm; touch ~/own && echo own\n"


@pytest.fixture
def folder() -> Iterator[Path]:
    """The user's own, with an environment that they can reach: a developer's may lie in a closed home."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user; and whoever is none is one in every other test")
    system = Path("/usr/bin") / Path(sys.executable).resolve().name
    folder = Path(tempfile.mkdtemp(prefix="ordinary-", dir="/var/tmp"))
    packages = folder / "venv" / "lib" / system.name / "site-packages"
    try:
        packages.mkdir(parents=True)
        (packages / "ours.pth").write_text(sysconfig.get_path("purelib"))
        (folder / "venv" / "pyvenv.cfg").write_text(f"home = {system.parent}\n")
        (folder / "venv" / "bin").mkdir()
        (folder / "venv" / "bin" / "python").symlink_to(system)
        (folder / "scripts").mkdir()
        (folder / "scripts" / "tells.sh").write_text(TELLS)
        os.chown(folder, USER, USER)
        yield folder
    finally:
        shutil.rmtree(folder)


def test_an_ordinary_user_has_a_portal_that_fences_scripts_in(folder: Path) -> None:
    if why := cannot_hold("isolated", user=USER):
        pytest.skip(why)
    python = str(folder / "venv" / "bin" / "python")
    if not can_run(python):
        pytest.skip("another user cannot reach this tree, or there is no such Python in /usr/bin")
    settings = {"PORTAL_SANDBOX": "auto", "HOME": str(folder)}

    with running_stack(
        folder, executors=1, scripts=folder / "scripts", settings=settings, ordinary=(USER, python)
    ) as stack:
        run = stack.ended(stack.run_now(stack.create("tells", "tells.sh")))
        log = stack.http.get(f"/api/v1/runs/{run['id']}/log.txt", params={"stream": "stdout"}).text
        (executor,) = stack.ask("GET", "/executors")["items"]

    assert (run["state"], executor["sandbox"], executor["problems"]) == ("succeeded", "isolated", [])
    # The first process that it sees is the keeper: the tree of processes is its own.
    assert log.split() == [str(USER), "closed", "python", "own"]


def can_run(python: str) -> bool:
    tried = (python, "-c", "import services.cli.main")
    who = {"user": USER, "group": USER, "extra_groups": []}
    return subprocess.run(tried, cwd=ROOT, capture_output=True, check=False, **who).returncode == 0

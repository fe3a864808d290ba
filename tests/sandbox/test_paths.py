"""No script's name leads out of the scripts directory, by whatever way it comes, and however it is raced."""

import contextlib
import math
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.executor.sandbox.command import NOTHING, NotRunnable
from services.executor.sandbox.level import Ground, Sandbox
from services.ui.access import acting
from services.ui.access.local_key import WHO
from services.ui.commands import jobs
from services.ui.scripts import Scripts
from shared.db.engine import open_database
from shared.domain.errors import InvalidInput
from shared.runtime.script_files import open_beneath, open_part_by_part
from shared.runtime.settings import DatabaseSettings
from tests.integration.executor.test_paths import REFUSED, root
from tests.integration.ui.stage import a_draft
from tests.unit.services.executor.grants import a_grant

__all__ = ["root"]  # the fixture
NAMES = [name for name, _ in REFUSED]
LEFT_TO_EXECUTORS = {"hard.py"}
"""What the portal's advice does not look for: it is judged where it would be started."""
RACE_S = 3.0
SWAPS = """
import os, sys
folder, away = sys.argv[1] + "/swapped", sys.argv[1] + "/kept"
print("ready", flush=True)
while True:
    os.rename(folder, away)
    os.symlink(sys.argv[2], folder)
    os.unlink(folder)
    os.rename(away, folder)
"""


def test_there_are_enough_names() -> None:
    assert len(set(NAMES)) >= 40


async def test_no_job_is_made_with_such_a_script(root: Path, migrated_home: Path, tmp_path: Path) -> None:
    home = shutil.copytree(migrated_home, tmp_path / "home")
    accepted = set()
    async with open_database(DatabaseSettings(home=home)) as database:
        for number, name in enumerate(NAMES):
            draft = a_draft(name=f"job {number}", script=name)
            with contextlib.suppress(InvalidInput), acting(WHO):
                await jobs.create(
                    database.ledger, draft, Scripts(root), jobs.Making(by="", now=datetime.now(UTC))
                )
                accepted.add(name)

    assert accepted == LEFT_TO_EXECUTORS


@pytest.mark.parametrize("name", NAMES)
def test_no_grant_starts_such_a_script(root: Path, name: str) -> None:
    nowhere = root.parent / "nowhere"
    ground = Ground(
        scripts_dir=root,
        python=Path(sys.executable),
        home=nowhere,
        marker=nowhere,
        work_root=nowhere,
        users_root=nowhere,
    )

    with pytest.raises(NotRunnable):
        Sandbox(ground, None).prepare(
            a_grant(script=name), NOTHING, lease_until=math.inf, spawn_until=math.inf
        )


@pytest.mark.parametrize("opens", [open_beneath, open_part_by_part])
def test_a_folder_that_is_swapped_for_a_link_leads_nowhere(
    root: Path, opens: Callable[[int, str], int]
) -> None:
    outside = root.parent / "scripts-evil"
    (root / "swapped").mkdir()
    (root / "swapped" / "x.py").write_text("1")
    inside, wrong = (root / "swapped" / "x.py").stat().st_ino, (outside / "x.py").stat().st_ino
    root_fd = os.open(root, os.O_PATH)
    seen: Counter[str] = Counter()

    with subprocess.Popen([sys.executable, "-c", SWAPS, root, outside], stdout=subprocess.PIPE) as swaps:
        assert swaps.stdout is not None
        swaps.stdout.readline()
        until = time.monotonic() + RACE_S / 2
        while time.monotonic() < until:
            seen[_opened(opens, root_fd, {inside: "inside", wrong: "outside"})] += 1
        swaps.kill()
    os.close(root_fd)

    assert seen["outside"] == 0
    # Else nothing was raced.
    assert seen["inside"] > 0
    assert seen["refused"] > 0


def _opened(opens: Callable[[int, str], int], root_fd: int, files: dict[int, str]) -> str:
    try:
        fd = opens(root_fd, "swapped/x.py")
    except OSError:
        return "refused"
    try:
        return files[os.fstat(fd).st_ino]
    finally:
        os.close(fd)

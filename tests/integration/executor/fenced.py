"""Sandboxes of a level, on a ground that every user can pass."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from services.executor.sandbox.level import Ground, Sandbox, choose
from tests.support.levels import cannot_hold


@contextmanager
def a_ground() -> Iterator[Ground]:
    """Make folders that every user can pass, which pytest's own are not; remove them."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    folder.chmod(0o755)
    (folder / "scripts").mkdir(mode=0o755)
    (folder / "home").mkdir(mode=0o700)
    yield Ground(
        scripts_dir=folder / "scripts",
        python=Path("/usr/bin/python3"),
        home=folder / "home",
        marker=folder / "home" / "keeper",
        work_root=folder / "home" / "work",
        users_root=folder / "jobs",
    )
    shutil.rmtree(folder)


async def fenced(level: str, ground: Ground, **interpreters: tuple[str, ...]) -> Sandbox:
    """Return the sandbox of a level; skips where the machine cannot have it, and nowhere else."""
    if why := cannot_hold(level):
        pytest.skip(why)
    programs = {f".{name}": program for name, program in interpreters.items()}
    sandbox = await choose(level, replace(ground, interpreters=programs) if programs else ground)
    assert sandbox.level == level, sandbox.problem
    return sandbox

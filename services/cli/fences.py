"""How well scripts can be fenced in on this machine: tried before anything is started on it."""

import contextlib
import os
from pathlib import Path
from tempfile import TemporaryDirectory

from services.cli.environment import script_python, scripts_dir
from services.executor.sandbox.interpreter import find_python
from services.executor.sandbox.level import Ground, choose

WORDS = {
    "process": "own session, constructed environment, time limit; scripts have this account's rights:"
    " run trusted ones only",
    "restricted": "a user of its own, no files but the system's and the scripts, filtered system calls",
    "isolated": "a root, a process tree and system calls of its own",
}


async def tried(wanted: str) -> tuple[str, str]:
    """Return the level that holds here of those that `wanted` allows, or `unavailable` and why."""
    with TemporaryDirectory() as folder:
        ground = Ground(
            scripts_dir=scripts_dir(),
            python=find_python(Path(script_python())),
            home=Path(folder),
            marker=Path(folder, "keeper"),
            work_root=Path(folder, "work"),
            users_root=Path("/run/portal-jobs", f"trial-{os.getpid()}"),
        )
        sandbox = await choose(wanted, ground)
        found = sandbox.level, sandbox.problem
        sandbox.close()
        with contextlib.suppress(OSError):
            ground.users_root.rmdir()
    return found

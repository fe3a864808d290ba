"""How well scripts can be fenced in on this machine: tried before anything is started on it."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import typer

from services.cli.environment import interpreters, script_python, scripts_dir
from services.executor.sandbox.interpreter import find_python
from services.executor.sandbox.level import Ground, Sandbox, choose

WORDS = {
    "process": "own session, constructed environment, time limit; scripts have this account's rights:"
    " run trusted ones only",
    "restricted": "a user of its own, no files but the system's and the scripts, filtered system calls",
    "isolated": "a root, a process tree and system calls of its own",
}


def check_level(level: str, option: str) -> None:
    """Refuse a level that there is not.

    Raises:
        typer.BadParameter: it names the option and the levels.
    """
    if level not in {"auto", *WORDS}:
        raise typer.BadParameter(f"{level} is not one of: auto, {', '.join(WORDS)}", param_hint=option)


async def tried(wanted: str) -> tuple[str, str]:
    """Return the level that holds here of those that `wanted` allows, or `unavailable` and why."""
    with TemporaryDirectory() as folder:
        sandbox = await chosen(wanted, Path(folder), scripts=scripts_dir())
        found = sandbox.level, sandbox.problem
        sandbox.close()
    return found


async def chosen(wanted: str, folder: Path, *, scripts: Path, states: Path | None = None) -> Sandbox:
    """Return the sandbox that an executor whose folder is `folder` would have; close it.

    `states`: where scripts keep their folders; None: they keep none.

    Raises:
        SystemExit: PORTAL_INTERPRETERS is wrong.
    """
    try:
        programs = interpreters()
    except ValueError as error:
        raise SystemExit(f"PORTAL_INTERPRETERS: {error}") from error
    return await choose(
        wanted,
        Ground(
            scripts_dir=scripts,
            python=find_python(Path(script_python())),
            home=folder,
            marker=folder / "keeper",
            work_root=folder / "work",
            users_root=Path("/run/portal-jobs", f"trial-{os.getpid()}"),
            interpreters=programs,
            environments=folder / "environments",
            states=states,
        ),
    )

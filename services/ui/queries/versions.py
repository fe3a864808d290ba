"""The script of a job: what is there now."""

import asyncio
from datetime import datetime
from pathlib import Path

import msgspec

from shared.domain.errors import UnusableScript
from shared.runtime.script_files import ScriptFile, read_script


class ScriptNow(msgspec.Struct, frozen=True, kw_only=True):
    """A script as it is in the scripts directory at this moment."""

    name: str
    sha256: str | None
    """In hex; None: it cannot be read, or is too large to be hashed before each run."""
    size: int | None
    """In bytes."""
    changed_at: datetime | None
    problem: str
    """Why no run of it could start, in words; empty where none is known."""


async def script_now(root: Path, name: str) -> ScriptNow:
    """Look at a script as an executor would."""
    return (await asyncio.to_thread(read, root, name))[0]


def read(root: Path, name: str) -> tuple[ScriptNow, ScriptFile | None]:
    """Return how a script stands, and the file where it is one. Blocks on the disk."""
    try:
        found = read_script(root, name)
    except UnusableScript as error:
        return ScriptNow(name=name, sha256=None, size=None, changed_at=None, problem=str(error)), None
    now = ScriptNow(name=name, sha256=found.sha256, size=found.size, changed_at=found.changed_at, problem="")
    return now, found

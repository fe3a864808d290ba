"""Finds what runs scripts: a Python of the system, so that the portal's own packages stay out, and others."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from shared.domain.script import Interpreters

_CANDIDATES = ("/usr/local/bin/python3", "/usr/bin/python3")
_IS_NEW_ENOUGH = "import sys; sys.exit(sys.version_info < (3, 11))"
_PATIENCE_S = 10


def find_python(wanted: Path | None) -> Path:
    """Return `wanted`, or else a system Python of at least 3.11, or else the one that runs this.

    Starts each candidate once.

    Raises:
        SystemExit: when `wanted` does not work.
    """
    if wanted is not None:
        if not _works(str(wanted)):
            raise SystemExit(
                f"PORTAL_SCRIPT_PYTHON={wanted} is no Python of at least 3.11 that can be started here."
            )
        return wanted.absolute()
    return Path(next((path for path in _CANDIDATES if _works(path)), sys.executable))


def missing(interpreters: Interpreters) -> Iterator[str]:
    """Yield in words each program that is named and cannot be run here."""
    for extension, (program, *_) in interpreters.items():
        if not os.path.isfile(program):  # noqa: PTH113 - the path as it was given
            yield f"{program}, which is to run {extension} scripts, does not exist"
        elif not os.access(program, os.X_OK):
            yield f"{program}, which is to run {extension} scripts, is not executable"


def check(interpreters: Interpreters) -> None:
    """Look whether every program is there.

    Raises:
        SystemExit: one is not; says which, and what to do.
    """
    if found := list(missing(interpreters)):
        raise SystemExit(f"PORTAL_INTERPRETERS: {'; '.join(found)}. Install it, or leave the entry out.")


def _works(path: str) -> bool:
    try:
        tried = subprocess.run(
            [path, "-I", "-S", "-c", _IS_NEW_ENOUGH],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={},  # nothing of the executor's own: of this process, scripts could read it
            timeout=_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return tried.returncode == 0

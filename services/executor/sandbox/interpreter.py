"""Finds the Python that runs `.py` scripts: the system's, so that the portal's own packages stay out."""

import subprocess
import sys
from pathlib import Path

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

"""Why this executor should take no runs at the moment, in words for people."""

import os
from pathlib import Path

from services.executor.spool import Spools

MIN_FREE_BYTES = 64_000_000


def problems(*, scripts_dir: Path, home: Path, spools: Spools) -> tuple[str, ...]:
    """Look at the disk and return what is wrong; empty when all is well. Blocks for microseconds."""
    found = []
    if not scripts_dir.is_dir():
        found.append(f"The scripts directory {scripts_dir} is missing. Check PORTAL_SCRIPTS_DIR.")
    found += _disk_problems(home)
    if spools.is_full:
        found.append("The output of earlier runs fills the spool: the portal does not store it.")
    return tuple(found)


def _disk_problems(home: Path) -> list[str]:
    try:
        disk = os.statvfs(home)
    except OSError as error:
        return [f"The executor's folder {home} cannot be used: {error.strerror}."]
    if disk.f_bavail * disk.f_frsize < MIN_FREE_BYTES:
        return [f"The disk of {home} is full: free at least {MIN_FREE_BYTES // 1_000_000} MB."]
    if disk.f_flag & os.ST_RDONLY or not os.access(home, os.W_OK):
        return [f"The executor's folder {home} cannot be written."]
    return []

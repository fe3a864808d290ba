"""What the machine itself says of levels of the sandbox, where our own probe is under test."""

import os
import subprocess

from services.executor.sandbox import landlock

_NAMESPACES = ("unshare", "--user", "--map-current-user", "--mount", "--pid", "--fork", "--mount-proc")


def cannot_hold(level: str, *, user: int | None = None) -> str:
    """Say why a user of this machine cannot have a level; empty: where it does not hold, we are at fault."""
    if level == "restricted" and (os.geteuid() != 0 or not landlock.abi()):
        return "level restricted needs root and a kernel with Landlock"
    if level != "isolated":
        return ""
    made = subprocess.run([*_NAMESPACES, "true"], user=user, capture_output=True, check=False)
    return "" if made.returncode == 0 else "this user may make no namespaces"

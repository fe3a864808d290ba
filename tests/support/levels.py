"""What the machine itself says of levels of the sandbox, where our own probe is under test."""

import os
import subprocess
from pathlib import Path

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


def cannot_delegate() -> str:
    """Say why these tests cannot have cgroups of their own; empty: where there are none, we are at fault."""
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    own = Path("/sys/fs/cgroup", *(line[4:] for line in lines if line.startswith("0::/")))
    delegated = any("user.delegate" in os.listxattr(one) for one in (own, own.parent) if one.exists())
    return "" if delegated else "no cgroup v2 is delegated here: deploy/vm.sh runs this where one is"

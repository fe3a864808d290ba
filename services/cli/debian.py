"""Installs Debian packages for people who start the portal as root on a fresh machine.

A package that brings a daemon would start it at once. The portal runs its own private node, so a
temporary /usr/sbin/policy-rc.d says no to every start while apt works, and is taken away again.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.cli.console import Console
from services.cli.errors import CannotStart

_POLICY = Path("/usr/sbin/policy-rc.d")
# The mark tells a policy that a killed run of ours left behind from the administrator's own.
_POLICY_TEXT = "#!/bin/sh\n# portal: no daemon is started while its packages are installed\nexit 101\n"
# pg_createcluster(1) reads this folder; it may be there before the package is.
_CLUSTERS = Path("/etc/postgresql-common/createcluster.d/portal.conf")
_UPDATE_BOUND_S = 180
_INSTALL_BOUND_S = 600


def can_install() -> bool:
    """Return whether this is Debian or a child of it and we are root."""
    return os.geteuid() == 0 and Path("/etc/debian_version").exists() and bool(shutil.which("apt-get"))


def install(package: str, console: Console) -> None:
    """Install one package by apt without starting what it brings; blocks, at most about 13 minutes.

    Raises CannotStart with apt's last words.
    """
    with _no_daemon_starts(), _no_cluster(package):
        with console.timed("apt", "package lists updated"):
            # Old lists may still do: only the install itself decides.
            _apt_get("update", bound_s=_UPDATE_BOUND_S)
        with console.timed("apt", f"{package} installed"):
            problem = _apt_get("install", "-y", "--no-install-recommends", package, bound_s=_INSTALL_BOUND_S)
            if problem is not None:
                raise CannotStart(
                    f"apt-get install {package} failed: {problem}. Install it by hand, then start again."
                )


def _apt_get(*arguments: str, bound_s: int) -> str | None:
    """Run apt-get; return its last words when it failed."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1"}
    try:
        # A session of its own: Ctrl-C must not tear dpkg in the middle of unpacking.
        done = subprocess.run(
            ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=120", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=bound_s,
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no end after {bound_s} s"
    return None if done.returncode == 0 else " / ".join(done.stdout.strip().splitlines()[-3:])


@contextmanager
def _no_daemon_starts() -> Iterator[None]:
    if _POLICY.exists() and _POLICY.read_text(errors="replace") != _POLICY_TEXT:
        yield  # the administrator's policy decides, as in a container image
        return
    _POLICY.write_text(_POLICY_TEXT)
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink(missing_ok=True)


@contextmanager
def _no_cluster(package: str) -> Iterator[None]:
    """Let PostgreSQL's package make no system-wide cluster: nobody here would use it."""
    if package != "postgresql":
        yield
        return
    _CLUSTERS.parent.mkdir(parents=True, exist_ok=True)
    _CLUSTERS.write_text("create_main_cluster = false\n")
    try:
        yield
    finally:
        _CLUSTERS.unlink()

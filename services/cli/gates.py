"""`portal check`, `portal test`, `portal lock`: what a contributor and the CI run, the same for both."""

import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from services.cli import broker_node, debian
from services.cli.console import Console
from services.cli.errors import CannotStart
from services.cli.home import TREE

_BIN = Path(sys.executable).parent
_GATES = (
    ("format", ("ruff", "format", "--check", ".")),
    ("lint", ("ruff", "check", ".")),
    ("imports", ("lint-imports",)),
    ("types", ("mypy",)),
    ("tests", ("pytest", "-q", "tests/unit", "tests/architecture", "tests/contract")),
)
_LOCKS = (("requirements-runtime.lock", ("--extra", "scheduler")), ("requirements.lock", ("--extra", "dev")))
_LOCK_OPTIONS = (
    "--universal",
    "--generate-hashes",
    "--no-header",
    "--no-annotate",
    "--no-emit-index-url",
    "--quiet",
)
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def check() -> int:
    """Run every gate, print one line for each and all output of those that fail; return 1 if one did."""
    console = Console()
    failed = [name for name, command in _GATES if not _passes(name, command, console)]
    console.say(f"failed: {', '.join(failed)}" if failed else "all passed")
    return 1 if failed else 0


def test(arguments: Sequence[str]) -> int:
    """Install what the tests need where that is allowed, run pytest, return its exit code."""
    console = Console()
    try:
        if broker_node.find_server() is None:
            _install("rabbitmq-server", console)
        if not any(map(shutil.which, _BROWSERS)):
            _install("chromium", console)
    except CannotStart as error:
        console.say(str(error))
        return 1
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], cwd=TREE, check=False).returncode


def lock() -> int:
    """Resolve pyproject.toml anew into both requirements files; return 1 if that fails."""
    console = Console()
    for name, extras in _LOCKS:
        command = ("uv", "pip", "compile", "pyproject.toml", *extras, *_LOCK_OPTIONS, "-o", name)
        if not _passes(name, command, console):
            return 1
    return 0


def _install(package: str, console: Console) -> None:
    if not debian.can_install():
        raise CannotStart(
            f"The tests need {package}: install it, then start again (as root on Debian this does it)."
        )
    debian.install(package, console)


def _passes(name: str, command: Sequence[str], console: Console) -> bool:
    began = time.monotonic()
    done = subprocess.run(
        [str(_BIN / command[0]), *command[1:]],
        cwd=TREE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    verdict = "ok" if done.returncode == 0 else "FAILED"
    console.say(f"{name:<10} {verdict:<7} {time.monotonic() - began:6.1f} s")
    if done.returncode != 0:
        console.say(done.stdout)
    return done.returncode == 0

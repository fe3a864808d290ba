"""`portal check`, `portal test`, `portal lock`: what a contributor and the CI run, the same for both."""

import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from services.cli import broker_node, debian
from services.cli.console import Console
from services.cli.errors import CannotStart
from services.cli.home import TREE

_BIN = Path(sys.executable).parent
_RULES = (
    ("format", ("ruff", "format", "--check", ".")),
    ("lint", ("ruff", "check", ".")),
    ("imports", ("lint-imports",)),
    ("types", ("mypy",)),
)
_QUICK_TESTS = ("tests", ("pytest", "-q", "tests/unit", "tests/architecture", "tests/contract"))
# The images' locks are cuts of the first: each service installs its own extra, in the same versions.
_LOCKS = (
    ("requirements.lock", ("--extra", "dev")),
    *(
        (f"deploy/requirements/{name}.lock", ("--extra", name, "--constraints", "requirements.lock"))
        for name in ("executor", "scheduler", "ui")
    ),
    ("deploy/requirements/checks.lock", ("--extra", "checks")),
    ("deploy/requirements/bench.lock", ("--extra", "bench", "--constraints", "requirements.lock")),
)
_LOCK_OPTIONS = (
    "--universal",
    "--generate-hashes",
    "--no-header",
    "--no-annotate",
    "--no-emit-index-url",
    "--quiet",
)
# Each process has servers of its own. Whole files in their order: those of the browser are the last of each.
_IN_PARALLEL = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
_ALONE = frozenset({"ledger", "lighthouse", "lists", "log"})
"""Benchmarks without a rival, and what fills a ledger for them."""
_POSTGRES = Path("/usr/lib/postgresql")  # Debian keeps the server's programs off the PATH
_FONTS = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def check() -> int:
    """Check the rules and run the quick tests: one line each, and all output of what fails; return 1 then."""
    console = Console()
    failed = [name for name, command in (*_RULES, _QUICK_TESTS) if not _passes(name, command, console)]
    console.say(f"failed: {', '.join(failed)}" if failed else "all passed")
    return 1 if failed else 0


def test(arguments: Sequence[str]) -> int:
    """Install what the tests need where that is allowed and run pytest; return 0 if all is well.

    Without arguments, which means everything, two processes share the tests, and the rules are checked too.
    """
    console = Console()
    has_postgres = shutil.which("initdb") or any(_POSTGRES.glob("*/bin/initdb"))
    try:
        _install_missing({"postgresql": bool(has_postgres)}, console)
    except CannotStart as error:
        console.say(str(error))
        return 1
    rules = () if arguments else _RULES
    broken = [name for name, command in rules if not _passes(name, command, console)]
    code = subprocess.run(
        [sys.executable, "-m", "pytest", *(arguments or _IN_PARALLEL)], cwd=TREE, check=False
    ).returncode
    if broken:
        console.say(f"rules broken: {', '.join(broken)} (their output stands above the tests')")
    return code or bool(broken)


def screenshots(arguments: Sequence[str]) -> int:
    """Take pictures of every page; a browser and Chinese letters are installed where that is allowed."""
    console = Console()
    try:
        _install_missing({"fonts-noto-cjk": _FONTS.exists()}, console)
    except CannotStart as error:
        console.say(str(error))
        return 1
    command = [sys.executable, "-m", "tests.e2e.browser.screenshots", *arguments]
    return subprocess.run(command, check=False).returncode


def drill(names: Sequence[str]) -> int:
    """Run drills on the real system; return 1 if one fails."""
    return subprocess.run([sys.executable, "-m", "tests.drills", *names], cwd=TREE, check=False).returncode


def chaos(arguments: Sequence[str]) -> int:
    """Break the real system for minutes and judge it; return 1 if a guarantee was broken."""
    return subprocess.run([sys.executable, "-m", "tests.chaos", *arguments], cwd=TREE, check=False).returncode


def prove(arguments: Sequence[str]) -> int:
    """Hold the schedules against a model of them, at length; return 1 if an answer differs."""
    return subprocess.run(
        [sys.executable, "-m", "tests.oracle", *arguments], cwd=TREE, check=False
    ).returncode


def simulate(arguments: Sequence[str]) -> int:
    """Simulate years of the whole scheduler; return 1 if a ledger is not as the model says."""
    return subprocess.run(
        [sys.executable, "-m", "tests.simulation", *arguments], cwd=TREE, check=False
    ).returncode


def mutants(modules: Sequence[str]) -> int:
    """Put small faults into the pure core; return 1 if one is noticed by no test and not explained."""
    return subprocess.run([sys.executable, "-m", "tests.mutants", *modules], cwd=TREE, check=False).returncode


def bench(name: str, arguments: Sequence[str]) -> int:
    """Run a benchmark beside the libraries that it is measured against; return 1 if a target is missed."""
    if name in _ALONE:
        return subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}", *arguments], cwd=TREE, check=False
        ).returncode
    # uv keeps an environment for them: the portal's own never holds a rival.
    uv = (str(_BIN / "uv"), "run", "--quiet", "--no-project", "--python", sys.executable)
    locked = ("--with-requirements", "deploy/requirements/bench.lock")
    command = (*uv, *locked, "--", "python", "-m", f"benchmarks.{name}", *arguments)
    return subprocess.run(command, cwd=TREE, check=False).returncode


def lock() -> int:
    """Resolve pyproject.toml anew into both requirements files; return 1 if that fails."""
    console = Console()
    for name, extras in _LOCKS:
        command = ("uv", "pip", "compile", "pyproject.toml", *extras, *_LOCK_OPTIONS, "-o", name)
        if not _passes(name, command, console):
            return 1
    return 0


def _install_missing(also: Mapping[str, bool], console: Console) -> None:
    """Install what a portal in a browser needs, and further packages that are not there, by name."""
    there = {
        "rabbitmq-server": broker_node.find_server() is not None,
        "chromium": any(map(shutil.which, _BROWSERS)),
        **also,
    }
    for package, is_there in there.items():
        if not is_there:
            _install(package, console)


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

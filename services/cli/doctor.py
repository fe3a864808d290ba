"""`portal doctor`: one line for each thing that `portal up` needs, with the way to mend it."""

import asyncio
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from services.cli import broker_node, debian, fences, ports, record
from services.cli.console import Console
from services.cli.environment import given_amqp_url, given_uv, interpreters, script_python
from services.cli.home import Home
from services.executor.environments import find_uv
from services.executor.sandbox.interpreter import missing
from services.executor.states import root_of

_GB = 1_000_000_000
_BROKER_NEEDS_BYTES = _GB  # disk_free_limit.absolute of the private node
_COMFORTABLE_BYTES = 5 * _GB
_INTERPRETER_BOUND_S = 20


class Verdict(StrEnum):
    """How a finding is to be taken."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, how it is, and what to do where it is not ok."""

    subject: str
    verdict: Verdict
    text: str


def examine(home: Home, port: int) -> int:
    """Print the findings; return 1 if one is a problem, else 0. Changes nothing."""
    console = Console()
    findings = list(_findings(home, port))
    for finding in findings:
        console.say(f"{finding.verdict:<8} {finding.subject:<13} {finding.text}")
    return 1 if any(finding.verdict is Verdict.PROBLEM for finding in findings) else 0


def _findings(home: Home, port: int) -> Iterator[Finding]:
    looks: tuple[Callable[[], Finding], ...] = (
        _python,
        _script_interpreter,
        _other_interpreters,
        _packages,
        _broker,
        lambda: _port(home, port),
        lambda: _home(home),
        lambda: _disk(home),
        lambda: _states(home),
        _sandbox,
    )
    for look in looks:
        yield look()


def _python() -> Finding:
    text = f"{platform.python_version()} at {sys.executable}"
    if sys.platform != "linux":
        return Finding(
            "python", Verdict.PROBLEM, f"{text}, but {sys.platform}: the supervisor needs Linux's /proc"
        )
    return Finding("python", Verdict.OK, text)


def _script_interpreter() -> Finding:
    python = script_python()
    try:
        done = subprocess.run(
            [python, "-I", "-c", "import platform; print(platform.python_version())"],
            capture_output=True,
            text=True,
            timeout=_INTERPRETER_BOUND_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        text = f"{python} does not run ({error}): set PORTAL_SCRIPT_PYTHON to a Python"
        return Finding("scripts run by", Verdict.PROBLEM, text)
    return Finding(
        "scripts run by",
        Verdict.OK,
        f"{python} ({done.stdout.strip()}); PORTAL_SCRIPT_PYTHON chooses another",
    )


def _other_interpreters() -> Finding:
    try:
        programs = interpreters()
    except ValueError as error:
        return Finding("interpreters", Verdict.PROBLEM, f"PORTAL_INTERPRETERS: {error}")
    if found := list(missing(programs)):
        text = f"{'; '.join(found)}: install it, or mend PORTAL_INTERPRETERS"
        return Finding("interpreters", Verdict.PROBLEM, text)
    others = ", ".join(f"{extension} by {' '.join(command)}" for extension, command in programs.items())
    text = others or "none besides .py, .sh and #! lines; PORTAL_INTERPRETERS names others"
    return Finding("interpreters", Verdict.OK, text)


def _packages() -> Finding:
    found = find_uv(given_uv())
    if found is None:
        text = "no uv: scripts that name their packages fail; install uv, or set PORTAL_UV"
        return Finding("packages", Verdict.WARNING, text)
    return Finding(
        "packages", Verdict.OK, f"{found} installs those that scripts name; PORTAL_UV chooses another"
    )


def _broker() -> Finding:
    given = given_amqp_url()
    if given is not None:
        parts = urlsplit(given)
        where = f"{parts.hostname}:{parts.port or 5672}"  # never the password
        return Finding("broker", Verdict.OK, f"PORTAL_AMQP_URL names {where}; no node of our own is started")
    server = broker_node.find_server()
    if server is not None:
        return Finding("broker", Verdict.OK, f"private node from {server}")
    if debian.can_install():
        return Finding(
            "broker", Verdict.WARNING, "RabbitMQ is not installed; `portal up` will do it with apt"
        )
    return Finding(
        "broker", Verdict.PROBLEM, "no RabbitMQ: install rabbitmq-server, or set PORTAL_AMQP_URL to a broker"
    )


def _port(home: Home, port: int) -> Finding:
    running = record.running(home.record)
    if running is not None:
        return Finding("port", Verdict.OK, f"the portal runs at {running.portal_url} (pid {running.pid})")
    if ports.is_free(port):
        return Finding("port", Verdict.OK, f"127.0.0.1:{port} is free; all other ports follow free ones")
    return Finding("port", Verdict.PROBLEM, f"127.0.0.1:{port} is taken: start with `portal up --port N`")


def _home(home: Home) -> Finding:
    folder = home.folder
    if not folder.exists():
        parent = next(each for each in folder.parents if each.exists())
        if not os.access(parent, os.W_OK | os.X_OK):
            return Finding(
                "home", Verdict.PROBLEM, f"{folder} cannot be made in {parent}: choose one with --home"
            )
        return Finding("home", Verdict.OK, f"{folder} will be made at the first start")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return Finding(
            "home", Verdict.PROBLEM, f"{folder} is not ours to write: chown it, or choose another with --home"
        )
    if folder.stat().st_mode & 0o077 and any(folder.iterdir()) and not (folder / "secrets").exists():
        return Finding(
            "home", Verdict.PROBLEM, f"{folder} is shared and holds other things: choose a new folder"
        )
    loose = [path for path in (folder, *folder.glob("secrets/*")) if path.stat().st_mode & 0o077]
    if loose:
        names = " ".join(map(str, loose))
        return Finding("home", Verdict.PROBLEM, f"others may read what is secret: chmod go= {names}")
    return Finding("home", Verdict.OK, f"{folder}, readable by this account only")


def _disk(home: Home) -> Finding:
    folder = next(each for each in (home.folder, *home.folder.parents) if each.exists())
    free = shutil.disk_usage(folder).free
    text = f"{free / _GB:.1f} GB free at {folder}"
    if free < _BROKER_NEEDS_BYTES:
        return Finding("disk", Verdict.PROBLEM, f"{text}: below 1 GB RabbitMQ takes no messages; make room")
    if free < _COMFORTABLE_BYTES:
        return Finding("disk", Verdict.WARNING, f"{text}: output of many runs needs more")
    return Finding("disk", Verdict.OK, text)


def _states(home: Home) -> Finding:
    if os.environ.get("PORTAL_STATE_BYTES") == "0":
        return Finding("job folders", Verdict.OK, "none: PORTAL_STATE_BYTES=0")
    given = os.environ.get("PORTAL_STATES_DIR")
    root = root_of(home.folder, Path(given) if given else None, os.environ.get("PORTAL_SANDBOX", "auto"))
    nearest = next(each for each in (root, *root.parents) if each.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        text = f"{root} cannot be written: jobs keep nothing between runs; set PORTAL_STATES_DIR to a folder"
        return Finding("job folders", Verdict.WARNING, text)
    return Finding("job folders", Verdict.OK, f"{root} holds what jobs keep between their runs")


def _sandbox() -> Finding:
    try:
        level, problem = asyncio.run(fences.tried(os.environ.get("PORTAL_SANDBOX", "auto")))
    except SystemExit as error:  # how `portal up` would end
        return Finding("sandbox", Verdict.PROBLEM, f"not tried: {error}")
    if problem:
        return Finding("sandbox", Verdict.PROBLEM, problem)
    verdict = Verdict.WARNING if level == "process" else Verdict.OK
    return Finding("sandbox", verdict, f"level {level}: {fences.WORDS[level]}")

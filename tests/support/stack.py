"""The real thing: `portal up` in a folder of its own, with everything that it starts."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.support.eventually import eventually
from tests.support.identity import Cookie, LocalAuth, Seen, bearer, cookie, new_session

ROOT = Path(__file__).resolve().parents[2]
_START_BOUND_S = 120.0
_STOP_BOUND_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A running portal, as a user, an operator and a prosecutor see it."""

    home: Path
    url: str
    process: subprocess.Popen[bytes]
    http: httpx.Client

    def cookie(self, url: str | None = None, *, role: str = "admin", name: str | None = None) -> Cookie:
        """Return what lets a browser in that opens the portal at this address, as a user of its own.

        Behind everybody's back, for a password takes its time and every test has a browser of its own.
        """
        return cookie(new_session(self.home, role=role, name=name), url or self.url)

    def seen(self) -> Seen:
        """Return it as a new user sees it."""
        return Seen(self.url, bearer(self.home), new_session(self.home))

    def pid(self, name: str) -> int:
        """Return the process id of one of its programs, such as `executor-1`."""
        return next(child["pid"] for child in self._children() if child["name"] == name)

    def port(self, name: str) -> int:
        """Return the loopback port of this name, such as `amqp`."""
        ports: dict[str, int] = json.loads((self.home / "ports.json").read_text())
        return ports[name]

    def _pid_or_none(self, name: str) -> int | None:
        return next((child["pid"] for child in self._children() if child["name"] == name), None)

    def restart(self, name: str, number: signal.Signals) -> None:
        """End a program with this signal; return when its supervisor has another one ready."""
        before = self.pid(name)
        os.kill(before, number)
        eventually(
            lambda: self._pid_or_none(name) not in (None, before),
            within_s=90,
            what=f"{name} was started again",
        )
        eventually(self.is_ready, within_s=90, what=f"everything is ready after {name} came back")

    def is_ready(self) -> bool:
        """Say whether all of it is there and ready, as `portal status` says it."""
        names = {child["name"] for child in self._children()}
        if not {"scheduler", "ui", "executor-1"} <= names:
            return False
        command = [sys.executable, "-m", "services.cli", "status", "--home", str(self.home)]
        return subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False).returncode == 0

    def ask(self, method: str, path: str, **options: Any) -> Any:
        """Call the REST API; an error status is an error here."""
        answer = self.http.request(method, f"/api/v1{path}", **options)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def create(self, name: str, script: str, **fields: Any) -> str:
        """Create a job and return its id; manual unless `every_s` is given."""
        every_s = fields.pop("every_s", None)
        schedule = {"kind": "manual"} if every_s is None else {"kind": "interval", "every_s": every_s}
        return str(
            self.ask("POST", "/jobs", json={"name": name, "script": script, "schedule": schedule, **fields})[
                "id"
            ]
        )

    def run_now(self, job_id: str) -> str:
        """Ask for a run and return its id."""
        return str(self.ask("POST", f"/jobs/{job_id}/run")["run_id"])

    def ended(self, run_id: str, *, within_s: float = 60) -> dict[str, Any]:
        """Wait until the run has ended and return it."""
        waiting = {"held", "queued", "running"}

        def run() -> dict[str, Any] | None:
            current: dict[str, Any] = self.ask("GET", f"/runs/{run_id}")
            return None if current["state"] in waiting else current

        ended = eventually(run, within_s=within_s, what=f"run {run_id} ended")
        assert ended is not None
        return ended

    def _children(self) -> list[dict[str, Any]]:
        try:
            record = json.loads((self.home / "run" / "supervisor.json").read_text())
        except FileNotFoundError:
            return []
        children: list[dict[str, Any]] = record["children"]
        return children

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Read the ledger behind everybody's back; it is the one on SQLite."""
        with closing(sqlite3.connect(f"file:{self.home}/portal.db?mode=ro", uri=True)) as ledger:
            return ledger.execute(query, values).fetchall()


@contextmanager
def running_stack(
    folder: Path,
    *,
    executors: int = 2,
    scripts: Path | None = None,
    settings: Mapping[str, str] | None = None,
    tree: Path = ROOT,
    ordinary: tuple[int, str] | None = None,
) -> Iterator[Stack]:
    """Run `portal up` in `folder` while inside; its output lies in `folder`/up.log.

    `settings` are further variables, such as PORTAL_DATABASE_URL; `tree` is the program to run;
    `ordinary` are the user to be instead of root, and a Python that they can reach.
    """
    user, python = ordinary or (None, sys.executable)
    port = free_port()
    home = folder / "home"
    command = [
        python, "-m", "services.cli", "up", "--home", str(home), "--port", str(port),
        "--executors", str(executors), "--no-sample",
    ]  # fmt: skip
    environment = os.environ | {"PORTAL_SCRIPTS_DIR": str(scripts or ROOT / "scripts")}
    # pytest's folders are closed to every other user, and with them the scripts of most tests.
    environment |= {"PORTAL_SANDBOX": "process", **(settings or {})}
    environment["PYTHONPATH"] = str(tree)
    with (folder / "up.log").open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=tree,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
    url = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=url, timeout=10, auth=LocalAuth(home)) as http:
        stack = Stack(home=home, url=url, process=process, http=http)
        try:
            eventually(
                lambda: stack.is_ready() or process.poll() is not None,
                within_s=_START_BOUND_S,
                what="it is up",
            )
            assert process.poll() is None, (folder / "up.log").read_text()
            yield stack
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    for _ in range(2):  # the second signal does not wait for scripts
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_BOUND_S)
            return
    process.kill()
    raise AssertionError("the portal did not stop")


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

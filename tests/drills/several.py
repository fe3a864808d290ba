"""Two schedulers on one PostgreSQL: one is killed, then the other, and no instant is lost or done twice."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.drills.faults import verdict
from tests.drills.scripts import WITNESS, written
from tests.support.eventually import eventually
from tests.support.node import session_broker
from tests.support.postgres import Postgres, name_in, session_postgres
from tests.support.stack import ROOT, Stack, running_stack

_ROWS = """SELECT to_char(nominal_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS'), instants, state
FROM runs WHERE cause = 'schedule' ORDER BY nominal_at"""
_SECOND_S = 60
"""How far the second scheduler's wall clock is off."""
Rows = Callable[[], list[tuple[Any, ...]]]


def schedulers_killed(folder: Path) -> list[str]:
    """SIGKILL each of two schedulers in turn, while a job ticks every second."""
    witness = folder / "witness"
    with session_broker(folder / "node") as broker, session_postgres() as postgres:
        url = postgres.fresh_database()
        settings = {"PORTAL_DATABASE_URL": url, "PORTAL_AMQP_URL": broker.fresh_vhost()}
        scripts = written(folder, witness=WITNESS)
        with running_stack(folder, executors=2, scripts=scripts, settings=settings) as stack:
            return _killed_in_turn(stack, settings, witness, lambda: ledger_rows(postgres, url))


def _killed_in_turn(stack: Stack, settings: dict[str, str], witness: Path, rows: Rows) -> list[str]:
    job = stack.create("tick", "witness.py", every_s=1, overlap="allow", args=[str(witness)])
    log = []
    with second_scheduler(stack, settings) as second:
        _ticks(rows)
        for name, pid in (("the first", stack.pid("scheduler")), ("the second", second.process.pid)):
            os.kill(pid, signal.SIGKILL)
            began = time.monotonic()
            _ticks(rows)
            log.append(
                f"SIGKILL of {name} scheduler: 3 more runs succeeded {time.monotonic() - began:.1f} s later"
            )
            eventually(stack.is_ready, within_s=90, what="the first is there again")
    stack.ask("POST", f"/jobs/{job}/pause")
    going = ("held", "queued", "running")
    eventually(
        lambda: all(row[2] not in going for row in rows()), within_s=60, what="no run is open any more"
    )
    return [f"two schedulers, the second's wall clock {_SECOND_S} s ahead", *log, *verdict(rows(), witness)]


@dataclass(slots=True, kw_only=True)
class Second:
    """A second scheduler, which nobody restarts but us."""

    environment: Mapping[str, str]
    said: Path
    process: subprocess.Popen[bytes]

    def restart(self, number: signal.Signals) -> None:
        """End it with this signal and start another; return without waiting until that is ready."""
        self.process.send_signal(number)
        assert self.process.wait(60) in (0, -signal.SIGKILL)
        self.process = _started(self.environment, self.said)


@contextmanager
def second_scheduler(stack: Stack, settings: Mapping[str, str]) -> Iterator[Second]:
    """Run a second scheduler beside a stack's own while inside."""
    more = {"PORTAL_HOME": str(stack.home), "PORTAL_CLOCK_OFFSET_S": str(_SECOND_S), "PYTHONPATH": str(ROOT)}
    environment, said = os.environ | settings | more, stack.home.parent / "second.log"
    second = Second(environment=environment, said=said, process=_started(environment, said))
    try:
        yield second
    finally:
        second.process.kill()
        second.process.wait()


def _started(environment: Mapping[str, str], said: Path) -> subprocess.Popen[bytes]:
    with said.open("ab") as output:
        return subprocess.Popen([sys.executable, "-m", "services.scheduler"], env=environment, stderr=output)


def _ticks(rows: Rows) -> None:
    def succeeded() -> int:
        return sum(row[2] == "succeeded" for row in rows())

    before = succeeded()
    eventually(lambda: succeeded() >= before + 3, within_s=90, what="it ticks")


def ledger_rows(postgres: Postgres, url: str) -> list[tuple[Any, ...]]:
    """Return (nominal, instants, state) of every run that a schedule made."""
    (found,) = postgres.execute(_ROWS, database=name_in(url))
    return [tuple(row) for row in found]

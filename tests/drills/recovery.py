"""How long it takes until everything goes on after something died: measured, against the goals."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from services.cli.process import listens
from tests.drills.scripts import LASTING, lines_of, written
from tests.drills.several import Second, second_scheduler
from tests.support.eventually import eventually
from tests.support.node import session_broker
from tests.support.postgres import name_in, session_postgres
from tests.support.stack import Stack, running_stack

LOST_WITHIN_S, BACK_WITHIN_S, SENT_WITHIN_S, BROKER_WITHIN_S = 25.0, 2.0, 5.0, 10.0
_START_S = 1.0
"""A script's own start, on a busy machine."""
_AROUND_S = 8.0
_TICKS = 5
"""So many jobs of every second: whenever a scheduler is killed, some of their runs are not sent yet."""


def recovery(folder: Path) -> list[str]:
    """Kill executors, RabbitMQ and schedulers, and time what follows."""
    alone, shared = folder / "alone", folder / "shared"
    alone.mkdir()
    shared.mkdir()
    scripts = written(alone, lasting=LASTING)
    with running_stack(alone, executors=2, scripts=scripts) as stack:
        said = [_executor_restarts(stack, alone), _executor_is_silent(stack, alone)]
        said += _broker_restarts(stack, alone / "ticks")
    return said + _schedulers_die(shared)


def _executor_restarts(stack: Stack, folder: Path) -> str:
    name = _with_a_run(stack, witness := folder / "restarted")
    before = stack.pid(name)
    os.kill(before, signal.SIGKILL)
    killed_at = time.monotonic()
    eventually(lambda: _pid_of(stack, name) not in (None, before), within_s=30, what="it is started again")
    back_at = time.monotonic()
    again_at = _second_start(witness)
    text = f"{again_at - killed_at:.1f} s after the kill, {again_at - back_at:.1f} s after its next start"
    assert again_at - back_at <= BACK_WITHIN_S, text
    return f"executor killed and restarted: its run went on {text} (goal {BACK_WITHIN_S:g} s)"


def _executor_is_silent(stack: Stack, folder: Path) -> str:
    name = _with_a_run(stack, witness := folder / "silent")
    pid = stack.pid(name)
    os.kill(pid, signal.SIGSTOP)
    stopped_at = time.monotonic()
    again_s = _second_start(witness) - stopped_at
    os.kill(pid, signal.SIGCONT)
    eventually(stack.is_ready, within_s=60, what="it is there again")
    assert again_s <= LOST_WITHIN_S, f"it ran again only after {again_s:.1f} s"
    return (
        f"executor gone for good: its run went on elsewhere after {again_s:.1f} s (goal {LOST_WITHIN_S:g} s)"
    )


def _with_a_run(stack: Stack, witness: Path) -> str:
    """Start a run that may be tried again after a loss; return the name of its executor."""
    args = [str(witness), "45"]
    run_id = stack.run_now(stack.create(witness.name, "lasting.py", on_lost="retry", args=args))
    eventually(lambda: lines_of(witness), within_s=30, what="the script runs")
    return str(eventually(lambda: stack.ask("GET", f"/runs/{run_id}")["executor"], within_s=10, what="where"))


def _second_start(witness: Path) -> float:
    starts = eventually(lambda: _if_two(witness), within_s=90, what="the second attempt starts")
    return starts[1]


def _if_two(witness: Path) -> list[float]:
    starts = [line.at for line in lines_of(witness) if line.word == "start"]
    return starts if len(starts) >= 2 else []


def _pid_of(stack: Stack, name: str) -> int | None:
    try:
        return stack.pid(name)
    except StopIteration:
        return None


def _broker_restarts(stack: Stack, witness: Path) -> list[str]:
    job = _ticking(stack, witness)[0]
    eventually(lambda: len(lines_of(witness)) > 20, within_s=60, what="it ticks")
    before = stack.pid("broker")
    os.kill(before, signal.SIGKILL)
    eventually(lambda: _serves(stack, before), within_s=120, what="RabbitMQ is there again")
    there_at = time.monotonic()
    first_at = eventually(lambda: _start_after(witness, there_at), within_s=60, what=f"job {job} ticks again")
    after_s = first_at - there_at
    lost = _lost_reports(stack, witness, lambda: stack.rows("SELECT id, state FROM runs"))
    assert after_s <= BROKER_WITHIN_S, f"the first start came {after_s:.1f} s after RabbitMQ"
    assert lost == [], f"ended by their scripts, and not in the ledger: {lost}"
    return [
        f"RabbitMQ killed: the first start {after_s:.1f} s after it listened (goal {BROKER_WITHIN_S:g} s)",
        f"0 of {len(_ended(witness))} reports lost",
    ]


def _serves(stack: Stack, before: int) -> bool:
    pid = _pid_of(stack, "broker")
    return pid not in (None, before) and listens(pid, stack.port("amqp"))


def _start_after(witness: Path, at: float) -> float:
    return next((line.at for line in lines_of(witness) if line.word == "start" and line.at > at), 0.0)


def _ticking(stack: Stack, witness: Path) -> list[str]:
    fields: dict[str, Any] = {"every_s": 1, "overlap": "allow", "args": [str(witness), "0"]}
    return [stack.create(f"tick-{n}", "lasting.py", **fields) for n in range(_TICKS)]


def _ended(witness: Path) -> set[str]:
    return {line.run for line in lines_of(witness) if line.word == "end"}


def _lost_reports(stack: Stack, witness: Path, states: Callable[[], list[tuple[Any, ...]]]) -> list[str]:
    for job in stack.ask("GET", "/jobs?limit=100")["items"]:
        stack.ask("POST", f"/jobs/{job['id']}/pause")

    def wanting() -> list[str]:
        known = {str(run).replace("-", ""): state for run, state in states()}
        return [run for run in _ended(witness) if known.get(run.replace("-", "")) != "succeeded"]

    try:
        eventually(lambda: not wanting(), within_s=60, what="every report is in the ledger")
    except AssertionError:
        return wanting()
    return []


def _schedulers_die(folder: Path) -> list[str]:
    """SIGKILL each of two schedulers in turn; how late is the latest of the runs around it?"""
    witness = folder / "ticks"
    scripts = written(folder, lasting=LASTING)
    with session_broker(folder / "node") as broker, session_postgres() as postgres:
        url = postgres.fresh_database()
        settings = {"PORTAL_DATABASE_URL": url, "PORTAL_AMQP_URL": broker.fresh_vhost()}
        with running_stack(folder, executors=2, scripts=scripts, settings=settings) as stack:
            _ticking(stack, witness)
            with second_scheduler(stack, settings) as second:
                eventually(lambda: len(lines_of(witness)) > 40, within_s=60, what="it ticks")
                kills = [_one_dies(stack, second, witness, is_first=is_first) for is_first in (True, False)]
                rows = "SELECT id, state FROM runs"
                lost = _lost_reports(stack, witness, lambda: postgres.execute(rows, database=name_in(url))[0])
    gone_on_s = max(first_s for first_s, _ in kills)
    late_s = max(latest_s for _, latest_s in kills)
    assert late_s <= SENT_WITHIN_S + _START_S, f"a run around it started {late_s:.1f} s late"
    assert lost == [], f"ended by their scripts, and not in the ledger: {lost}"
    around = f"the latest run around it {late_s:.1f} s late (goal {SENT_WITHIN_S:g} s)"
    return [
        f"each of two schedulers killed: the other's next start within {gone_on_s:.1f} s, {around}",
        f"0 of {len(_ended(witness))} reports lost",
    ]


def _one_dies(stack: Stack, second: Second, witness: Path, *, is_first: bool) -> tuple[float, float]:
    """Kill one; return when the other started something, and the delay of the latest run around it."""
    os.kill(stack.pid("scheduler") if is_first else second.process.pid, signal.SIGKILL)
    killed_at = time.monotonic()
    first_at = eventually(lambda: _start_after(witness, killed_at), within_s=60, what="it goes on")
    eventually(lambda: _start_after(witness, killed_at + _AROUND_S), within_s=60, what="it goes on")
    around = [line.late_s for line in lines_of(witness) if line.word == "start" and line.at > killed_at]
    if is_first:
        eventually(stack.is_ready, within_s=90, what="the first is there again")
    return first_at - killed_at, max(around)

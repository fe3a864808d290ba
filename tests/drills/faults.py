"""Fault drills: what is killed loses nothing, and nothing starts twice."""

import os
import signal
import time
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.drills.scripts import FAMILY, SLEEPER, SPEAKER, WITNESS, written
from tests.support.eventually import eventually
from tests.support.stack import Stack, running_stack

LOST_WITHIN_S = 25
SILENCE_S = 15
DEAD_WITHIN_S = 1
STUCK_WITHIN_S = 90
"""A connection without a word is taken for stuck after 33 s."""


def executor_killed(folder: Path) -> list[str]:
    """SIGKILL an executor in mid-run."""
    ready = folder / "ready"
    with running_stack(folder, executors=2, scripts=written(folder, family=FAMILY, witness=WITNESS)) as stack:
        run_id = stack.run_now(stack.create("family", "family.py", args=[str(ready)]))
        eventually(ready.exists, within_s=30, what="the script runs")
        family = eventually(lambda: _printed_pids(stack, run_id), within_s=10, what="four process ids")
        name = stack.ask("GET", f"/runs/{run_id}")["executor"]

        began = time.monotonic()
        os.kill(stack.pid(name), signal.SIGKILL)
        eventually(lambda: not _alive(family), within_s=5, what=f"the processes {family} are dead")
        dead_s = time.monotonic() - began
        ended = stack.ended(run_id, within_s=60)
        lost_s = time.monotonic() - began

        later = stack.create("later", "witness.py", args=[str(folder / "witness")])
        after = [stack.ended(stack.run_now(later))["state"] for _ in range(3)]
    assert ended["state"] == "lost", ended
    assert after == ["succeeded"] * 3, after
    assert dead_s <= DEAD_WITHIN_S, f"dead after {dead_s:.2f} s"
    assert lost_s <= LOST_WITHIN_S, f"lost after {lost_s:.1f} s"
    return [
        f"SIGKILL of {name} in mid-run: 4 processes (child, own session, orphan) dead after {dead_s:.2f} s",
        f"the run ended {ended['state']} ({ended['reason']}) after {lost_s:.1f} s; 3 later runs succeeded",
    ]


def executor_frozen(folder: Path) -> list[str]:
    """SIGSTOP an executor in mid-run until its run is lost, then let it go on."""
    ready = folder / "ready"
    with running_stack(folder, executors=1, scripts=written(folder, sleeper=SLEEPER)) as stack:
        run_id = stack.run_now(stack.create("sleeper", "sleeper.py", args=[str(ready)]))
        eventually(ready.exists, within_s=30, what="the script runs")
        pid = stack.pid("executor-1")

        began = time.monotonic()
        os.kill(pid, signal.SIGSTOP)
        lost = stack.ended(run_id, within_s=60)
        lost_s = time.monotonic() - began
        offline = stack.ask("GET", "/executors")["items"][0]["online"] is False
        os.kill(pid, signal.SIGCONT)
        done = eventually(
            lambda: _if_succeeded(stack, run_id), within_s=60, what="what happened corrects lost"
        )
    assert (lost["state"], lost["reason"]) == ("lost", "silent"), lost
    assert offline, "the executor was not shown as offline"
    assert SILENCE_S <= lost_s <= LOST_WITHIN_S + 1, f"lost after {lost_s:.1f} s"
    return [
        f"SIGSTOP of executor-1: offline, its run {lost['state']} ({lost['reason']}) after {lost_s:.1f} s",
        f"SIGCONT: the run is {done['state']} after all, attempt {done['attempt']}",
    ]


def broker_frozen(folder: Path) -> list[str]:
    """SIGSTOP RabbitMQ in the middle of runs for so long that every connection is taken for stuck."""
    witness = folder / "witness"
    scripts = written(folder, witness=WITNESS, speaker=SPEAKER)
    with running_stack(folder, executors=2, scripts=scripts) as stack:
        job = stack.create("tick", "witness.py", every_s=1, overlap="allow", args=[str(witness)])
        speaking = stack.run_now(stack.create("speaker", "speaker.py"))
        eventually(lambda: "line 5" in log_of(stack, speaking), within_s=30, what="the script speaks")
        before = {name: stack.pid(name) for name in ("scheduler", "ui", "executor-1", "executor-2")}

        frozen_at = time.monotonic()
        os.kill(stack.pid("broker"), signal.SIGSTOP)
        eventually(
            lambda: stack.ask("GET", "/health")["broker"] is False,
            within_s=STUCK_WITHIN_S,
            what="the connections are taken for stuck",
        )
        frozen_s = time.monotonic() - frozen_at
        os.kill(stack.pid("broker"), signal.SIGCONT)
        began = time.monotonic()
        ticks_again(stack, job)
        again_s = time.monotonic() - began
        spoken = "".join(f"line {number}\n" for number in range(100))
        eventually(lambda: log_of(stack, speaking) == spoken, within_s=60, what="its whole output is stored")
        state = stack.ended(speaking)["state"]
        after = {name: stack.pid(name) for name in before}
        stack.ask("POST", f"/jobs/{job}/pause")
        eventually(lambda: not open_runs(stack), within_s=60, what="no run is open any more")
        verdict = verdict_of(stack, witness)
    assert state == "succeeded", state
    assert after == before, f"restarted: {after} instead of {before}"
    return [
        f"RabbitMQ stopped for {frozen_s:.0f} s, until its connections were taken for stuck",
        f"ticks again after {again_s:.1f} s, no process ended",
        "a script that spoke all the while succeeded, its 100 lines are stored",
        *verdict,
    ]


def everything_restarted(folder: Path) -> list[str]:
    """Restart RabbitMQ and each service in turn, in order and by SIGKILL, while a job ticks every second."""
    witness = folder / "witness"
    with running_stack(folder, executors=2, scripts=written(folder, witness=WITNESS)) as stack:
        job = stack.create("tick", "witness.py", every_s=1, overlap="allow", args=[str(witness)])
        eventually(witness.exists, within_s=30, what="the first tick")
        log = []
        for name, number in (
            ("executor-1", signal.SIGTERM),
            ("scheduler", signal.SIGTERM),
            ("ui", signal.SIGTERM),
            ("broker", signal.SIGTERM),
            ("executor-2", signal.SIGKILL),
            ("scheduler", signal.SIGKILL),
            ("ui", signal.SIGKILL),
            ("broker", signal.SIGKILL),
        ):
            began = time.monotonic()
            stack.restart(name, number)
            log.append(f"{name} {number.name}: all ready again after {time.monotonic() - began:.1f} s")
            ticks_again(stack, job)
        stack.ask("POST", f"/jobs/{job}/pause")
        eventually(lambda: not open_runs(stack), within_s=60, what="no run is open any more")
        return log + verdict_of(stack, witness)


def verdict_of(stack: Stack, witness: Path) -> list[str]:
    rows = stack.rows(
        "SELECT nominal_at, instants, state FROM runs WHERE cause = 'schedule' ORDER BY nominal_at"
    )
    return verdict(rows, witness)


def verdict(rows: list[tuple[Any, ...]], witness: Path) -> list[str]:
    """Compare (nominal, instants, state) of one job of every second with what its script witnessed."""
    instants = [moment for row in rows for moment in _instants(row)]
    starts = Counter(tuple(line.split()[:2]) for line in witness.read_text().splitlines())
    states = Counter(row[2] for row in rows)
    expected = {instants[0] + timedelta(seconds=n) for n in range(len(instants))}
    doubled = {key: count for key, count in starts.items() if count > 1}
    assert len(instants) == len(set(instants)), "an instant has two rows"
    assert set(instants) == expected, f"instants without a row: {sorted(expected ^ set(instants))[:5]}"
    assert not doubled, f"attempts that started twice: {doubled}"
    return [
        f"{len(instants)} instants promised, no gap, each in one of {len(rows)} rows: {dict(states)}",
        f"{sum(starts.values())} starts witnessed by the script itself, 0 attempts started twice",
    ]


def _instants(row: tuple[Any, ...]) -> list[datetime]:
    first = datetime.fromisoformat(row[0])
    return [first + timedelta(seconds=n) for n in range(row[1])]


def ticks_again(stack: Stack, job: str) -> None:
    def succeeded() -> int:
        return int(stack.rows("SELECT count(*) FROM runs WHERE state = 'succeeded'")[0][0])

    before = succeeded()
    eventually(lambda: succeeded() >= before + 3, within_s=90, what=f"job {job} ticks again")


def open_runs(stack: Stack) -> int:
    return int(stack.rows("SELECT count(*) FROM runs WHERE state IN ('held', 'queued', 'running')")[0][0])


def _if_succeeded(stack: Stack, run_id: str) -> dict[str, Any]:
    run: dict[str, Any] = stack.ask("GET", f"/runs/{run_id}")
    return run if run["state"] == "succeeded" else {}


def log_of(stack: Stack, run_id: str) -> str:
    return stack.http.get(f"/api/v1/runs/{run_id}/log.txt").text


def _printed_pids(stack: Stack, run_id: str) -> list[int]:
    pids = [int(word) for word in log_of(stack, run_id).split() if word.isdigit()]
    return pids if len(pids) == 4 else []


def _alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]

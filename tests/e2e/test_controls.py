"""Stopping and holding back in the whole system: cancel, freeze, a paused pool, a drained executor."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.eventually import eventually
from tests.support.stack import Stack

# Ends by nothing but SIGKILL, and so does its child.
STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import signal, time\\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\\nprint('child', flush=True)\\ntime.sleep(600)"])
print(os.getpid(), child.pid, flush=True)
time.sleep(600)
"""


def state_of(stack: Stack, run_id: str) -> str:
    return str(stack.ask("GET", f"/runs/{run_id}")["state"])


def printed(stack: Stack, run_id: str) -> str:
    return "".join(chunk["text"] for chunk in stack.ask("GET", f"/runs/{run_id}/log")["items"])


@contextmanager
def frozen(stack: Stack) -> Iterator[None]:
    stack.ask("POST", "/freeze", json={"for_s": 600})
    try:
        yield
    finally:
        stack.ask("DELETE", "/freeze")


def test_a_cancelled_run_is_killed_with_all_that_it_started(stack: Stack, scripts: Path) -> None:
    (scripts / "stubborn.py").write_text(STUBBORN)
    job = stack.create("cancelled while it runs", "stubborn.py", kill_grace_s=1)
    run_id = stack.run_now(job)
    eventually(lambda: "child" in printed(stack, run_id), within_s=60, what="its child runs")
    (pids,) = [line.split() for line in printed(stack, run_id).splitlines() if line[:1].isdigit()]

    asked = stack.ask("POST", f"/runs/{run_id}/cancel")
    ended = stack.ended(run_id)

    assert (asked["state"], asked["stop_asked_at"] is not None) == ("running", True)
    assert (ended["state"], ended["reason"], ended["detail"]) == (
        "cancelled",
        "requested",
        "cancelled by local",
    )
    assert ended["stop_asked_at"] is None
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


def test_nothing_starts_in_a_freeze_and_what_waits_goes_on_after_it(stack: Stack) -> None:
    kept = stack.create("in a freeze", "hello.py", overlap="allow")
    given_up = stack.create("given up in a freeze", "hello.py", overlap="allow")
    with frozen(stack):
        waiting = [stack.run_now(kept) for _ in range(2)]
        cancelled = [stack.run_now(given_up) for _ in range(3)]
        eventually(
            lambda: stack.ask("GET", f"/jobs/{kept}/why")["verdict"] == "frozen",
            within_s=30,
            what="why says that everything is frozen",
        )
        stack.ask("POST", f"/jobs/{given_up}/cancel-waiting")
        assert {stack.ended(run)["state"] for run in cancelled} == {"cancelled"}
        assert {state_of(stack, run) for run in waiting} == {"queued"}

    assert {stack.ended(run)["state"] for run in waiting} == {"succeeded"}
    started = stack.rows(
        "SELECT count(*) FROM attempts WHERE claimed_at IS NOT NULL AND job_id = ?", given_up.replace("-", "")
    )
    assert started == [(0,)]


def test_a_paused_pool_waits_and_goes_on_when_it_is_resumed(stack: Stack) -> None:
    job = stack.create("in a paused pool", "hello.py")
    stack.ask("POST", "/pools/default/pause")
    try:
        run_id = stack.run_now(job)
        eventually(
            lambda: stack.ask("GET", f"/jobs/{job}/why")["verdict"] == "pool-paused",
            within_s=30,
            what="why says that the pool is paused",
        )
    finally:
        stack.ask("POST", "/pools/default/resume")

    assert stack.ended(run_id)["state"] == "succeeded"


def test_a_drained_executor_stays_drained_when_all_are_killed(stack: Stack) -> None:
    job = stack.create("beside a drained executor", "hello.py", overlap="allow")

    def one() -> dict[str, Any]:
        found = [one for one in stack.ask("GET", "/executors")["items"] if one["name"] == "executor-1"]
        return dict(found[0])

    stack.ask("POST", "/executors/executor-1/drain")
    try:
        eventually(lambda: one()["draining"], within_s=30, what="it says that it takes no more")
        stack.restart("executor-1", signal.SIGKILL)
        stack.restart("scheduler", signal.SIGKILL)
        eventually(lambda: one()["draining"], within_s=30, what="it says so again after its restart")

        ended = [stack.ended(run) for run in [stack.run_now(job) for _ in range(6)]]

        assert {(run["state"], run["executor"]) for run in ended} == {("succeeded", "executor-2")}
    finally:
        stack.ask("POST", "/executors/executor-1/resume")
    eventually(lambda: not one()["draining"], within_s=30, what="it takes runs again")

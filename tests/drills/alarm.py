"""RabbitMQ with a memory alarm: it answers and takes nothing. No run is lost, none starts twice."""

import subprocess
import time
from pathlib import Path

from services.cli.broker_node import find_server
from tests.drills.faults import log_of, open_runs, ticks_again, verdict_of
from tests.drills.scripts import SPEAKER, WITNESS, written
from tests.support.eventually import eventually
from tests.support.stack import Stack, running_stack

_FENCE_S = 15
_HOLDER = """
import os, sys, time
with open(sys.argv[1], "a") as pids:
    print(os.getpid(), file=pids, flush=True)
time.sleep(40 if os.environ["PORTAL_ATTEMPT"] == "1" else 1)
"""
"""On its first attempt it takes so long that the alarm outlives its lease."""


def memory_alarm(folder: Path) -> list[str]:
    """Raise the memory alarm for longer than a lease, while jobs tick, speak and hold."""
    witness, pids = folder / "witness", folder / "pids"
    scripts = written(folder, witness=WITNESS, speaker=SPEAKER, holder=_HOLDER)
    with running_stack(folder, executors=2, scripts=scripts) as stack:
        job = stack.create("tick", "witness.py", every_s=1, overlap="allow", args=[str(witness)])
        policy = {"retries": 2, "retry_delay_s": 0}
        holding = stack.run_now(
            stack.create("holder", "holder.py", on_lost="retry", policy=policy, args=[str(pids)])
        )
        speaking = stack.run_now(stack.create("speaker", "speaker.py"))
        eventually(lambda: "line 5" in log_of(stack, speaking), within_s=30, what="the script speaks")
        first = eventually(lambda: _pids(pids), within_s=30, what="the script holds")[0]
        before = {name: stack.pid(name) for name in ("scheduler", "ui", "executor-1", "executor-2")}

        _watermark(stack, "0.00001")
        began = time.monotonic()
        eventually(lambda: "is blocked" in _title(stack), within_s=30, what="the portal says so")
        said_s = time.monotonic() - began
        eventually(lambda: not Path(f"/proc/{first}").exists(), within_s=60, what="the fence kills")
        killed_s = time.monotonic() - began
        eventually(lambda: time.monotonic() - began > 2 * _FENCE_S, within_s=60, what="it lasts a while")
        _watermark(stack, "0.4")
        lasted_s = time.monotonic() - began

        began = time.monotonic()
        ticks_again(stack, job)
        again_s = time.monotonic() - began
        held, spoken = stack.ended(holding), stack.ended(speaking)
        lines = "".join(f"line {number}\n" for number in range(100))
        eventually(lambda: log_of(stack, speaking) == lines, within_s=60, what="its whole output is stored")
        eventually(
            lambda: "blocked" not in _title(stack), within_s=30, what="the portal says that it is over"
        )
        after = {name: stack.pid(name) for name in before}
        stack.ask("POST", f"/jobs/{job}/pause")
        eventually(lambda: not open_runs(stack), within_s=60, what="no run is open any more")
        verdict = verdict_of(stack, witness)
    assert (held["state"], held["attempt"]) == ("succeeded", 2), held
    assert spoken["state"] == "succeeded", spoken
    assert after == before, f"restarted: {after} instead of {before}"
    return [
        f"memory alarm for {lasted_s:.0f} s; the portal said so after {said_s:.1f} s",
        f"the run with `on_lost: retry` was killed by its fence after {killed_s:.1f} s and ran again",
        "the run with `on_lost: fail` succeeded, its 100 lines are stored once each",
        f"ticks again {again_s:.1f} s after the alarm, no process ended",
        *verdict,
    ]


def _watermark(stack: Stack, share: str) -> None:
    """Let the node take so much of the machine's memory, in its own words and environment."""
    server = find_server()
    assert server is not None
    raw = Path(f"/proc/{stack.pid('broker')}/environ").read_text()
    environment = dict(line.split("=", 1) for line in raw.split("\0") if "=" in line)
    command = [str(server.with_name("rabbitmqctl")), "set_vm_memory_high_watermark", share]
    subprocess.run(command, env=environment, check=True, timeout=60, stdout=subprocess.DEVNULL)


def _title(stack: Stack) -> str:
    return str(stack.ask("GET", "/health")["title"])


def _pids(file: Path) -> list[int]:
    return [int(line) for line in file.read_text().split()] if file.exists() else []

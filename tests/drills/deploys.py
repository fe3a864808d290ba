"""Deploys: every service is restarted in turn while runs go on, or two versions talk to each other."""

import os
import shutil
import signal
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

from services.cli.environment import Settings
from services.cli.home import Home
from tests.drills.scripts import ENDS, LASTING, SPEAKER, lines_of, written
from tests.drills.several import ledger_rows, second_scheduler
from tests.support.eventually import eventually
from tests.support.node import session_broker
from tests.support.postgres import session_postgres
from tests.support.stack import ROOT, Stack, free_port, running_stack

RUNS, RUN_S = 100, 2
PREVIOUS = os.environ.get("PORTAL_DRILL_COMMIT", "a689a4b")
"""The version that the newest one is mixed with."""
_POOL, _GUEST = "visited", "guest"


def rolling(folder: Path) -> list[str]:
    """Restart every service in turn by SIGTERM, again and again, until 100 runs of 2 s are through."""
    witness = folder / "witness"
    with session_broker(folder / "node") as broker, session_postgres() as postgres:
        url = postgres.fresh_database()
        settings = {"PORTAL_DATABASE_URL": url, "PORTAL_AMQP_URL": broker.fresh_vhost()}
        scripts = written(folder, lasting=LASTING)
        with running_stack(folder, executors=2, scripts=scripts, settings=settings) as stack:
            stack.create(
                "deployed",
                "lasting.py",
                every_s=1,
                overlap="allow",
                args=[str(witness), str(RUN_S)],
                policy={"max_runs": RUNS},
            )
            restarts: Counter[str] = Counter()
            with second_scheduler(stack, settings) as second:
                while len(ledger_rows(postgres, url)) < RUNS:
                    for name in ("executor-1", "scheduler", "executor-2", "ui"):
                        stack.restart(name, signal.SIGTERM)
                        restarts[name] += 1
                    second.restart(signal.SIGTERM)
                    restarts["the second scheduler"] += 1
                rows = eventually(
                    lambda: _if_all_ended(ledger_rows(postgres, url)), within_s=90, what="all runs ended"
                )
    states = Counter(row[2] for row in rows)
    lines = lines_of(witness)
    starts, ends = (Counter((run, n) for word, run, n, *_ in lines if word == w) for w in ("start", "end"))
    doubled = {key for key, count in starts.items() if count > 1}
    assert states == {"succeeded": RUNS}, f"the runs are {dict(states)}"
    assert len(starts) == len(ends) == RUNS, f"{len(starts)} attempts started, {len(ends)} came to their end"
    assert not doubled, f"attempts that started twice: {doubled}"
    done = ", ".join(f"{name} {count}" for name, count in restarts.items())
    return [f"restarted by SIGTERM: {done}", f"{RUNS} runs of {RUN_S} s: {RUNS} succeeded, 0 doubled"]


def _if_all_ended(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [] if any(row[2] in ("held", "queued", "running") for row in rows) else rows


def mixed(folder: Path) -> list[str]:
    """Let an old executor work for the newest scheduler, and the newest for an old one."""
    old = _unpacked(folder / "old")
    if old is None:
        return [f"left out: there is no git history here with the commit {PREVIOUS}"]
    said = []
    for what, tree, guests in (
        (f"executor of {PREVIOUS}, everything else of this tree", ROOT, old),
        (f"executor of this tree, everything else of {PREVIOUS}", old, ROOT),
    ):
        place = folder / f"with-{guests.name}"
        place.mkdir()
        scripts = written(place, ends=ENDS, lasting=LASTING, speaker=SPEAKER)
        with running_stack(place, executors=1, scripts=scripts, tree=tree) as stack:
            with _guest(stack, guests, scripts):
                said += [f"{what}: {line}" for line in _serves(stack, place / "witness")]
    return said


def _unpacked(folder: Path) -> Path | None:
    git = shutil.which("git")
    if git is None:
        return None
    packed = subprocess.run([git, "archive", PREVIOUS], cwd=ROOT, capture_output=True, check=False)
    if packed.returncode != 0:
        return None
    with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


@contextmanager
def _guest(stack: Stack, tree: Path, scripts: Path) -> Iterator[None]:
    """Run an executor from this tree, alone in its pool."""
    home = Home(stack.home)
    password = home.broker_password("executor").read_text().strip()
    url = f"amqp://executor:{quote(password)}@127.0.0.1:{stack.port('amqp')}/"
    settings = Settings(home=home, amqp_urls={"executor": url}, ui_port=0, sandbox="process")
    more = {"PORTAL_EXECUTOR_POOLS": _POOL, "PORTAL_SCRIPTS_DIR": str(scripts)}
    with (stack.home.parent / "guest.log").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.executor"],
            cwd=tree,
            env={**settings.for_executor(_GUEST, free_port()), **more},
            stderr=said,
        )
        try:
            yield
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0, f"the guest ended with {process.returncode}"
        finally:
            process.kill()
            process.wait()


def _serves(stack: Stack, witness: Path) -> list[str]:
    """Have every kind of end come about on the guest; return what was seen."""
    retries = {"retries": 3, "retry_delay_s": 0, "retry_exit_codes": [75]}
    wanted = {
        "succeeds": (["0"], {}, ("succeeded", 1)),
        "fails": (["3"], {}, ("failed", 1)),
        "again": (["75", "75", "0"], {"policy": retries}, ("succeeded", 3)),
    }
    for name, (codes, fields, expected) in wanted.items():
        run = stack.ended(stack.run_now(stack.create(name, "ends.py", pool=_POOL, args=codes, **fields)))
        assert (run["state"], run["attempt"], run["executor"]) == (*expected, _GUEST), run
    lasting = {"pool": _POOL, "args": [str(witness), "60"], "kill_grace_s": 1}
    late = stack.ended(stack.run_now(stack.create("late", "lasting.py", timeout_s=1, **lasting)))
    assert late["state"] == "timed_out", late
    unwanted = stack.run_now(stack.create("unwanted", "lasting.py", **lasting))
    eventually(lambda: any(line.run == unwanted for line in lines_of(witness)), within_s=30, what="it runs")
    stack.ask("POST", f"/runs/{unwanted}/cancel")
    assert stack.ended(unwanted)["state"] == "cancelled"
    speaking = stack.run_now(stack.create("speaks", "speaker.py", pool=_POOL))
    assert stack.ended(speaking)["state"] == "succeeded"
    spoken = "".join(f"line {number}\n" for number in range(100))
    log = f"/api/v1/runs/{speaking}/log.txt"
    eventually(lambda: stack.http.get(log).text == spoken, within_s=30, what="its whole output is stored")
    return [
        "a success, a failure, two retries, a timeout, a cancel as they should be; 100 lines stored exactly"
    ]

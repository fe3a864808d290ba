"""What a sandbox costs and how it ends: beside a bare start of the same program, in the same minute.

    python -m benchmarks.sandbox [--rounds 40]

Needs root. In each round the program `python3 -s -B -c pass` is started bare, by every level, and bare
again; the medians are compared. Then: what a keeper holds of memory of its own, what it takes of a processor
while it measures a run of three processes, how soon scripts are dead when their executor is killed, and when
a run has ended whose script refuses to.
"""

import argparse
import asyncio
import math
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.executor.sandbox.command import PATH, Command
from services.executor.sandbox.fence import Level
from services.executor.sandbox.interpreter import find_python
from services.executor.sandbox.namespaces import HOME
from services.executor.sandbox.process import Order, Printed, Process, Setup, Spawner

TARGETS = {"restricted": (1.5, 10.0), "isolated": (2.5, 25.0)}
"""Of the wall time of a bare start, and milliseconds added to it."""
KEEPER_MB, DEAD_WITHIN_S, OVERTIME_S = 5.1, 1.0, 2.0
"""The first: what a keeper took when it was an interpreter of its own."""
WATCH_MS_PER_S = 2.0
"""A fifth of a percent of a core, for a run that is measured four times a second."""
_WATCHED_S = 5.0
_LIMIT_S, _GRACE_S = 1.0, 0.5
_LONGEST_S = 30
_OPEN = "/var/tmp"  # noqa: S108 - where every user may come by
_PYTHON = str(find_python(None))
_PASS = (_PYTHON, "-s", "-B", "-c", "pass")
_REFUSES = """
import os, signal, time
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
for kind in range(30):
    if os.fork() == 0:
        os.setsid()
        while kind % 3 == 0:
            if os.fork(): os._exit(0)
        if kind % 3 == 1: os.kill(os.getpid(), signal.SIGSTOP)
        time.sleep(60)
        os._exit(0)
time.sleep(60)
"""
_LEAVES_DAEMONS = """
import os, time
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork(): os._exit(0)
        break
    os.wait()
else:
    print("ready", flush=True)
time.sleep(60)
"""


def main() -> None:
    """Measure all of it, or be the executor that is killed for it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--victim", nargs=2, metavar=("LEVEL", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if os.geteuid() != 0:
        raise SystemExit("Run it as root: level restricted makes a user for each run.")
    if options.victim:
        asyncio.run(_be_victim(Level(options.victim[0]), options.victim[1]))
        return
    results = [
        *asyncio.run(_spawn_costs(options.rounds)),
        *asyncio.run(_keepers()),
        *asyncio.run(_watching()),
    ]
    results += _deaths()
    results += asyncio.run(_ends())
    raise SystemExit(not all(results))


@contextmanager
def _spawner(level: Level, within: str = _OPEN) -> Iterator[tuple[Spawner, Path]]:
    folder = Path(tempfile.mkdtemp(prefix="sandbox-", dir=within))
    folder.chmod(0o755)
    spawner = Spawner(folder / "keeper", Setup(level=level, work_root=folder / "runs"))
    try:
        yield spawner, Path(HOME) if level is Level.ISOLATED else folder / "runs"
    finally:
        spawner.close()
        shutil.rmtree(folder)


def _nobody(_stream: object, _read: object) -> None:
    """Take what is printed to nobody."""


def _start(
    spawner: Spawner, root: Path, argv: tuple[str, ...], *, timeout_s: float = 60, printed: Printed = _nobody
) -> Process:
    is_isolated = spawner.setup.level is Level.ISOLATED
    order = Order(
        command=Command(argv=argv, env={"PATH": PATH}),
        work_dir=root if is_isolated else root / f"run-{time.monotonic_ns()}",
        timeout_s=timeout_s,
        kill_grace_s=_GRACE_S,
        lease_until=math.inf,
    )
    return spawner.start(order, printed)


async def _spawn_costs(rounds: int) -> list[bool]:
    took: dict[str, list[float]] = {name: [] for name in ("bare", *Level)}
    with _spawner(Level.PROCESS) as one, _spawner(Level.RESTRICTED) as two, _spawner(Level.ISOLATED) as three:
        for number in range(rounds + 2):
            costs = [("bare", _bare_s())]
            for spawner, root in (one, two, three):
                costs.append((spawner.setup.level, await _sandboxed_s(spawner, root)))
            costs.append(("bare", _bare_s()))
            for name, cost in costs if number > 1 else ():  # the first ones fill caches
                took[name].append(cost * 1000)
    bare = took.pop("bare")
    before, after = statistics.median(bare[::2]), statistics.median(bare[1::2])
    print(f"bare: {before:.1f} ms before and {after:.1f} ms after the others, least {min(bare):.1f} ms")
    return [_said_cost(level, costs, bare) for level, costs in took.items()]


def _bare_s() -> float:
    began = time.perf_counter()
    os.waitpid(os.posix_spawn(_PYTHON, _PASS, {"PATH": PATH}), 0)
    return time.perf_counter() - began


async def _sandboxed_s(spawner: Spawner, root: Path) -> float:
    began = time.perf_counter()
    process = _start(spawner, root, _PASS)
    await process.ended
    took = time.perf_counter() - began
    assert process.ended.result().exit_code == 0
    await process.gone
    return took


def _said_cost(level: str, costs: list[float], bare: list[float]) -> bool:
    median, floor = statistics.median(costs), statistics.median(bare)
    ratio, added = median / floor, median - floor
    least = f"at least {min(costs) / min(bare):.2f} x, {min(costs) - min(bare):+.1f} ms"
    words = f"{level}: {median:.1f} ms, {ratio:.2f} x, {added:+.1f} ms; {least}"
    if level not in TARGETS:
        print(words)
        return True
    most_ratio, most_added = TARGETS[level]
    is_well = ratio <= most_ratio and added <= most_added
    print(f"{words} (target {most_ratio:g} x and {most_added:g} ms): {_verdict(is_well)}")
    return is_well


async def _keepers() -> list[bool]:
    results = []
    for level in Level:
        with _spawner(level) as (spawner, root):
            process = _start(spawner, root, ("/bin/sleep", "60"))
            await process.started
            found = [_private_mb(pid) for pid in _below(spawner.popen.pid)]
            process.kill()
            await process.gone
        results.append(_said(f"{level}: private memory of a run's keepers, MB", sum(found), KEEPER_MB))
    return results


async def _watching() -> list[bool]:
    results = []
    for level in Level:
        with _spawner(level) as (spawner, root):
            process = _start(spawner, root, ("/bin/sh", "-c", "sleep 60 & sleep 60"))
            await process.started
            await asyncio.sleep(1)
            keepers = [pid for pid in _below(spawner.popen.pid) if "python" in _name(pid)]
            before = sum(map(_cpu_ms, keepers))
            await asyncio.sleep(_WATCHED_S)
            took = (sum(map(_cpu_ms, keepers)) - before) / _WATCHED_S
            process.kill()
            await process.gone
        results.append(_said(f"{level}: CPU of a run's keepers, ms a second", took, WATCH_MS_PER_S))
    return results


def _name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text()


def _cpu_ms(pid: int) -> float:
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


def _private_mb(pid: int) -> float:
    if "sleep" in _name(pid):
        return 0
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


def _below(pid: int) -> list[int]:
    found = [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return found + [inner for one in found for inner in _below(one)]


def _deaths() -> list[bool]:
    return [
        _said(f"{level}: scripts dead after SIGKILL of the executor, s", _death_s(level), DEAD_WITHIN_S)
        for level in Level
    ]


def _death_s(level: Level) -> float:
    """Return how long spawner, keepers and scripts are left: all have the folder in their arguments."""
    with tempfile.TemporaryDirectory(prefix="sandbox-", dir=_OPEN) as folder:
        Path(folder).chmod(0o755)
        command = [sys.executable, "-m", "benchmarks.sandbox", "--victim", level, folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as victim:
            assert victim.stdout is not None
            assert victim.stdout.readline() == "ready\n"
            victim.send_signal(signal.SIGKILL)
            began = time.perf_counter()
            victim.wait()
            while _with_word(folder):
                if time.perf_counter() - began > _LONGEST_S:
                    return math.inf
            return time.perf_counter() - began


async def _be_victim(level: Level, folder: str) -> None:
    said: asyncio.Queue[None] = asyncio.Queue()
    with _spawner(level, folder) as (spawner, root):
        for _ in range(3):
            argv = (_PYTHON, "-c", _LEAVES_DAEMONS, folder)
            _start(spawner, root, argv, printed=lambda _stream, _read: said.put_nowait(None))
            await said.get()
        print("ready", flush=True)
        await asyncio.sleep(60)


def _with_word(word: str) -> list[str]:
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and word.encode() in (folder / "cmdline").read_bytes():
                found.append(folder.name)
        except OSError:
            continue
    return found


async def _ends() -> list[bool]:
    results = []
    for level in Level:
        with _spawner(level) as (spawner, root):
            process = _start(spawner, root, (_PYTHON, "-c", _REFUSES), timeout_s=_LIMIT_S)
            began = await process.started
            await process.gone
            took = time.clock_gettime(time.CLOCK_BOOTTIME) - began.at - _LIMIT_S - _GRACE_S
        results.append(
            _said(f"{level}: end of a run that refuses, s after limit and grace", took, OVERTIME_S)
        )
    return results


def _said(what: str, value: float, target: float) -> bool:
    print(f"{what}: {value:.2f} (target {target:g}): {_verdict(value <= target)}", flush=True)
    return value <= target


def _verdict(is_well: bool) -> str:
    return "ok" if is_well else "TOO MUCH"


if __name__ == "__main__":
    main()

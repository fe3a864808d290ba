# ruff: noqa: ASYNC240 - files of the test itself, which block nobody
"""The folder that a job keeps between its runs, at every level."""

import contextlib
import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.executor.sandbox import state
from services.executor.sandbox.command import NotRunnable
from services.executor.sandbox.level import Ground
from services.executor.sandbox.proc import children
from services.executor.sandbox.told import StoppedBy
from services.executor.verdict import verdict
from shared.domain.ids import JobId, new_id
from shared.domain.run import Reason, RunState
from tests.integration.executor.confined import BOUND_S
from tests.integration.executor.conftest import Start
from tests.integration.executor.fenced import fenced
from tests.integration.executor.keeping import COUNTS, LEVELS, a_job, ground_with_states, printed_by, run_of
from tests.integration.executor.stage import Ledger, write_script
from tests.sandbox.judge import parent
from tests.support.eventually import until

STAYS = """
import os, pathlib, subprocess, sys, time
mark, tmp = sys.argv[1:]
state = pathlib.Path(os.environ["PORTAL_STATE_DIR"])
(state / mark).write_text("mine")
pathlib.Path("work").write_text("mine")
if tmp:
    pathlib.Path(tmp).write_text("mine")
subprocess.Popen(["sleep", mark], start_new_session=True)
print(os.getcwd(), flush=True)
while not (state / f"{mark}-ends").exists():
    time.sleep(0.01)
print(sorted(path.name for path in state.iterdir()), pathlib.Path("work").read_text(), flush=True)
"""
HOSTILE = """
import os, sys
os.chdir(os.environ["PORTAL_STATE_DIR"])
for _ in range(30):  # deeper than a path may be long
    os.mkdir("d" * 200)
    os.chdir("d" * 200)
os.chdir(os.environ["PORTAL_STATE_DIR"])
os.symlink(sys.argv[1], "out")
os.symlink("../lock", "lock")
os.mkfifo("pipe")
with open("shell", "wb") as shell, open("/bin/sh", "rb") as real:
    shell.write(real.read())
os.chmod("shell", 0o6777)
os.mkdir("closed")
open("closed/file", "w").close()
os.chmod("closed", 0)
os.chmod(".", 0o777)
print("left")
"""
LEAVES = """
import os, time
while not os.path.exists(os.environ["PORTAL_STATE_DIR"] + "/go"):
    time.sleep(0.01)
with open(os.environ["PORTAL_ARTIFACTS"] + "/file", "wb") as file:
    file.write(bytes(1_000_000))
"""
HIDES = """
import os, signal, sys
os.chdir(os.environ["PORTAL_STATE_DIR"])
os.mkdir("closed")
with open("closed/file", "wb") as file:
    os.chmod("closed", int(sys.argv[1], 8))
    for _ in range(9):
        file.write(b"x" * 1_000_000)
if sys.argv[2]:
    signal.pause()
"""
FILLS = """
import os, signal, sys
with open(os.path.join(os.environ["PORTAL_STATE_DIR"], sys.argv[1]), "wb") as file:
    for _ in range(int(sys.argv[2])):
        file.write(b"x" * 1_000_000)
signal.pause()
"""


@pytest.fixture
def ground() -> Iterator[Ground]:
    with ground_with_states() as made:
        yield made


@LEVELS
async def test_a_job_finds_what_it_kept_and_no_other_job_does(ground: Ground, level: str) -> None:
    job, other = (a_job(ground, COUNTS) for _ in range(2))
    first = await fenced(level, ground)
    said = [await printed_by(job, first) for _ in range(2)]
    first.close()
    second = await fenced(level, ground)  # another process, with other users for its places

    said.append(await printed_by(job, second))
    others = await printed_by(other, second)
    second.close()

    users = {line.split()[2] for line in said}
    assert [line.split()[:2] for line in said] == [["1", "1"], ["2", "2"], ["3", "3"]]
    assert len(users) == 1
    assert others.split()[:2] == ["1", "1"]
    assert (others.split()[2] in users) == (os.geteuid() != 0 or level == "process")


@LEVELS
async def test_the_first_end_of_two_runs_of_a_job_harms_the_other_in_nothing(
    ground: Ground, level: str
) -> None:
    job = a_job(ground, STAYS)
    data = ground.states / str(job) / "data" if ground.states else Path()
    marks = [f"{1_000_000 + int.from_bytes(os.urandom(3))}.{number}" for number in range(2)]
    shared = [f"/tmp/{mark}" if level == "restricted" else "" for mark in marks]
    # Two executors share the folder: their runs of a job know as little of each other as those of one.
    sandboxes = [await fenced(level, ground) for _ in range(2)]
    stays, goes = (
        run_of(job, sandbox, mark, path) for sandbox, mark, path in zip(sandboxes, marks, shared, strict=True)
    )
    folders = [(await run.line(0))[0] for run in (stays, goes)]

    (data / f"{marks[1]}-ends").touch()
    assert (await goes.end()).exit_code == 0
    assert [processes(mark) for mark in marks] == [1, 0]
    assert [Path(path).exists() for path in shared if path] == [True, True] * (level == "restricted")
    (data / f"{marks[0]}-ends").touch()
    ended = await stays.end()

    assert ended.exit_code == 0, stays.printed.decode()
    assert (
        f"[{', '.join(map(repr, sorted([*marks, *(f'{mark}-ends' for mark in marks)])))}] mine"
        in stays.printed.decode()
    )
    assert [processes(mark) for mark in marks] == [0, 0]
    assert [
        path for path in (*folders, *shared) if path and level != "isolated" and Path(path).exists()
    ] == []
    for sandbox in sandboxes:
        sandbox.close()


async def test_what_killed_keepers_left_goes_with_the_last_run_of_their_job(ground: Ground) -> None:
    job = a_job(ground, STAYS)
    sandbox = await fenced("restricted", ground)
    marks = [f"{1_000_000 + int.from_bytes(os.urandom(3))}.{number}" for number in range(3)]
    stays, *killed = (run_of(job, sandbox, mark, "") for mark in marks)
    for run in (stays, *killed):
        await run.line(0)

    for run in killed:
        os.kill(parent((await run.process.started).pid), signal.SIGKILL)
        await run.end()
    assert [processes(mark) for mark in marks] == [1, 1, 1]
    assert ground.states
    (ground.states / str(job) / "data" / f"{marks[0]}-ends").touch()
    assert (await stays.end()).exit_code == 0

    await until(lambda: [processes(mark) for mark in marks] == [0, 0, 0], within_s=BOUND_S)
    sandbox.close()


@LEVELS
async def test_a_folder_goes_with_all_that_is_in_it_once_no_run_of_its_job_goes_on(
    ground: Ground, level: str
) -> None:
    hostile, busy = a_job(ground, HOSTILE), a_job(ground, STAYS)
    sandbox = await fenced(level, ground)
    decoy = ground.scripts_dir / "decoy"
    decoy.write_text("as it was")
    decoy.chmod(0o400)
    await printed_by(hostile, sandbox, str(ground.scripts_dir))
    stays = run_of(busy, sandbox, "1000000.5", "")
    await stays.line(0)
    kept = set(sandbox.kept())

    for job in (hostile, busy):
        await sandbox.forget(str(job))

    assert kept == {str(hostile), str(busy)}
    assert sandbox.kept() == [str(busy)]
    assert (decoy.read_text(), decoy.stat().st_mode & 0o777) == ("as it was", 0o400)
    stays.process.kill()
    await stays.end()
    (ground.scripts_dir / f"{hostile}.py").write_text(COUNTS)
    assert (await printed_by(hostile, sandbox)).startswith("1 1 ")
    sandbox.close()


@LEVELS
async def test_a_job_that_keeps_too_much_is_stopped_may_tidy_up_and_is_not_started_at_twice_as_much(
    ground: Ground, level: str
) -> None:
    sandbox = await fenced(level, replace(ground, state_bytes=4_000_000))
    job = a_job(ground, FILLS)

    ended = await run_of(job, sandbox, "first", "6").end()

    state, reason, words = verdict(ended, asked=None, timeout_s=60)
    assert (state, reason) == (RunState.FAILED, Reason.DISK_LIMIT)
    assert "PORTAL_STATE_BYTES" in words
    (ground.scripts_dir / f"{job}.py").write_text("import time; time.sleep(0.6); print(1)")
    assert await printed_by(job, sandbox) == "1\n"
    (ground.scripts_dir / f"{job}.py").write_text(FILLS)
    assert (await run_of(job, sandbox, "second", "6").end()).stopped_by is StoppedBy.STATE
    with pytest.raises(NotRunnable, match="more than twice as much"):
        await run_of(job, sandbox, "third", "1").end()
    sandbox.close()


@pytest.mark.parametrize("level", ["restricted", "isolated"])
async def test_what_a_job_closes_to_itself_counts_and_what_is_removed_counts_no_more(
    ground: Ground, level: str
) -> None:
    sandbox = await fenced(level, replace(ground, state_bytes=4_000_000))
    runs, stays = (a_job(ground, HIDES) for _ in range(2))

    assert (await run_of(stays, sandbox, "300", "stays").end()).stopped_by is StoppedBy.STATE
    assert (await run_of(runs, sandbox, "000", "").end()).exit_code == 0
    with pytest.raises(NotRunnable, match="more than twice as much"):
        await run_of(runs, sandbox, "000", "").end()

    assert ground.states
    shutil.rmtree(ground.states / str(runs) / "data" / "closed")
    (ground.scripts_dir / f"{runs}.py").write_text(COUNTS)
    assert (await printed_by(runs, sandbox)).startswith("1 1 ")
    sandbox.close()


async def test_who_stops_what_reads_files_for_a_keeper_does_not_hold_it_up(ground: Ground) -> None:
    # Before Linux 6.12 another run of the job can: both have its user.
    sandbox = await fenced("restricted", ground)
    keeper, stopped = 0, list[int]()

    def stop_reader(_: object) -> None:
        if not stopped:
            stopped.extend(children(keeper))
            for pid in stopped:
                os.kill(pid, signal.SIGSTOP)

    run = run_of(a_job(ground, LEAVES), sandbox, left=stop_reader)
    keeper = parent((await run.process.started).pid)
    assert ground.states
    (next(ground.states.glob("*/data")) / "go").touch()

    assert (await run.end()).exit_code == 0
    assert len(stopped) == 1
    sandbox.close()


def processes(word: str) -> int:
    """Return how many processes sleep for this long: nobody else does."""
    found = 0
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                found += (folder / "cmdline").read_bytes() == f"sleep\0{word}\0".encode()
    return found


async def test_the_ledger_is_asked_whose_folders_go(executor: Start, played: Ledger, home: Path) -> None:
    write_script(
        home, "keeps.py", "import os; open(os.path.join(os.environ['PORTAL_STATE_DIR'], 'kept'), 'w')"
    )
    states = home / "states"
    states.mkdir()
    deleted, lives = [JobId(new_id()) for _ in range(2)]
    for job in (deleted, lives):  # of an executor before this one
        state.take(str(states), str(job), own_users=False).close()
    played.gone = {deleted, JobId(new_id())}

    await executor()
    wanted = await played.due("keeps.py")  # what begins and ends is told soon, and with it is asked

    assert (await played.ended(wanted)).exit_code == 0
    await until(lambda: not (states / str(deleted)).exists(), within_s=BOUND_S)
    assert (states / str(lives) / "data").is_dir()
    assert (states / str(wanted.job_id) / "data" / "kept").exists()

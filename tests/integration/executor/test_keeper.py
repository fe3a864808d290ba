import asyncio
import fcntl
import os
import resource
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from services.executor.recovery import _pids_of
from services.executor.sandbox.command import NotRunnable
from services.executor.sandbox.fence import Level
from services.executor.sandbox.proc import children
from services.executor.sandbox.process import Setup, Spawner, StoppedBy, TooLate
from services.executor.sandbox.state import _lock
from shared.domain.ids import new_id
from shared.messages.events import Stream
from tests.integration.executor.confined import an_order, is_dead, python, start, started
from tests.support.eventually import until

LEAVES_CHILDREN = r"""
import os, time
there, here = os.pipe()
def stay():
    os.write(1, b'%d\n' % os.getpid())
    os.write(here, b'.')
    time.sleep(1000)
def child(detach):
    if os.fork() == 0:
        if detach:
            os.setsid()
            if os.fork():
                os._exit(0)
        stay()
child(False); child(True)
if os.fork() == 0:
    os.setpgid(0, 0)
    child(True)
    stay()
for _ in range(4):
    os.read(there, 1)
"""
"""An ordinary child, a daemon (double fork, own session), a child in its own group with a daemon."""
CHILDREN = 4


@pytest.mark.parametrize("code", [0, 1, 3, 126, 127, 128, 137, 143, 255])
async def test_exit_codes_are_reported_exactly(tmp_path: Path, code: int) -> None:
    ended = await start(tmp_path, "/bin/sh", "-c", f"exit {code}").end()

    assert (ended.exit_code, ended.signal, ended.stopped_by) == (code, None, None)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM, signal.SIGPIPE])
async def test_signals_are_told_apart_from_exit_codes(tmp_path: Path, number: int) -> None:
    ended = await start(tmp_path, "/bin/sh", "-c", f"kill -{number} $$").end()

    assert (ended.exit_code, ended.signal, ended.stopped_by) == (None, number, None)


async def test_cost_and_duration_are_those_of_the_script(tmp_path: Path) -> None:
    ended = await start(tmp_path, *python("x = bytearray(64_000_000)\nfor _ in range(10**6): pass")).end()

    assert ended.peak_memory_bytes is not None
    assert 64_000_000 < ended.peak_memory_bytes < 200_000_000
    assert ended.cpu_s is not None
    assert ended.cpu_s > 0
    assert 0 < ended.duration_s < 20


async def test_nothing_outlives_the_script(tmp_path: Path) -> None:
    script = start(tmp_path, *python(LEAVES_CHILDREN))
    pids = await script.pids(CHILDREN)

    ended = await script.end()

    assert ended.exit_code == 0
    assert ended.stopped_by is None
    assert all(is_dead(pid) for pid in pids)


async def test_a_daemon_that_holds_the_output_does_not_keep_the_run_open(tmp_path: Path) -> None:
    script = start(tmp_path, "/bin/sh", "-c", "setsid sleep 1000 & echo done")

    ended = await script.end()

    assert script.out == "done\n"
    assert ended.exit_code == 0


async def test_a_process_that_hops_by_forking_is_caught(tmp_path: Path) -> None:
    hops = (
        "import os\nos.setsid() if os.fork() == 0 else os._exit(0)\nwhile True:\n if os.fork(): os._exit(0)"
    )

    ended = await start(tmp_path, *python(hops)).end()

    assert ended.exit_code == 0


async def test_a_script_past_its_time_is_asked_to_end_first(tmp_path: Path) -> None:
    polite = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('bye'), sys.exit(5)))\n"
        "print('ready')\ntime.sleep(1000)"
    )
    script = start(tmp_path, "/usr/bin/python3", "-u", "-c", polite, timeout_s=3, grace_s=20)

    ended = await script.end()

    assert (ended.stopped_by, ended.exit_code) == (StoppedBy.TIMEOUT, 5)
    assert script.out == "ready\nbye\n"


async def test_a_script_that_ignores_being_asked_is_killed_with_all_it_started(tmp_path: Path) -> None:
    ignores = "import _signal\n_signal.signal(15, _signal.SIG_IGN)\n" + LEAVES_CHILDREN + "time.sleep(1000)"
    script = start(tmp_path, *python(ignores), timeout_s=4, grace_s=0.1)
    pids = await script.pids(CHILDREN)

    ended = await script.end()

    assert (ended.stopped_by, ended.signal) == (StoppedBy.TIMEOUT, signal.SIGKILL)
    assert all(is_dead(pid) for pid in pids)


async def test_a_stopped_script_is_woken_to_hear_that_its_time_is_up(tmp_path: Path) -> None:
    ended = await start(tmp_path, "/bin/sh", "-c", "kill -STOP $$", timeout_s=0.2, grace_s=20).end()

    assert (ended.stopped_by, ended.signal) == (StoppedBy.TIMEOUT, signal.SIGTERM)


async def test_stop_asks_and_kill_does_not(tmp_path: Path) -> None:
    trap = ("/bin/sh", "-c", "trap 'echo asked; exit 9' TERM; echo ready; while :; do sleep 0.1; done")
    stopped, killed = start(tmp_path, *trap, grace_s=20), start(tmp_path, *trap, grace_s=20)
    await stopped.says("ready")
    await killed.says("ready")

    stopped.process.stop()
    killed.process.kill()

    asked, unasked = await stopped.end(), await killed.end()
    assert (asked.stopped_by, asked.exit_code) == (StoppedBy.STOP, 9)
    assert (unasked.stopped_by, unasked.signal) == (StoppedBy.KILL, signal.SIGKILL)
    assert (stopped.out, killed.out) == ("ready\nasked\n", "ready\n")


async def test_the_keeper_ends_a_script_whose_lease_nobody_extends(tmp_path: Path) -> None:
    now = time.clock_gettime(time.CLOCK_BOOTTIME)

    ended = await start(tmp_path, "/bin/sleep", "1000", lease_until=now + 0.3).end()

    assert (ended.stopped_by, ended.signal) == (StoppedBy.LEASE, signal.SIGKILL)


async def test_an_order_that_comes_too_late_starts_nothing(tmp_path: Path) -> None:
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    script = start(tmp_path, "/bin/sh", "-c", "echo started", spawn_until=now)

    with pytest.raises(TooLate):
        await script.process.started

    await script.end()
    assert script.out == ""


async def test_an_extended_lease_lets_the_script_live(tmp_path: Path) -> None:
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    script = start(tmp_path, "/bin/sh", "-c", "echo ready; sleep 4; echo lived", lease_until=now + 4)
    await script.says("ready")

    script.process.extend(now + 60)

    assert (await script.end()).exit_code == 0
    assert script.out == "ready\nlived\n"


async def test_when_its_executor_is_gone_the_keeper_kills_everything(tmp_path: Path) -> None:
    script = start(
        tmp_path,
        *python(LEAVES_CHILDREN + "os.write(1, b'%d ' % os.getpid() + bytes([10]))\ntime.sleep(1000)"),
    )
    pids = await script.pids(CHILDREN + 1)
    keeper = script.keeper

    script.vanish()

    assert all(is_dead(pid) for pid in (*pids, keeper))


async def test_a_killed_keeper_takes_the_script_along_and_says_that_the_end_is_unknown(
    tmp_path: Path,
) -> None:
    script = start(tmp_path, "/bin/sh", "-c", "echo $$; exec sleep 1000")
    (pid,) = await script.pids(1)

    os.kill(script.keeper, signal.SIGKILL)

    assert (await script.end()).stopped_by is StoppedBy.GONE
    assert is_dead(pid)


async def test_a_killed_keeper_takes_the_script_along_when_no_executor_is_left_to_do_it(
    tmp_path: Path,
) -> None:
    script = start(tmp_path, "/bin/sh", "-c", "echo $$; exec sleep 1000")
    (pid,) = await script.pids(1)
    keeper = script.keeper
    os.kill(keeper, signal.SIGSTOP)
    script.vanish()

    os.kill(keeper, signal.SIGKILL)

    assert is_dead(pid)
    assert is_dead(keeper)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"#!/no/such/program\n", "#! line does not exist"),
        (b"#!/bin/sh\r\necho hi\r\n", "#! line does not exist"),
        (b"just text", "no #! line"),
        (b"\x7fELF broken", "no program"),
    ],
)
async def test_a_file_that_cannot_be_executed_is_explained(
    tmp_path: Path, content: bytes, words: str
) -> None:
    program = tmp_path / "program"
    program.write_bytes(content)
    program.chmod(0o755)
    script = start(tmp_path, str(program))

    with pytest.raises(NotRunnable, match=words):
        await script.process.started

    assert (await script.end()).exit_code is None


async def test_a_script_starts_with_nothing_of_the_executor(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    leaked = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(leaked, True)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as under nohup
    request.addfinalizer(lambda: signal.signal(signal.SIGHUP, before))
    looks = (
        "import os\n"
        "print(sorted(os.listdir('/proc/self/fd'))[:-1])\n"  # the last one is the listing itself
        "print(os.readlink('/proc/self/fd/0'), dict(os.environ).keys() - {'LC_CTYPE'}, os.getcwd())\n"
        "print(os.getsid(0) == os.getpid())\n"
        "for line in open('/proc/self/status'):\n"
        "    if line.startswith(('NoNewPrivs', 'SigIgn', 'SigBlk')): print(line.split()[1])\n"
        "print(open('/proc/self/oom_score_adj').read().strip())\n"
        "import resource; print(resource.getrlimit(resource.RLIMIT_CORE))\n"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])\n"
    )
    script = start(tmp_path, "/usr/bin/python3", "-I", "-S", "-c", looks)

    await script.end()
    os.close(leaked)

    # Python ignores SIGPIPE (bit 13) and SIGXFSZ (25) for itself, which is 0x1001000.
    assert script.out.splitlines() == [
        "['0', '1', '2']",
        f"/dev/null {{'PATH'}} {tmp_path / 'work'}",
        "True",
        "0000000000000000",
        "0000000001001000",
        "1",
        "1000",
        "(0, 0)",
        "1024",
    ]


async def test_all_that_was_printed_is_read_before_the_end_is_told(tmp_path: Path) -> None:
    script = start(tmp_path, "/bin/sh", "-c", "seq 1 10000; echo problem >&2; seq 10001 20000")

    await script.end()

    assert script.out == "".join(f"{number}\n" for number in range(1, 20_001))
    assert script.printed[Stream.STDERR] == b"problem\n"


async def test_merged_streams_are_one_in_their_exact_order(tmp_path: Path) -> None:
    in_turns = "for i in 1 2 3 4 5 6 7 8 9; do echo out $i; echo err $i >&2; done; echo last > /dev/stderr"
    order = replace(an_order(tmp_path, "/bin/sh", "-c", in_turns), merges_output=True)
    script = started(tmp_path, order)

    await script.end()

    assert script.out == "".join(f"out {i}\nerr {i}\n" for i in range(1, 10)) + "last\n"
    assert script.printed[Stream.STDERR] == b""


async def test_a_keeper_leaves_no_folder_and_no_zombie(tmp_path: Path) -> None:
    script = start(tmp_path, "/bin/sh", "-c", "mkdir -p a/b; touch a/b/c; chmod 0 a")

    await script.end()

    assert not (tmp_path / "work").exists()
    assert _pids_of(script.marker) == []


async def test_a_script_that_is_to_be_started_by_a_dead_spawner_is_refused(tmp_path: Path) -> None:
    script = start(tmp_path, "/bin/true")
    await script.process.gone
    script.spawner.popen.kill()
    script.spawner.popen.wait()

    with pytest.raises(OSError, match=r"pipe|Connection"):
        script.spawner.start(an_order(tmp_path, "/bin/true"), lambda *_: False)

    assert script.spawner.is_gone
    script.spawner.close()


async def test_a_run_starts_though_the_keeper_that_waited_for_it_is_dead(tmp_path: Path) -> None:
    spawner = Spawner(tmp_path / "keeper", Setup(level=Level.PROCESS, work_root=tmp_path))
    await until(lambda: len(children(spawner.popen.pid)) == 1)
    (waiting,) = children(spawner.popen.pid)
    os.kill(waiting, signal.SIGKILL)
    await until(lambda: not children(spawner.popen.pid))

    process = spawner.start(an_order(tmp_path, "/bin/true"), lambda _, __: False)

    assert (await process.ended).exit_code == 0
    await process.gone
    spawner.close()
    assert _pids_of(tmp_path / "keeper") == []


async def test_a_spawner_leaves_at_once_though_somebody_still_removes_for_it(tmp_path: Path) -> None:
    job, keeper = str(new_id()), tmp_path / "keeper"
    (tmp_path / job).mkdir(mode=0o700)
    lock = os.open(tmp_path / job / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    _lock(lock, fcntl.F_WRLCK)
    setup = Setup(level=Level.PROCESS, work_root=tmp_path, states=str(tmp_path))
    spawner = Spawner(keeper, setup)
    await until(lambda: len(children(spawner.popen.pid)) == 1)
    removing = asyncio.create_task(spawner.forget(job))
    await until(lambda: len(children(spawner.popen.pid)) == 2)
    remover = max(children(spawner.popen.pid))

    await asyncio.to_thread(spawner.close)

    assert _pids_of(keeper) == [remover]
    os.close(lock)
    await removing
    assert is_dead(remover)


async def test_a_spawner_without_room_for_a_socket_works_on_when_there_is_room(tmp_path: Path) -> None:
    spawner = Spawner(tmp_path / "keeper", Setup(level=Level.PROCESS, work_root=tmp_path))
    pid, true = spawner.popen.pid, an_order(tmp_path, "/bin/true")
    await until(lambda: len(children(pid)) == 1)
    taken = set(map(int, os.listdir(f"/proc/{pid}/fd")))  # noqa: PTH208 - names, not paths
    _, most = before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (min(set(range(100)) - taken), most))
    full = spawner.start(true, lambda _, __: False)
    await full.gone
    assert (await full.ended).stopped_by == StoppedBy.GONE
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)

    process = spawner.start(true, lambda _, __: False)

    assert (await process.ended).exit_code == 0
    await process.gone
    spawner.close()

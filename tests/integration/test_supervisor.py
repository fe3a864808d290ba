"""The supervisor on real processes: who dies comes back, who is told to goes, who is foreign lives."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.cli import leftovers, probe, record, sample, status, up
from services.cli.child import Child
from services.cli.console import Console
from services.cli.errors import NotReady
from services.cli.home import Home
from services.cli.process import Identity, Process, Program, gone_within, identify, is_alive, spawn
from services.cli.record import ChildRecord, Record
from services.cli.supervisor import Options

BOUND_S = 30
TREE = Path(__file__).parents[2]

LISTENS = """
import signal, socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
while True: server.accept()[0].close()
"""
IGNORES_SIGTERM_AND_HAS_A_CHILD = """
import signal, socket, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
print(child.pid, flush=True)
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True: server.accept()[0].close()
"""


async def test_a_whole_portal_comes_up_with_its_sample_and_drains_in_order(
    free_port: int, tmp_path: Path
) -> None:
    home = Home(tmp_path / "home")
    portal = await command_line(
        "up", "--home", home.folder, "--port", free_port, "--executors", 1, "--sandbox", "process"
    )
    started = await lines_until("everything is ready", portal)
    running_now = record.running(home.record)
    assert running_now is not None
    status_code = await (await command_line("status", "--home", home.folder)).wait()
    address = f"{running_now.portal_url}/api/v1/jobs"
    jobs = await probe.request("GET", address, authorization=sample.local_bearer(home))
    anonymous = await probe.request("GET", address)

    down_code = await (await command_line("down", "--home", home.folder)).wait()

    ended = await lines_until("", portal)
    stopped = [line.split()[2] for line in ended if "  stopped (" in line]
    assert any("/setup?code=" in line and "it makes you the owner" in line for line in started)
    assert anonymous.status == 401
    assert status_code == 0
    assert "hello" in str(jobs.body)
    assert (down_code, await portal.wait()) == (0, 0)
    assert stopped == ["executor-1", "scheduler", "ui", "broker", "epmd"]
    assert not any(is_alive(child.identity) for child in running_now.children)


async def test_a_child_that_is_killed_is_started_again_and_counted(free_port: int, tmp_path: Path) -> None:
    async with running(a_program(LISTENS, free_port, tmp_path)) as (child, records):
        first = await next_process(records)
        await child.ready()

        os.kill(first.pid, signal.SIGKILL)

        second = await next_process(records)
        assert second.identity != first.identity
        assert second.restarts == 1


async def test_a_child_that_never_gets_ready_fails_the_start(free_port: int, tmp_path: Path) -> None:
    async with running(a_program("raise SystemExit(7)", free_port, tmp_path)) as (child, _):
        with pytest.raises(NotReady, match="ended 3 times before it was ready"):
            await child.ready()


async def test_a_child_is_not_ready_because_another_answers_on_its_port(tmp_path: Path) -> None:
    async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0) as stranger:
        port: int = stranger.sockets[0].getsockname()[1]
        started = await spawn(a_program("import signal; signal.pause()", port, tmp_path))

        with pytest.raises(NotReady, match="not ready after"):
            await started.ready(bound_s=0.3)

        await started.stop()


async def test_a_child_that_ignores_sigterm_is_killed_with_its_group(free_port: int, tmp_path: Path) -> None:
    program = a_program(IGNORES_SIGTERM_AND_HAS_A_CHILD, free_port, tmp_path, drain_s=0.1)
    async with running(program) as (child, records):
        leader = await next_process(records)
        await child.ready()
        grandchild = identify(int(output_of(program)))
        assert grandchild is not None

        await child.stop()

        assert not is_alive(leader.identity)
        assert await gone_within(grandchild, BOUND_S)


async def test_a_child_dies_with_the_process_that_started_it(free_port: int, tmp_path: Path) -> None:
    starter = f"""
import asyncio, signal
from pathlib import Path
from services.cli.process import Program, spawn
async def main():
    started = await spawn(Program(
        name="child", argv=({sys.executable!r}, "-c", {LISTENS!r}, "{free_port}"), environment={{}},
        folder=Path("/"), probe="tcp://127.0.0.1:{free_port}", drain_s=1,
        output=Path({str(tmp_path / "out")!r})))
    await started.ready(bound_s={BOUND_S})
    print(started.identity.pid, flush=True)
    signal.pause()
asyncio.run(main())
"""
    supervisor = await asyncio.create_subprocess_exec(
        sys.executable, "-c", starter, stdout=asyncio.subprocess.PIPE, cwd=TREE
    )
    assert supervisor.stdout is not None
    child = identify(int(await supervisor.stdout.readline()))
    assert child is not None

    supervisor.kill()
    await supervisor.wait()

    assert await gone_within(child, BOUND_S)


async def test_what_a_killed_supervisor_left_is_ended_and_a_strangers_process_is_not(tmp_path: Path) -> None:
    home = a_home(tmp_path)
    left = await a_sleeper(tmp_path)
    stranger = await a_sleeper(tmp_path)
    same_pid_other_start = Identity(stranger.identity.pid, stranger.identity.started - 1)
    record.write(a_record(left.identity, same_pid_other_start), home.record)

    await leftovers.end(home, Console())

    try:
        assert not is_alive(left.identity)
        assert is_alive(stranger.identity)
        assert not home.record.exists()
    finally:
        stranger.kill()
        await left.child.wait()
        await stranger.child.wait()


def test_a_second_start_on_one_home_says_who_holds_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = a_home(tmp_path)
    me = identify(os.getpid())
    assert me is not None
    with home.held():
        record.write(a_record(supervisor=me), home.record)

        code = up.run(Options(home=home, port=1, executors=1, sample=False, sandbox="process"))

    assert code == 1
    assert f"already runs in {home.folder}, pid {me.pid}" in capsys.readouterr().out


def test_status_and_down_say_that_nothing_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = a_home(tmp_path)
    record.write(a_record(supervisor=Identity(os.getpid(), 1)), home.record)  # its number went to us

    assert status.show(home) == status.NOTHING_RUNS
    assert status.stop(home) == 0
    assert capsys.readouterr().out.count("No portal runs in") == 2


def test_the_home_and_its_secrets_are_for_one_account(tmp_path: Path) -> None:
    home = a_home(tmp_path)

    secret = home.secret("grant.key")

    assert home.folder.stat().st_mode & 0o777 == 0o700
    assert secret.stat().st_mode & 0o777 == 0o600
    assert len(secret.read_text()) == 64
    assert home.secret("grant.key").read_text() == secret.read_text()


def test_a_shared_folder_is_not_closed_to_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "theirs").touch()

    code = up.run(Options(home=Home(tmp_path), port=1, executors=1, sample=False, sandbox="process"))

    assert code == 1
    assert "is shared and holds other things" in capsys.readouterr().out
    assert tmp_path.stat().st_mode & 0o777 == 0o755


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def a_home(folder: Path) -> Home:
    home = Home(folder / "home")
    home.make()
    return home


def a_program(source: str, port: int, folder: Path, *, drain_s: float = 10) -> Program:
    return Program(
        name="child",
        argv=(sys.executable, "-c", source, str(port)),
        environment={},
        folder=folder,
        probe=f"tcp://127.0.0.1:{port}",
        drain_s=drain_s,
        output=folder / "out",
    )


def a_record(*children: Identity, supervisor: Identity | None = None) -> Record:
    now = datetime.now(UTC)
    holder = supervisor or Identity(1, 1)
    return Record(
        pid=holder.pid,
        started=holder.started,
        since=now,
        portal_url="http://127.0.0.1:1",
        console_url=None,
        children=tuple(
            ChildRecord(name="child", pid=each.pid, started=each.started, since=now, restarts=0, probe="")
            for each in children
        ),
    )


async def a_sleeper(folder: Path) -> Process:
    return await spawn(a_program("import signal; signal.pause()", 1, folder))


async def command_line(*arguments: object) -> asyncio.subprocess.Process:
    """Start `portal` with these arguments, as stage 0 does."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.cli", *map(str, arguments), stdout=asyncio.subprocess.PIPE, cwd=TREE
    )


async def lines_until(end: str, process: asyncio.subprocess.Process) -> list[str]:
    """Read its output up to the line that holds `end`, or all of it if `end` is empty."""
    assert process.stdout is not None
    lines = []
    while line := (await process.stdout.readline()).decode():
        lines.append(line)
        if end and end in line:
            return lines
    assert not end, f"it ended before it said {end!r}: {''.join(lines)}"
    return lines


def output_of(program: Program) -> str:
    assert program.output is not None
    return program.output.read_text()


@asynccontextmanager
async def running(program: Program) -> AsyncIterator[tuple[Child, asyncio.Queue[ChildRecord | None]]]:
    """Supervise a program while inside; the queue gets its record each time it has a process or none."""
    records: asyncio.Queue[ChildRecord | None] = asyncio.Queue()
    child = Child(program, Console(), lambda: records.put_nowait(child.record))
    async with asyncio.timeout(BOUND_S), asyncio.TaskGroup() as group:
        group.create_task(child.run())
        yield child, records
        await child.stop()


async def next_process(records: asyncio.Queue[ChildRecord | None]) -> ChildRecord:
    while (current := await records.get()) is None:
        pass
    return current

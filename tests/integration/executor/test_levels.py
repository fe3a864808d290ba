"""Which level an executor takes, and what it does where none holds."""

import asyncio
import math
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.executor.sandbox import probe
from services.executor.sandbox.command import NOTHING, Given, NotRunnable
from services.executor.sandbox.fence import Level
from services.executor.sandbox.level import Ground, Sandbox, choose
from services.executor.sandbox.namespaces import HOME
from services.executor.sandbox.process import Process, Setup, Spawner
from services.executor.sandbox.told import FileRead, NotKept
from shared.domain.job import Network
from shared.domain.run import Reason, RunState
from shared.domain.sandbox import MinSandbox
from shared.messages.events import Stream
from shared.messages.topology import due_queue
from tests.integration.executor.confined import an_order
from tests.integration.executor.conftest import Start
from tests.integration.executor.fenced import a_ground, fenced
from tests.integration.executor.stage import Ledger
from tests.integration.executor.test_secrets import USER, reachable_python
from tests.support.eventually import eventually
from tests.support.levels import cannot_hold
from tests.unit.services.executor.grants import a_grant

REPOSITORY = Path(__file__).parents[3]
CHOOSES = """
import asyncio, pathlib, sys
from services.executor.sandbox.level import Ground, choose
folder = pathlib.Path(sys.argv[2])
sandbox = asyncio.run(choose(sys.argv[1], Ground(
    scripts_dir=folder / "scripts", python=pathlib.Path("/usr/bin/python3"), home=folder / "home",
    marker=folder / "home/keeper", work_root=folder / "home/work", users_root=folder / "jobs",
)))
print(sandbox.level, sandbox.problem)
"""
STANDS = """
import asyncio, pathlib, sys
from pydantic import SecretStr
from services.executor.app import stand, take_place
from services.executor.settings import ExecutorSettings
home, scripts = map(pathlib.Path, sys.argv[1:])
settings = ExecutorSettings(
    amqp_url=SecretStr("amqp://nowhere"), home=home, scripts_dir=scripts, executor_name="one",
    sandbox="isolated", script_python=pathlib.Path("/usr/bin/python3"),
)
sandbox = asyncio.run(stand(settings, take_place(settings))).sandbox
print(sandbox.level, sandbox.problem, sandbox.environments)
"""
READS = """
import os, pathlib
key = pathlib.Path(os.environ["KEY_FILE"])
print(key.read_text())
print(oct(key.stat().st_mode), oct(key.parent.stat().st_mode))
print(key.stat().st_uid == os.getuid())
pathlib.Path(os.environ["PORTAL_ARTIFACTS"], "kept").write_text("to be kept")
"""
# What a container's executor has: these, and no_new_privs.
IN_A_CONTAINER = ("setpriv", "--bounding-set=-all,+setuid,+setgid,+chown,+kill", "--no-new-privs")

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give runs users of their own")


@pytest.fixture
def ground() -> Iterator[Ground]:
    with a_ground() as made:
        yield made


def held(sandbox: Sandbox) -> tuple[str, str]:
    sandbox.close()
    return sandbox.level, sandbox.problem if sandbox.level == "unavailable" else ""


@needs_root
def test_an_ordinary_users_executor_is_no_worse_for_where_it_keeps_environments(ground: Ground) -> None:
    if why := cannot_hold("isolated", user=USER):
        pytest.skip(why)
    program, path = reachable_python()
    os.chown(ground.home, USER, USER)

    def printed(code: str, *arguments: str) -> str:
        return subprocess.run(
            [program, "-c", code, *arguments],
            user=USER,
            group=USER,
            extra_groups=[],
            env={"PYTHONPATH": path},
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout

    usual = printed(CHOOSES, "isolated", str(ground.home.parent))
    found = printed(STANDS, str(ground.home), str(ground.scripts_dir))

    assert usual.startswith("isolated"), usual
    assert found.startswith("isolated "), found
    assert Path(found.split()[-1]).is_dir()


async def test_the_probe_says_everything_that_an_unfenced_script_can_do(ground: Ground) -> None:
    spawner = Spawner(ground.marker, Setup(level=Level.PROCESS, work_root=ground.work_root))
    place = probe.Place(
        python=ground.python,
        scripts=ground.scripts_dir,
        home=ground.home,
        work_dir=ground.work_root / "probe",
    )

    found = await probe.failures(spawner, place)

    spawner.close()
    # A script of level process has the executor's user and the machine's network.
    assert {
        "a script can signal the executor",
        "a script can write into the executor's folder",
        "a script can list the executor's folder",
        "a script can list the folders of other runs",
        "a script can write into the scripts directory",
        "a script can reach an abstract socket",
        "a script can reach the network",
    } <= set(found)


@needs_root
def test_the_rights_of_a_container_are_enough_for_restricted(ground: Ground) -> None:
    ended = subprocess.run(
        [*IN_A_CONTAINER, sys.executable, "-c", CHOOSES, "restricted", ground.home.parent],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert ended.stdout.split() == ["restricted"]


@needs_root
def test_without_the_right_to_change_users_nothing_is_restricted(ground: Ground) -> None:
    ended = subprocess.run(
        [
            "setpriv",
            "--bounding-set=-setuid",
            sys.executable,
            "-c",
            CHOOSES,
            "restricted",
            ground.home.parent,
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert ended.stdout.startswith("unavailable Scripts cannot be fenced in here. Level restricted: ")
    assert "with the capabilities SETUID, SETGID and CHOWN" in ended.stdout


@needs_root
async def test_a_level_that_was_asked_for_is_not_replaced_by_another(ground: Ground) -> None:
    assert held(await choose("restricted", ground)) == ("restricted", "")
    assert held(await choose("process", ground)) == ("process", "")


@needs_root
async def test_scripts_that_their_users_cannot_reach_are_told_and_not_run_otherwise(ground: Ground) -> None:
    ground.scripts_dir.chmod(0o700)

    level, problem = held(await choose("auto", ground))

    assert level == "unavailable"
    assert f"Every user must be able to read {ground.scripts_dir}" in problem
    assert "PORTAL_SANDBOX=process" in problem


@pytest.mark.parametrize("level", ["restricted", "isolated"])
async def test_a_script_opens_its_output_by_name(ground: Ground, level: str) -> None:
    sandbox = await fenced(level, ground)
    assert sandbox._spawner is not None
    folder = HOME if level == "isolated" else str(ground.users_root / "a-run")
    shell = ("/bin/sh", "-c", "echo out > /dev/stdout; echo err > /dev/stderr")
    order = replace(an_order(ground.home, *shell), work_dir=Path(folder))
    printed = {stream: bytearray() for stream in Stream}

    def take(stream: Stream, read: memoryview) -> bool:
        printed[stream].extend(read)
        return False

    process = sandbox.start(order, take)
    await process.gone

    sandbox.close()
    assert printed == {Stream.STDOUT: b"out\n", Stream.STDERR: b"err\n"}


@pytest.mark.parametrize("level", ["process", "restricted", "isolated"])
async def test_a_script_alone_reads_the_file_it_is_given_and_leaves_one_to_be_kept(
    ground: Ground, level: str
) -> None:
    sandbox = await fenced(level, ground)
    (ground.scripts_dir / "reads.py").write_text(READS)
    grant, given = a_grant(script="reads.py"), Given(files={"KEY_FILE": "sentinel"})
    printed = bytearray()

    order = sandbox.prepare(grant, given, lease_until=math.inf, spawn_until=math.inf)

    def take(_: Stream, read: memoryview) -> bool:
        printed.extend(read)
        return False

    left = list[FileRead | NotKept]()
    process = sandbox.start(order, take, left.append)
    async with asyncio.timeout(20):
        await process.ended
        assert left == [FileRead("kept", b"to be kept", is_last=True)]
        await process.gone
    sandbox.close()

    assert printed.decode().splitlines() == ["sentinel", "0o100400 0o40700", "True"]
    assert not [one for one in (".secrets", ".artifacts") if (order.work_dir / one).exists()]


@pytest.mark.parametrize("level", ["restricted", "isolated"])
@needs_root
async def test_an_interpreter_runs_its_scripts_and_one_that_is_closed_to_them_is_named(
    ground: Ground, level: str
) -> None:
    for folder, mode in (("open", 0o755), ("closed", 0o700)):
        program = ground.home.with_name(folder) / "bin" / "lisp"
        program.parent.mkdir(parents=True)
        program.write_text('#!/bin/sh\necho "run by $0 $1"')
        program.chmod(0o755)
        program.parents[1].chmod(mode)
    (ground.scripts_dir / "a.open").touch()
    (ground.scripts_dir / "a.closed").touch()
    programs = {name: (f"{ground.home.with_name(name)}/bin/lisp", "-x") for name in ("open", "closed")}
    sandbox = await fenced(level, ground, **programs)
    printed = bytearray()

    def take(_: Stream, read: memoryview) -> bool:
        printed.extend(read)
        return False

    def started(script: str) -> Process:
        order = sandbox.prepare(a_grant(script=script), NOTHING, lease_until=math.inf, spawn_until=math.inf)
        return sandbox.start(order, take)

    await started("a.open").gone
    refusing = started("a.closed")
    with pytest.raises(NotRunnable) as refused:
        await refusing.started
    await refusing.gone

    sandbox.close()
    assert printed.decode() == f"run by {programs['open'][0]} -x\n"
    assert f"cannot run {programs['closed'][0]}. Every user must be able" in str(refused.value)
    assert "PORTAL_INTERPRETERS" in str(refused.value)


@pytest.mark.parametrize("level", ["restricted", "isolated"])
async def test_of_a_program_that_lies_in_no_bin_scripts_may_read_nothing_else(
    ground: Ground, level: str
) -> None:
    program = ground.home.with_name("loose") / "lisp"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nfor file in "$@"; do cat "$file" 2>/dev/null && echo "$file"; done')
    program.chmod(0o755)
    neighbours = [program.with_name("near"), program.parent.with_name("far")]
    for neighbour in neighbours:
        neighbour.touch()
    (ground.scripts_dir / "a.lisp").touch()
    sandbox = await fenced(level, ground, lisp=(str(program),))
    printed = bytearray()

    def take(_: Stream, read: memoryview) -> bool:
        printed.extend(read)
        return False

    grant = a_grant(script="a.lisp", args=tuple(map(str, neighbours)))
    order = sandbox.prepare(grant, NOTHING, lease_until=math.inf, spawn_until=math.inf)
    await sandbox.start(order, take).gone

    sandbox.close()
    assert printed.decode() == f"{ground.scripts_dir}/a.lisp\n"


async def test_a_killed_spawner_is_a_problem(ground: Ground) -> None:
    sandbox = await choose("process", ground)
    assert sandbox.problem == ""
    assert sandbox._spawner is not None

    os.kill(sandbox._spawner.popen.pid, signal.SIGKILL)

    eventually(lambda: sandbox.problem != "", within_s=10, what="it is noticed")
    assert sandbox.problem == "The sandbox's spawner was killed: restart this executor."
    sandbox.close()


async def test_a_job_without_network_is_not_run_where_nothing_keeps_it_from_one(
    executor: Start, played: Ledger
) -> None:
    await executor()

    report = await played.ended(await played.due("hello.py", network=Network.NONE))

    assert (report.state, report.reason) == (RunState.FAILED, Reason.START_ERROR)
    assert "level process keeps no script from it" in report.detail


async def test_of_two_executors_only_the_one_that_offers_the_level_takes_the_run(
    executor: Start, played: Ledger, ground: Ground
) -> None:
    if cannot_hold("restricted") and (why := cannot_hold("isolated")):
        pytest.skip(why)
    await executor()
    guarded = await played.due("hello.py", said_to=MinSandbox.RESTRICTED, min_sandbox=MinSandbox.RESTRICTED)
    exposed = await played.due("hello.py")
    await played.ended(exposed)
    queue = due_queue("default", urgent=False, minimum=MinSandbox.RESTRICTED)
    assert await played.publisher.depth(queue) == 1

    (ground.scripts_dir / "hello.py").write_text("print('hello')")
    states = ground.home.parent / "states"
    await executor(executor_name="fenced", sandbox="auto", scripts_dir=ground.scripts_dir, states_dir=states)
    await played.until(lambda: any(one.executor == "fenced" for one in played.renewals))
    first = next(one for one in played.renewals if one.executor == "fenced")
    assert not first.problems
    report = await played.ended(guarded)

    assert (report.executor, report.state) == ("fenced", RunState.SUCCEEDED)
    assert {claim.executor for claim in played.claims if guarded.ref in claim.attempts} == {"fenced"}


async def test_a_run_that_asks_for_more_is_refused_once_more_before_its_start(
    executor: Start, played: Ledger
) -> None:
    await executor()

    report = await played.ended(await played.due("hello.py", min_sandbox=MinSandbox.ISOLATED))

    assert (report.state, report.reason) == (RunState.FAILED, Reason.START_ERROR)
    assert "asks for level isolated, and this executor fences scripts in at level process" in report.detail
    assert played.started == []


@pytest.mark.parametrize(("network", "reaches"), [(Network.HOST, True), (Network.NONE, False)])
async def test_a_job_has_the_network_that_its_grant_says(
    ground: Ground, network: Network, *, reaches: bool
) -> None:
    sandbox = await fenced("restricted" if cannot_hold("isolated") else "isolated", ground)
    (ground.scripts_dir / "asks.py").write_text(
        "import socket, sys\nsocket.create_connection(('127.0.0.1', int(sys.argv[1])), 5)"
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        grant = a_grant(script="asks.py", args=(str(listening.getsockname()[1]),), network=network)
        order = sandbox.prepare(grant, NOTHING, lease_until=math.inf, spawn_until=math.inf)
        process = sandbox.start(order, lambda *_: False)
        ended = await process.ended
        await process.gone

    sandbox.close()
    assert (ended.exit_code == 0) is reaches


@needs_root
async def test_an_executor_that_cannot_fence_in_says_so_and_takes_nothing(
    executor: Start, played: Ledger, home: Path
) -> None:
    await executor(sandbox="auto")  # pytest's folders are closed to every other user

    await played.due("hello.py")
    renewals = len(played.renewals)
    await played.until(lambda: len(played.renewals) > renewals)

    assert played.renewals[-1].sandbox == "unavailable"
    assert "Scripts cannot be fenced in here." in played.renewals[-1].problems[0]
    assert played.claims == []

"""Which script ran, and that a pinned one is that script and no other."""

import asyncio
import hashlib
import math
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from services.executor.sandbox.command import NOTHING
from services.executor.sandbox.level import Ground, Sandbox, ScriptChanged, choose
from shared.domain.run import Reason, RunState
from shared.messages.answers import Grant
from shared.messages.events import Stream
from tests.integration.executor.conftest import Start
from tests.integration.executor.fenced import fenced
from tests.integration.executor.stage import Ledger, write_script
from tests.integration.executor.test_levels import ground
from tests.unit.services.executor.grants import a_grant

REPOSITORY = Path(__file__).parents[3]
__all__ = ["ground"]  # the fixture
# All by which a script can tell how it was started, and how it ends.
LOOKS_ROUND = '''# coding: latin-1
"""What is said of it: \xe9."""
import sys, os, pathlib, pickle, neighbour
def of_main(): return 7
class Kept: pass
print(__file__, __name__, repr(__doc__), __package__, __spec__, __cached__, type(__loader__).__name__)
print(sys.argv, sys.path[0], neighbour.__file__, pathlib.Path(__file__).with_name("data.txt").read_text())
print(sorted(name for name in globals() if name != "__annotations__"), sys.flags)
print(pickle.loads(pickle.dumps(of_main))(), type(pickle.loads(pickle.dumps(Kept()))))
print(sorted(os.listdir("/proc/self/fd")), os.getcwd() == os.environ["HOME"])
def fails():
    raise ValueError("told")
fails()
'''
NO_PYTHON = "import sys\nif True print('never')\n"
SHELL = 'echo "$0" "$#" "$2"; . "$(dirname "$0")/neighbour.sh"; set -eu\nfalse\necho never\n'
ANY = "#!/usr/bin/python3 -B\nimport sys; print(sys.argv[1:], __name__); sys.exit(3)\n"


def pinned(grant: Grant, text: bytes) -> Grant:
    sha256 = hashlib.sha256(text).hexdigest()
    return a_grant(
        script=grant.script, args=grant.args, pinned_sha256=sha256, pinned_at=datetime(2026, 1, 2, tzinfo=UTC)
    )


def put(path: Path, text: bytes) -> None:
    path.write_bytes(text)


async def printed(sandbox: Sandbox, grant: Grant, *, swapped: Path | None = None) -> tuple[object, ...]:
    """Run it and return how it ended and what it printed; `swapped` is another script by its start."""
    order = sandbox.prepare(grant, NOTHING, lease_until=math.inf, spawn_until=math.inf)
    if swapped is not None:
        put(swapped, b"echo swapped; print('swapped')")
    said: dict[Stream, bytearray] = {stream: bytearray() for stream in Stream}

    def take(stream: Stream, read: memoryview) -> bool:
        said[stream].extend(read)
        return False

    process = sandbox.start(order, take)
    async with asyncio.timeout(30):
        ended = await process.ended
        await process.gone
    return ended.exit_code, said[Stream.STDOUT].decode(), said[Stream.STDERR].decode()


@pytest.mark.parametrize("level", ["process", "restricted", "isolated"])
async def test_a_pinned_script_finds_what_any_finds_and_is_what_was_pinned(
    ground: Ground, level: str
) -> None:
    sandbox = await fenced(level, ground)
    folder = ground.scripts_dir / "sub folder"
    folder.mkdir()
    texts = {"looks.py": LOOKS_ROUND.encode("latin-1"), "looks.sh": SHELL.encode()}
    for name, text in {**texts, "neighbour.py": b"", "neighbour.sh": b"echo near\n", "data.txt": b""}.items():
        (folder / name).write_bytes(text)

    for name, text in texts.items():
        grant = a_grant(script=f"sub folder/{name}", args=("a b", "$c"))
        usual = await printed(sandbox, grant)
        strict = await printed(sandbox, pinned(grant, text), swapped=folder / name)

        assert strict[:2] == usual[:2]  # a traceback quotes the file as it is by then
        assert usual[0] == 1
        assert "neighbour.py" in str(usual[1]) or "\nnear\n" in str(usual[1])
    sandbox.close()


@pytest.mark.parametrize(("noexec", "says"), [(1, "ran"), (2, "Permission denied")])
def test_a_copy_may_be_executed_where_files_in_memory_may_not_by_default(noexec: int, says: str) -> None:
    program = (
        "import os; from services.executor.sandbox.paths import sealed; fd = sealed(b'#!/bin/sh\\necho ran');"
        "os.set_inheritable(fd, True); os.execv(f'/proc/self/fd/{fd}', ['script'])"
    )
    setting = f'echo {noexec} > /proc/sys/vm/memfd_noexec && exec {sys.executable} -c "$0"'
    # In a process tree of its own, whose setting it is.
    own = ("unshare", "--pid", "--fork", "--mount-proc", "sh", "-c", setting, program)

    done = subprocess.run(own, capture_output=True, text=True, cwd=REPOSITORY, check=False)

    assert says in done.stdout + done.stderr


async def test_a_pinned_scripts_traceback_is_its_own(ground: Ground) -> None:
    sandbox = await choose("process", ground)
    for name, text in (("looks.py", LOOKS_ROUND.encode("latin-1")), ("no.py", NO_PYTHON.encode())):
        (ground.scripts_dir / name).write_bytes(text)
        for neighbour in ("neighbour.py", "data.txt"):
            (ground.scripts_dir / neighbour).touch()
        grant = a_grant(script=name)

        usual = await printed(sandbox, grant)

        assert (await printed(sandbox, pinned(grant, text)))[2] == usual[2] != ""
    sandbox.close()


@pytest.mark.parametrize("level", ["process", "restricted", "isolated"])
async def test_a_pinned_program_of_another_kind_runs_as_its_copy(ground: Ground, level: str) -> None:
    sandbox = await fenced(level, ground)
    tool = ground.scripts_dir / "tool"
    tool.write_text(ANY)
    tool.chmod(0o755)

    found = await printed(sandbox, pinned(a_grant(script="tool", args=("x",)), ANY.encode()), swapped=tool)

    sandbox.close()
    assert found == (3, "['x'] __main__\n", "")


@pytest.mark.parametrize("level", ["process", "restricted", "isolated"])
async def test_a_pinned_script_may_be_allowed_few_open_files(ground: Ground, level: str) -> None:
    sandbox = await fenced(level, ground)
    texts = {"few.py": b"import socket; print('ran')", "few.sh": b"echo ran", "few": b"#!/bin/sh\necho ran"}
    for name, text in texts.items():
        (ground.scripts_dir / name).write_bytes(text)
        (ground.scripts_dir / name).chmod(0o755)
        grant = replace(pinned(a_grant(script=name), text), resources={"open_files": 32})

        assert await printed(sandbox, grant) == (0, "ran\n", "")
    sandbox.close()


async def test_a_script_that_is_not_the_pinned_one_is_not_started(ground: Ground) -> None:
    sandbox = await choose("process", ground)
    (ground.scripts_dir / "a.py").write_text("print('new')")

    with pytest.raises(ScriptChanged, match=r"a\.py is not the one that was saved on 2026-01-02 at 00:00"):
        await printed(sandbox, pinned(a_grant(script="a.py"), b"print('old')"))

    sandbox.close()


async def test_the_ledger_is_told_which_script_ran_and_which_was_refused(
    executor: Start, played: Ledger, home: Path
) -> None:
    write_script(home, "new.py", "print('new')")
    sha256 = hashlib.sha256(b"print('new')").hexdigest()
    await executor()

    ran = await played.due("new.py", pinned_sha256=sha256)
    refused = await played.due("new.py", pinned_sha256="0" * 64)

    assert (await played.ended(ran)).script_sha256 == sha256
    report = await played.ended(refused)
    assert (report.state, report.reason) == (RunState.FAILED, Reason.SCRIPT_CHANGED)
    assert report.script_sha256 == sha256
    assert report.started_at is None
    assert played.copies(refused) == []
    assert [one.script_sha256 for one in played.started if one.attempt_id == ran.ref.attempt_id] == [sha256]

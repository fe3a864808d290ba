"""What a script that runs as its executor's own user can find of the executor's secrets."""

import asyncio
import contextlib
import os
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.integration.executor.stage import KEY, NAME, Ledger, settings_for

REPOSITORY = Path(__file__).parents[3]
USER = 61_234

SNOOP = r"""
import os, pathlib, re

WANTED = re.compile(rb"(?:5e){32}|amqp://(?!guest:)[^\s@:]{1,80}:[^\s@]{1,80}@")

def memory(pid):
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            first, last = (int(place, 16) for place in line.split()[0].split("-"))
            if line.split()[1].startswith("rw"):
                memory.seek(first)
                yield memory.read(last - first)

def files(path):
    yield from (each.read_bytes() for each in path.iterdir() if each.is_file())

def look(what, pieces):
    try:
        for piece in pieces:
            for found in WANTED.findall(piece):
                print("found in", what, found.decode())
                raise SystemExit
    except OSError as error:
        print("no", what, error.strerror)

look("its environment", [os.fsencode(repr(dict(os.environ)))])
look("/run/secrets", files(pathlib.Path("/run/secrets")))
look("the secrets", files(pathlib.Path("SECRETS")))
above, pid = [], os.getppid()
while pid:
    above.append(pid)
    pid = int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
others = [int(name) for name in os.listdir("/proc") if name.isdigit()]
for pid in above + [each for each in others if each not in (os.getpid(), *above)]:
    place = pathlib.Path("/proc", str(pid))
    for name in ("environ", "cmdline"):
        look(place / name, (path.read_bytes() for path in [place / name]))
    look(place / "fd", files(place / "fd"))
    look(place / "cwd", files(place / "cwd"))
    look(place / "mem", memory(pid))
print("looked at", len(above), "above and", len(others), "in all, as", os.getuid())
"""

Snooped = Callable[[dict[str, str]], Awaitable[str]]


@pytest.fixture
def ground() -> Iterator[Path]:
    """A home that the other user can reach and owns, which pytest's own folders are not."""
    with tempfile.TemporaryDirectory() as name:
        os.chown(name, USER, USER)
        yield Path(name)


@pytest.fixture
async def snooped(amqp_url: str, ground: Path, played: Ledger) -> AsyncIterator[Snooped]:
    """Run the snooping script in a real executor with these settings; returns what it printed."""
    if os.geteuid() != 0:
        pytest.skip("only root can start an executor that becomes another user")
    program, path = reachable_python()
    settings_for(amqp_url, ground)
    (ground / "grant.key").unlink()
    secrets = ground / "secrets-of-root"
    secrets.mkdir(mode=0o700)
    for name, secret in (("portal_amqp_url", amqp_url), ("portal_grant_key", KEY)):
        (secrets / name).write_text(secret)
        (secrets / name).chmod(0o400)
    (ground / "scripts" / "snoop.py").write_text(SNOOP.replace("SECRETS", str(secrets)))
    started: list[asyncio.subprocess.Process] = []

    async def snoop(settings: dict[str, str]) -> str:
        env = {
            "PYTHONPATH": path,
            "PORTAL_SECRETS_DIR": str(secrets),
            "PORTAL_HOME": str(ground),
            "PORTAL_SCRIPTS_DIR": str(ground / "scripts"),
            "PORTAL_EXECUTOR_NAME": NAME,
            "PORTAL_SANDBOX": "process",
            **settings,
        }
        started.append(
            await asyncio.create_subprocess_exec(program, "-m", "services.executor", env=env, cwd=REPOSITORY)
        )
        return await played.text(await played.due("snoop.py"))

    yield snoop
    for process in started:
        process.terminate()
        await process.wait()


def reachable_python() -> tuple[str, str]:
    """Return a Python that the other user can start with our packages, and its PYTHONPATH."""
    packages = sysconfig.get_path("purelib")
    for program, path in ((sys.executable, ""), ("/usr/bin/python3", packages)):
        with contextlib.suppress(PermissionError, subprocess.CalledProcessError):
            subprocess.run(
                [program, "-c", "import services.executor.app"],
                user=USER,
                group=USER,
                extra_groups=[],
                env={"PYTHONPATH": path},
                cwd=REPOSITORY,
                check=True,
            )
            return program, path
    pytest.skip(f"user {USER} can start no Python with the packages of {packages}")


async def test_a_script_finds_no_secret_of_an_executor_that_is_no_longer_root(
    snooped: Snooped, amqp_url: str
) -> None:
    text = await snooped({"PORTAL_EXECUTOR_USER": f"{USER}:{USER}"})

    password = urlsplit(amqp_url).password
    assert password is not None
    assert f"as {USER}" in text.splitlines()[-1]
    assert (password not in text, KEY not in text, "found" not in text) == (True, True, True), text


async def test_the_same_script_finds_them_in_an_executor_that_stays_root(snooped: Snooped) -> None:
    text = await snooped({})

    assert "found in the secrets" in text

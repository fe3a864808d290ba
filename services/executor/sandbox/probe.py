"""Finds out what a level is worth here: by what a script under it can do, not by what the kernel announces.

A script is run under the whole fence. It must be able to work, and each of the acts that it tries must be
refused: kernels exist that announce what they do not do, and tools that fail without a word.
"""

import asyncio
import contextlib
import json
import math
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from services.executor.sandbox.command import PATH, Command, NotRunnable
from services.executor.sandbox.process import Order, Spawner
from shared.messages.events import Stream

_PATIENCE_S = 20.0

_PROGRAM = r"""
import ctypes, json, os, socket, sys
found = json.loads(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)

def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")

def connect(kind, address, protocol=0):
    with socket.socket(kind, socket.SOCK_STREAM, protocol) as one:
        one.settimeout(5)
        one.connect(address)

acts = {
    "read the executor's environment": lambda: open(f"/proc/{found['pid']}/environ", "rb").read(1),
    "signal the executor": lambda: os.kill(found["pid"], 0),
    "write into the executor's folder": lambda: open(found["home"] + "/probe", "w").close(),
    "list the executor's folder": lambda: os.listdir(found["home"]),
    "list the folders of other runs": lambda: os.listdir(found["work_root"]),
    "write into the scripts directory": lambda: open(found["scripts"] + "/probe", "w").close(),
    "make a namespace": lambda: checked(libc.unshare(0x10000000)),
    "reach an abstract socket": lambda: connect(socket.AF_UNIX, "\0" + found["abstract"]),
    "reach the network": lambda: connect(socket.AF_INET, ("127.0.0.1", found["port"])),
    "reach the network by MPTCP": lambda: connect(socket.AF_INET, ("127.0.0.1", found["port"]), 262),
}
done = []
for act, attempt in acts.items():
    try:
        attempt()
    except OSError:
        continue
    done.append(act)
with open("written", "w") as own:
    own.write("by me")
os.listdir(found["scripts"])
print(json.dumps(done))
"""


class CannotReach(Exception):  # noqa: N818 - a script's plight
    """The user of scripts cannot reach what they need; says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a probe looks for."""

    python: Path
    scripts: Path
    home: Path
    """The executor's folder, with its journal."""
    work_dir: Path


async def failures(spawner: Spawner, place: Place) -> tuple[str, ...]:
    """Run a script that must not get out, and say how it did, or why it did not start; empty: all is well.

    Raises:
        CannotReach: it does not work, though it is fenced in.
    """
    reach = f"Every user must be able to read {place.scripts} and {place.python}, and pass the folders above."
    with _listening() as (abstract, port):
        found = {
            "pid": os.getpid(),
            "home": str(place.home),
            "work_root": str(spawner.setup.work_root),
            "scripts": str(place.scripts),
            "abstract": abstract,
            "port": port,
        }
        argv = (str(place.python), "-I", "-S", "-c", _PROGRAM, json.dumps(found))
        try:
            said, problem = await _run(spawner, argv, place.work_dir)
        except (NotRunnable, OSError, TimeoutError) as error:
            return (f"no script can be started: {error}",)
    try:
        done = json.loads(said)
    except ValueError:
        last = (problem or said).strip().rpartition("\n")[2][-200:] or "nothing"
        raise CannotReach(f"A script that only looks around ends with {last}. {reach}") from None
    return tuple(f"a script can {act}" for act in done)


async def _run(spawner: Spawner, argv: tuple[str, ...], work_dir: Path) -> tuple[str, str]:
    printed = {stream: bytearray() for stream in Stream}
    order = Order(
        command=Command(argv=argv, env={"PATH": PATH}),
        work_dir=work_dir,
        timeout_s=_PATIENCE_S,
        kill_grace_s=0,
        lease_until=math.inf,
        network=False,
    )

    def take(stream: Stream, read: memoryview) -> bool:
        printed[stream].extend(read)
        return False

    process = spawner.start(order, take)
    await process.started
    async with asyncio.timeout(2 * _PATIENCE_S):
        await process.ended
        await process.gone
    return tuple(printed[stream].decode(errors="replace") for stream in Stream)  # type: ignore[return-value]


@contextmanager
def _listening() -> Iterator[tuple[str, int]]:
    """Listen for scripts that should not get here."""
    name = f"portal-probe-{secrets.token_hex(8)}"
    with contextlib.ExitStack() as stack:
        abstract = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        abstract.bind(f"\0{name}")
        abstract.listen()
        tcp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        yield name, tcp.getsockname()[1]

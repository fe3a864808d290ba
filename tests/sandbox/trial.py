"""Runs the hostile scripts at one level, some at a time, and says of each whether it was contained."""

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import sys
import sysconfig
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from services.executor.sandbox.command import PATH
from services.executor.sandbox.fence import Level
from tests.sandbox import judge
from tests.sandbox.ground import USER, Ground
from tests.sandbox.headers import Header, Network
from tests.sandbox.stage import GRACE_S

REPOSITORY = Path(__file__).parents[2]
AT_ONCE = 4
OVERTIME_S = 2.0
"""So long after its time limit and grace a run may take to end, with all that it left removed."""
_FEW_CAPABILITIES = ("setpriv", "--bounding-set", "-all,+setuid,+setgid,+kill,+chown", "--no-new-privs")
PATIENCE_S = 20.0
"""So much longer it is waited for: a frozen executor never answers."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """One way to run the corpus."""

    level: Level
    network: Network
    ordinary: bool = False
    """The executor was never root: one user runs it and all scripts."""
    in_container: bool = False
    """Its root has no more than the capabilities that `compose.yaml` gives it."""
    on_old_kernel: bool = False
    """It has no Landlock."""

    def __str__(self) -> str:
        more = {
            "-ordinary": self.ordinary,
            "-few-capabilities": self.in_container,
            "-old-kernel": self.on_old_kernel,
        }
        return f"{self.level}-{self.network}{''.join(word for word, holds in more.items() if holds)}"


@dataclass(kw_only=True)
class Verdict:
    """What came of one script."""

    ran: bool = False
    reached_end: bool = False
    exit_code: int | None = None
    escapes: list[str] = field(default_factory=list)
    out: str = ""
    took_s: float = 0.0


def complaints(setup: Setup, header: Header, verdict: Verdict) -> list[str]:
    """Say what a script did that its head does not say."""
    if not header.must_be_contained(setup.level, setup.network):
        return [] if verdict.escapes else [f"it was to get out and did not: {verdict.out}"]
    found = list(verdict.escapes)
    if not verdict.ran:  # and then it is not contained
        found.append(f"it did not run: {verdict.out}")
    elif header.reaches_end and not verdict.reached_end:
        found.append(f"it did not reach its end: {verdict.out}")
    if header.reaches_end and verdict.exit_code != header.exit_code:
        found.append(f"it ended with {verdict.exit_code}")
    return found


class Unavailable(Exception):  # noqa: N818 - what this machine is, not a fault
    """This machine cannot do it; says why."""


class Stage:
    """The executor of one level and a run that stands by, in processes of their own."""

    def __init__(self, process: asyncio.subprocess.Process, network: Network) -> None:
        self.process = process
        self.network = network
        self.answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self.bystander = f"x{secrets.token_hex(6)}"
        self.job = str(uuid4())
        self.facts: dict[str, str] = {}
        self.before: dict[int, tuple[object, ...] | None] = {}

    async def prepare(self, ground: Ground) -> None:
        """Let the bystander run, and remember what all of them are like."""
        env = {"KEPT": ground.words["run"]}
        ready = self.ask("bystander.py", self.bystander, bystands=True, job=self.job, env=env)
        assert (await ready).get("ready"), ready
        pids = judge.below(self.process.pid)
        (other,) = (pid for pid in pids if _is_script(pid, self.bystander))
        spawner = pids[1]
        self.facts = {
            "EXECUTOR": str(self.process.pid),
            "SPAWNER": str(spawner),
            "OTHER": str(other),
            "KEEPER": str(judge.parent(other)),
            "OTHER_FOLDER": judge.working_folder(other),
            "OTHER_STATE": str(ground.folder / "states" / self.job / "data"),
        }
        # Not the keeper that waits: it is the next run's, and ends with that.
        waits = {pid for pid in pids if judge.parent(pid) == spawner and not judge.below(pid)[1:]}
        self.before = {pid: judge.process(pid) for pid in pids if pid not in waits}

    def ask(
        self, script: str, nonce: str, *, bystands: bool = False, timeout_s: float = 3600, **wanted: Any
    ) -> asyncio.Future[dict[str, Any]]:
        """Have a script started; the answer comes when all of it is gone."""
        asked = {
            "script": script,
            "nonce": nonce,
            "args": [f"NONCE={nonce}"],
            "env": {},
            "job": str(uuid4()),
            "bystands": bystands,
            "timeout_s": timeout_s,
            "network": self.network is Network.HOST,
            **wanted,
        }
        self.answers[nonce] = asyncio.get_running_loop().create_future()
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(asked).encode() + b"\n")
        return self.answers[nonce]

    async def listen(self) -> None:
        """Hand out the answers, until it is gone."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            answer = json.loads(line)
            waiting = self.answers.get(answer["nonce"])
            if waiting is not None and not waiting.done():
                waiting.set_result(answer)
        for waiting in self.answers.values():
            if not waiting.done():
                waiting.set_result({"problem": "the executor is gone"})

    def harmed(self) -> list[str]:
        """Say who of them is not as it was."""
        names = {pid: name for name, pid in self.facts.items() if pid.isdigit()}
        return [
            f"changed {names.get(str(pid), 'a keeper')}"
            for pid, before in self.before.items()
            if judge.process(pid) != before
        ]


@contextlib.asynccontextmanager
async def stage(setup: Setup, ground: Ground) -> AsyncIterator[Stage]:
    """Start an executor's sandbox.

    Raises:
        Unavailable: the level does not hold here.
    """
    if setup.in_container and shutil.which(_FEW_CAPABILITIES[0]) is None:
        raise Unavailable("there is no setpriv, of util-linux, to take capabilities away")
    program = [
        *(_FEW_CAPABILITIES if setup.in_container else ()),
        *_python(),
        *(("-m", "tests.sandbox.old_kernel") if setup.on_old_kernel else ()),
        "-m",
        "tests.sandbox.stage",
        str(setup.level),
        str(ground.folder),
        str(USER),
    ]
    process = await asyncio.create_subprocess_exec(
        *program,
        *(["ordinary"] if setup.ordinary else []),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=REPOSITORY,
        env={
            "PATH": PATH,
            "PYTHONPATH": sysconfig.get_path("purelib"),
            "PORTAL_AMQP_URL": ground.words["env"],
        },
        limit=16_000_000,
    )
    try:
        assert process.stdout is not None
        first = json.loads(await process.stdout.readline() or b'{"problem": "the stage does not start"}')
        if first["problem"]:
            raise Unavailable(first["problem"])
        staged = Stage(process, setup.network)
        async with asyncio.TaskGroup() as group:
            listening = group.create_task(staged.listen())
            await staged.prepare(ground)
            yield staged
            listening.cancel()
    finally:
        await _end(process)


def _python() -> list[str]:
    """Return a Python that every user can start: an executor starts its spawner by it."""
    real = Path(sys.executable).resolve()
    if all(folder.stat().st_mode & 0o001 for folder in real.parents):
        return [sys.executable]
    return ["/usr/bin/python3"]


async def _end(process: asyncio.subprocess.Process) -> None:
    gone = judge.below(process.pid) if process.returncode is None else []
    for pid in gone:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 9)
    await process.wait()


def _is_script(pid: int, word: str) -> bool:
    with contextlib.suppress(OSError):
        return f"NONCE={word}" in Path(f"/proc/{pid}/cmdline").read_text()
    return False


async def try_all(setup: Setup, ground: Ground, scripts: Iterable[Header]) -> dict[str, Verdict]:
    """Run them; those that will do harm one by one, with a new executor after each that harmed it."""
    # Those that are ended by their limit begin first.
    waiting = sorted(scripts, key=lambda header: header.reaches_end)
    held = [header for header in waiting if header.must_be_contained(setup.level, setup.network)]
    open_ones = [header for header in waiting if header not in held]
    verdicts: dict[str, Verdict] = {}
    for some, at_once in ((held, AT_ONCE), (open_ones, 1)):
        while some:
            async with stage(setup, ground) as staged, asyncio.TaskGroup() as group:
                for _ in range(at_once):
                    group.create_task(_try_some(setup, ground, staged, some, verdicts))
            ground.restore()
    return verdicts


async def _try_some(
    setup: Setup, ground: Ground, staged: Stage, waiting: list[Header], verdicts: dict[str, Verdict]
) -> None:
    while waiting and not staged.harmed():
        header = waiting.pop(0)
        verdicts[header.script] = await _try(setup, ground, staged, header)
        if not header.must_be_contained(setup.level, setup.network):
            ground.restore()  # nobody else runs


async def _try(setup: Setup, ground: Ground, staged: Stage, header: Header) -> Verdict:
    nonce = f"x{secrets.token_hex(6)}"
    facts = {"NONCE": nonce, "LEVEL": str(setup.level), **ground.told(), **staged.facts}
    before = judge.files(ground)
    verdict = Verdict()
    asked = staged.ask(
        header.script,
        nonce,
        args=[f"{name}={value}" for name, value in facts.items()],
        timeout_s=header.timeout_s,
        resources=header.resources,
        **({"job": staged.job} if header.is_of_others_job else {}),
    )
    answer = await _answered(asked, staged, header)
    out = answer.get("out", answer.get("problem", ""))
    verdict.out = ascii(out[-1000:])
    verdict.exit_code = answer.get("exit_code")
    verdict.took_s = answer.get("took_s", 0.0)
    verdict.ran = f"begin {nonce}" in out
    verdict.reached_end = f"end {nonce}" in out
    verdict.escapes += _seen(ground, staged, out, nonce)
    verdict.escapes += _left(setup, ground, answer, nonce)
    after = judge.files(ground)
    verdict.escapes += [
        f"changed {path}" for path in before.keys() | after.keys() if before.get(path) != after.get(path)
    ]
    if verdict.took_s > header.timeout_s + GRACE_S + OVERTIME_S:
        verdict.escapes.append(f"took {verdict.took_s:.1f} s to end")
    return verdict


async def _answered(asked: asyncio.Future[dict[str, Any]], staged: Stage, header: Header) -> dict[str, Any]:
    """Wait for the answer, or for an executor that cannot give one."""
    for _ in range(int((header.timeout_s + PATIENCE_S) / 0.25)):
        with contextlib.suppress(TimeoutError):
            return await asyncio.wait_for(asyncio.shield(asked), 0.25)
        if staged.harmed():
            break
    return {"problem": "never ended"}


def _seen(ground: Ground, staged: Stage, out: str, nonce: str) -> list[str]:
    found = [f"read the {kind}" for kind, word in ground.words.items() if word in out]
    found += [line for line in out.splitlines() if line.startswith(f"claimed {nonce}")]
    heard = ground.listeners.heard()
    if nonce.encode() in heard:
        found.append("reached a service")
    return found + staged.harmed()


def _left(setup: Setup, ground: Ground, answer: dict[str, Any], nonce: str) -> list[str]:
    found = [f"left process {pid}" for pid in judge.processes_with(nonce)]
    found += [f"left {path}" for path in judge.left_files(ground, nonce)]
    found += [f"left a {kind}" for kind in judge.left_ipc(nonce, int(nonce[1:8], 16) + 1)]
    folder = answer.get("folder")
    if folder and setup.level is not Level.ISOLATED and os.path.lexists(folder):
        found.append(f"left {folder}")
    return found

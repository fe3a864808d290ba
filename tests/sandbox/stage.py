"""An executor's sandbox without the executor: starts what it is told to, and holds what scripts look for.

    python -m tests.sandbox.stage LEVEL GROUND USER

Root makes the sandbox as an executor does and then becomes USER; with a fourth word, `ordinary`, it becomes
USER first. One line of JSON in for each run, one out when its keeper is gone.
"""

import asyncio
import json
import math
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog

from services.executor import privileges
from services.executor.sandbox.command import NOTHING
from services.executor.sandbox.interpreter import find_python
from services.executor.sandbox.level import Ground, NotRunnable, Sandbox, choose
from services.executor.sandbox.told import FileRead, NotKept
from shared.domain.ids import AttemptId, JobId, new_id
from shared.messages.answers import Grant
from shared.messages.events import Stream
from tests.unit.services.executor.grants import a_grant

KEPT = 1_000_000
"""So many bytes of a stream are kept, from its start and from its end."""
GRACE_S = 0.5


def main() -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    level, ground, user = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    own = (user, user) if os.geteuid() == 0 else None
    (ground / "states").mkdir(exist_ok=True)
    if level == "process" or "ordinary" in sys.argv:
        os.chown(ground / "states", user, user)
    if level == "isolated" and own is not None and "ordinary" in sys.argv:
        privileges.become(*own)
        own = None
    with asyncio.Runner() as runner:
        sandbox = runner.run(choose(level, _ground(ground, own)))
        if own is not None:
            privileges.become(*own)
        privileges.hide()
        held = (ground / "home" / "secrets" / "amqp_url").open()
        secret = held.read()
        runner.run(_serve(sandbox))
    assert secret


def _ground(ground: Path, user: tuple[int, int] | None) -> Ground:
    home = ground / "home"
    return Ground(
        scripts_dir=ground / "scripts",
        python=find_python(None),
        home=home,
        marker=home / "keeper",
        work_root=home / "work",
        users_root=ground / "runs",
        states=ground / "states",
        cgroup="corpus",
        user=user,
    )


async def _serve(sandbox: Sandbox) -> None:
    _tell({"level": sandbox.level, "problem": sandbox.problem, "features": sandbox.features})
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with asyncio.TaskGroup() as runs:
        while line := await lines.readline():
            runs.create_task(_run(sandbox, json.loads(line)))
    sandbox.close()


async def _run(sandbox: Sandbox, wanted: dict[str, Any]) -> None:
    printed, kept = {stream: bytearray() for stream in Stream}, bytearray()

    def take(stream: Stream, piece: memoryview) -> bool:
        printed[stream].extend(piece)
        if len(printed[stream]) > 3 * KEPT:
            del printed[stream][KEPT:-KEPT]
        if wanted["bystands"] and b"ready" in bytes(piece):
            _tell({"nonce": wanted["nonce"], "ready": True})
        return False

    def keep(told: FileRead | NotKept) -> None:
        if isinstance(told, FileRead) and len(kept) < KEPT:
            kept.extend(told.data)

    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        grant = _grant(wanted)
        order = sandbox.prepare(grant, NOTHING, lease_until=math.inf, spawn_until=math.inf)
        env = {**order.command.env, **wanted["env"]}
        command = replace(order.command, env=env, argv=(*order.command.argv, f"OWN_FOLDER={order.work_dir}"))
        process = sandbox.start(replace(order, command=command, network=wanted["network"]), take, keep)
        await process.started
        ended = await process.ended
        await process.gone
    except (NotRunnable, OSError) as error:
        _tell({"nonce": wanted["nonce"], "problem": str(error)})
        return
    _tell(
        {
            "nonce": wanted["nonce"],
            "out": b"".join((*printed.values(), kept)).decode("latin-1"),
            "exit_code": ended.exit_code,
            "signal": ended.signal,
            "stopped_by": ended.stopped_by,
            "took_s": loop.time() - began,
            "folder": str(order.work_dir),
        }
    )


def _grant(wanted: dict[str, Any]) -> Grant:
    return a_grant(
        attempt_id=AttemptId(new_id()),
        job_id=JobId(UUID(wanted["job"])),
        job_name=wanted["nonce"],
        script=wanted["script"],
        args=tuple(wanted["args"]),
        timeout_s=wanted["timeout_s"],
        kill_grace_s=GRACE_S,
        resources=wanted.get("resources", {}),
    )


def _tell(words: dict[str, Any]) -> None:
    print(json.dumps(words), flush=True)


if __name__ == "__main__":
    main()

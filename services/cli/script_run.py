"""`portal script run`: a script as an executor would run it, without broker or database."""

import asyncio
import contextlib
import json
import signal
import sys
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import NAMESPACE_URL, uuid5

from services.cli import fences
from services.cli.console import Console
from services.cli.environment import given_uv, scripts_dir
from services.executor.artifacts import Artifacts
from services.executor.chunks import Chunk, Chunker
from services.executor.environments import Environments, NoEnvironment, Rules
from services.executor.sandbox.command import NOTHING, NotRunnable
from services.executor.sandbox.level import Sandbox
from services.executor.sandbox.process import Ended, Process
from services.executor.settings import uv_variables
from services.executor.verdict import Asked, Verdict, verdict
from shared.domain.ids import AttemptId, BootId, ClaimId, ExecutorName, JobId, RunId, new_id
from shared.domain.job import DEFAULT_KILL_GRACE, OnLost
from shared.domain.resources import Resources, resources_to_json
from shared.domain.run import Reason, RunState
from shared.messages.answers import Grant
from shared.messages.events import FilePart, Stream
from shared.runtime.clock import SystemClock

_FLUSH_S = 0.2
_REFUSED, _TIMED_OUT, _NOT_STARTED = 2, 124, 126
"""Exit codes as env(1) and timeout(1) have them, where a script has none of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the command line asks for."""

    script: Path
    args: tuple[str, ...]
    level: str
    network: bool
    timeout_s: float
    resources: Resources
    state: Path | None
    """The folder of the folder that it keeps; None: it keeps none."""
    as_json: bool


def run(wish: Wish) -> int:
    """Run the script, print what it prints, and last how it ended; return its exit code.

    124 after a timeout, 126 when it could not be started, 128 and the signal's number when one killed it, 2
    when no level holds here.
    """
    return asyncio.run(_run(wish))


async def _run(wish: Wish) -> int:
    root, name = _found(wish.script)
    with TemporaryDirectory() as folder:
        sandbox = await fences.chosen(wish.level, Path(folder), scripts=root, states=_made(wish.state))
        try:
            if sandbox.level == "unavailable":
                Console().say(sandbox.problem)
                return _REFUSED
            if wish.state is not None and sandbox.lacks_states:
                Console().say(f"--state: {sandbox.lacks_states}.")
                return _REFUSED
            _let_pass(Path(folder))
            return await _Try(wish, sandbox, _grant(wish, name), Path(folder, "environments")).to_its_end()
        finally:
            sandbox.close()


def _found(script: Path) -> tuple[Path, str]:
    """Return the directory that counts as the scripts', and the script's name in it."""
    path = Path(script if script.is_absolute() else Path.cwd() / script)
    own = scripts_dir()
    if not path.exists() and (own / script).exists():
        return own, str(script)
    # A script of the scripts directory sees its neighbours in other folders of it, too.
    return (own, str(path.relative_to(own))) if path.is_relative_to(own) else (path.parent, path.name)


def _made(state: Path | None) -> Path | None:
    if state is not None:
        state.mkdir(mode=0o755, parents=True, exist_ok=True)
    return None if state is None else state.absolute()


def _let_pass(folder: Path) -> None:
    folder.chmod(0o711)  # users of runs come by it on their way to their environment


def _print_note(text: str) -> None:
    print(text, end="", file=sys.stderr)


def _grant(wish: Wish, name: str) -> Grant:
    now = SystemClock().now()
    return Grant(
        claim_id=ClaimId(new_id()),
        executor=ExecutorName("here"),
        boot=BootId(new_id()),
        attempt_id=AttemptId(new_id()),
        token=1,
        number=1,
        run_id=RunId(new_id()),
        run_number=1,
        job_id=JobId(uuid5(NAMESPACE_URL, name)),  # the same for the next run of it
        job_name=name,
        script=name,
        args=wish.args,
        nominal_at=now,
        due_at=now,
        timeout_s=wish.timeout_s,
        resources=resources_to_json(wish.resources),
        kill_grace_s=DEFAULT_KILL_GRACE.total_seconds(),
        on_lost=OnLost.FAIL,
    )


class _Try:
    """One run of one script. Ctrl-C once asks it to end, twice kills it."""

    def __init__(self, wish: Wish, sandbox: Sandbox, grant: Grant, environments: Path) -> None:
        self._wish = wish
        self._sandbox = sandbox
        self._grant = grant
        self._clock = SystemClock()
        rules = Rules(folder=environments, uv=given_uv(), variables=uv_variables())
        self._environments = Environments(rules, sandbox, self._clock)
        self._chunker = Chunker(max_bytes=grant.max_output_bytes)
        self._timer: asyncio.TimerHandle | None = None
        self._asked: Asked | None = None
        self._kept: list[dict[str, object]] = []

    async def to_its_end(self) -> int:
        try:
            wanted = self._sandbox.wanted(self._grant)
            made = await self._environments.obtain(wanted, _print_note) if wanted else None
            order = self._sandbox.prepare(
                self._grant,
                NOTHING,
                lease_until=float("inf"),
                spawn_until=float("inf"),
                environment=made.path if made else None,
            )
            artifacts = Artifacts(self._keep, _print_note)
            process = self._sandbox.start(
                replace(order, network=self._wish.network), self._take, artifacts.take
            )
            self._listen(process)
            ended = await process.ended
            await process.gone
            await process.started  # raises why it was not
        except (NoEnvironment, NotRunnable, OSError) as error:
            reason = Reason.ENVIRONMENT if isinstance(error, NoEnvironment) else Reason.START_ERROR
            self._say((RunState.FAILED, reason, str(error)), None)
            return _NOT_STARTED
        self._print(self._chunker.finish(at=self._now()))
        wish = self._wish
        judged = verdict(ended, asked=self._asked, timeout_s=wish.timeout_s, resources=wish.resources)
        self._say(judged, ended)
        return _exit_code(judged[0], ended)

    def _listen(self, process: Process) -> None:
        def ask() -> None:
            process.stop() if self._asked is None else process.kill()
            self._asked = Asked.CANCEL

        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, ask)

    def _take(self, stream: Stream, read: memoryview) -> bool:
        self._print(self._chunker.take(stream, read, at=self._now()))
        if self._timer is None and self._chunker.holds:
            self._timer = asyncio.get_running_loop().call_later(_FLUSH_S, self._flush)
        return self._chunker.is_past_head

    def _keep(self, part: FilePart) -> bool:
        if part.size is not None:  # all of it has come
            self._kept.append({"name": part.name, "bytes": part.size, "sha256": part.sha256})
            if not self._wish.as_json:
                _print_note(f"[Would be kept: {part.name}, {part.size:,} bytes]\n")
        return True

    def _flush(self) -> None:
        self._timer = None
        self._print(self._chunker.flush())

    def _print(self, chunks: list[Chunk]) -> None:
        for chunk in chunks:
            into = sys.stdout if chunk.stream is Stream.STDOUT else sys.stderr
            with contextlib.suppress(BrokenPipeError):  # `| head`: the script runs on, as it would unseen
                into.write(chunk.text)
                into.flush()

    def _now(self) -> datetime:
        return self._clock.now()

    def _say(self, judged: Verdict, ended: Ended | None) -> None:
        facts = self._facts(judged, ended)
        if self._wish.as_json:
            print(json.dumps(facts), flush=True)
            return
        sys.stdout.flush()
        words = [str(facts["state"]).replace("_", " "), str(facts["detail"]), f"level {facts['level']}"]
        if ended is not None:
            words.append(f"{ended.duration_s:.2f} s")
        print(f"[{', '.join(word.rstrip('.') for word in words if word)}]", file=sys.stderr)

    def _facts(self, judged: Verdict, ended: Ended | None) -> dict[str, object]:
        state, reason, detail = judged
        return {
            "state": state,
            "reason": reason,
            "detail": detail,
            "exit_code": ended.exit_code if ended else None,
            "signal": ended.signal if ended else None,
            "level": self._sandbox.level,
            "features": self._sandbox.features,
            "network": "host" if self._wish.network else "none",
            "duration_s": round(ended.duration_s, 6) if ended else None,
            "cpu_s": ended.cpu_s if ended else None,
            "peak_memory_bytes": ended.peak_memory_bytes if ended else None,
            "artifacts": self._kept,
            **{
                str(stream): {
                    "bytes": self._chunker.printed_bytes(stream),
                    "dropped_bytes": self._chunker.dropped_bytes(stream),
                }
                for stream in Stream
            },
        }


def _exit_code(state: RunState, ended: Ended) -> int:
    if state is RunState.TIMED_OUT:
        return _TIMED_OUT
    if ended.signal is not None:
        return 128 + ended.signal
    return 0 if ended.exit_code is None else ended.exit_code

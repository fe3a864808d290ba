"""What a run prints, as it prints it, until it has ended; and the exit code that tells how it ended.

The REST API tells what there is; the stream only rings when there may be more. So nothing is lost where the
stream is away, or says `resync`: without it the API is asked every second.
"""

# ruff: noqa: PLC0415 - only who follows a run pays for the stream's library

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, TextIO, TypeVar
from urllib.parse import urlsplit

from services.cli.asking import Asked
from services.cli.client import Client
from services.cli.errors import Unreachable
from services.cli.told import as_printed, now, plain, sentence

ACTIVE: Final = frozenset({"held", "queued", "running"})
NOT_RUN, CANCELLED, TIMED_OUT, LOST, NOT_STARTED = 122, 123, 124, 125, 126
"""Exit codes where a script has none of its own; 124 and 126 are those of timeout(1) and env(1)."""
_CODES: Final[Mapping[str, int]] = MappingProxyType(
    {
        "succeeded": 0,
        "cancelled": CANCELLED,
        "timed_out": TIMED_OUT,
        "lost": LOST,
        "skipped": NOT_RUN,
        "missed": NOT_RUN,
    }
)
_NOT_STARTED: Final = frozenset({"start-error", "script-changed", "environment"})
_AT_LEAST_EVERY_S: Final = 5.0
"""The stream rings sooner; this is for what it does not ring for."""
_WITHOUT_STREAM_S: Final = 1.0
_WAITS_S: Final = 3.0
"""A run that has not started by then is asked why."""
_LATE_OUTPUT_S: Final = 10.0
"""So long the rest of the output is waited for once a run has ended: of a lost one it may never come."""

_AWAY_S: Final = 120.0
"""So long a portal may be away while a run is followed."""
_MOST_HEARD_BYTES: Final = 2**24
Answer = TypeVar("Answer")

Wait = Callable[[float], None]


def exit_code(run: Mapping[str, Any]) -> int:
    """Return what a run that has ended is told by: its script's own code, where there is one."""
    if (code := _CODES.get(run["state"])) is not None:
        return code
    if run["reason"] in _NOT_STARTED:
        return NOT_STARTED
    return 128 + int(run["signal"]) if run["signal"] else int(run["exit_code"] or 1)


def follow(asked: Asked, run_id: str) -> dict[str, Any]:
    """Print what the run prints until it has ended; return it. With `--json` all goes to stderr.

    Raises:
        KeyboardInterrupt: after it was said that the run goes on.
    """
    try:
        with _ringing(asked.client, run_id) as wait:
            return _Following(asked, run_id).to_its_end(wait)
    except (KeyboardInterrupt, BrokenPipeError):
        asked.note(
            f"\nThe run goes on. `portal runs cancel {run_id}` ends it, `portal logs {run_id} -f` follows it."
        )
        raise


def print_log(asked: Asked, run_id: str, attempt: int | None, stream: str | None) -> None:
    """Print what is stored of an attempt, of the newest one for None; `stream`: only that one."""
    printed = _Printed(asked.client, run_id, None, only=stream, attempt=attempt, patience_s=0)
    printed.all_there_is()
    if printed.seq == 0 and sys.stderr.isatty():
        asked.note("Nothing of it is stored: it printed nothing, has not started, or its output was removed.")


@dataclass(slots=True)
class _Printed:
    """One attempt's output, as far as it was printed."""

    client: Client
    run_id: str
    into: TextIO | None
    """None: stdout and stderr, as the script has it."""
    only: str | None = None
    attempt: int | None = None
    patience_s: float = 5.0
    """How long a chunk is waited for that is not stored while later ones are."""
    seq: int = 0
    hole_since: float | None = None

    def all_there_is(self) -> bool:
        """Print what is stored and was not printed; say whether nothing more will come."""
        while True:
            page = self.client.get(
                "/runs/{}/log", self.run_id, attempt=self.attempt, after_seq=self.seq, limit=200
            )
            for chunk in page["items"]:
                if chunk["seq"] > self.seq + 1 and self._waits_for_hole():
                    return False
                self.seq, self.hole_since = chunk["seq"], None
                if self.only in {None, chunk["stream"]}:
                    self._print(chunk)
            if page["next"] is None:
                return bool(page["log"]["complete"])

    def _waits_for_hole(self) -> bool:
        self.hole_since = time.monotonic() if self.hole_since is None else self.hole_since
        return time.monotonic() - self.hole_since < self.patience_s

    def _print(self, chunk: Mapping[str, Any]) -> None:
        into = self.into or (sys.stdout if chunk["stream"] == "stdout" or self.only else sys.stderr)
        text = str(chunk["text"])
        into.write(as_printed(text) if into.isatty() else text)
        into.flush()


@dataclass(slots=True)
class _Following:
    """A run that somebody watches: each attempt's output in its order, and in between how it stands."""

    asked: Asked
    run_id: str
    began: float = field(default_factory=time.monotonic)
    said: str = ""
    has_settled: bool = False
    """By now it runs, or it was said why it does not."""

    def to_its_end(self, wait: Wait) -> dict[str, Any]:
        run, number = self._run(), 1
        while True:
            run = self._attempt_to_its_end(number, run, wait)
            if run["state"] not in ACTIVE and run["attempt"] <= number:
                return run
            number += 1

    def _attempt_to_its_end(self, number: int, run: dict[str, Any], wait: Wait) -> dict[str, Any]:
        """Print what this attempt prints; return the run as it is once nothing more comes of it."""
        into = sys.stderr if self.asked.as_json else None
        printed = _Printed(self.asked.client, self.run_id, into, attempt=number)
        over_since: float | None = None
        while True:
            is_whole = run["attempt"] >= number and _patiently(printed.all_there_is)
            self._say(run)
            if run["state"] not in ACTIVE or run["attempt"] > number:
                over_since = over_since or time.monotonic()
                if is_whole or _was_silent(run, number) or time.monotonic() - over_since > _LATE_OUTPUT_S:
                    return run
            wait(_AT_LEAST_EVERY_S if over_since is None and self.has_settled else _WITHOUT_STREAM_S)
            run = self._run()

    def _run(self) -> dict[str, Any]:
        return _patiently(lambda: dict(self.asked.client.get("/runs/{}", self.run_id)))

    def _say(self, run: Mapping[str, Any]) -> None:
        words = _standing(run)
        # What is no terminal gets what the script printed, and how it ended where it did not succeed.
        if words != self.said and (sys.stderr.isatty() or run["state"] not in {*ACTIVE, "succeeded"}):
            self.asked.note(f"[{words}]")
        self.said = words
        if not self.has_settled and time.monotonic() - self.began > _WAITS_S:
            self.has_settled = True
            if run["state"] in {"held", "queued"} and sys.stderr.isatty():
                why = self.asked.client.get("/jobs/{}/why", run["job_id"])
                self.asked.note(f"[{sentence(why['sentence'], now())}]")


def _patiently(ask: Callable[[], Answer]) -> Answer:
    """Ask again while the portal is away, as it is when it is exchanged for a newer one."""
    until = time.monotonic() + _AWAY_S
    while True:
        try:
            return ask()
        except Unreachable:
            if time.monotonic() > until:
                raise
            time.sleep(_WITHOUT_STREAM_S)


def _was_silent(run: Mapping[str, Any], number: int) -> bool:
    """Say whether an attempt that is over never started, so that nothing of it is waited for."""
    attempt = next((one for one in run["attempts"] if one["number"] == number), None)
    return attempt is None or (attempt["started_at"] is None and attempt["last_seq"] is None)


def _standing(run: Mapping[str, Any]) -> str:
    name = plain(f"{run['job_name']}#{run['number']}" if run["number"] else str(run["job_name"]))
    match run["state"]:
        case "held" | "queued":
            return f"{name} waits for attempt {run['attempt']}" if run["attempt"] > 1 else f"{name} waits"
        case "running":
            attempt = f", attempt {run['attempt']}" if run["attempt"] > 1 else ""
            return f"{name} runs on {plain(str(run['executor']))}{attempt}"
        case ended:
            detail = f": {plain(str(run['detail'])).rstrip('.')}" if run["detail"] else ""
            return f"{name} {str(ended).replace('_', ' ')}{detail}"


@contextmanager
def _ringing(client: Client, run_id: str) -> Iterator[Wait]:
    """Give what waits until something changed of the run or its log, for so many seconds at most."""
    from websockets.exceptions import WebSocketException
    from websockets.sync.client import connect

    headers = {} if client.token is None else {"Authorization": f"Bearer {client.token}"}
    parts = urlsplit(client.url)
    address = parts._replace(scheme="wss" if parts.scheme == "https" else "ws").geturl()
    try:
        socket = connect(
            f"{address}/api/v1/stream",
            additional_headers=headers,
            proxy=None if client.is_local else True,
            max_size=_MOST_HEARD_BYTES,
            open_timeout=5,
            close_timeout=1,
        )
    except (OSError, WebSocketException):
        yield lambda bound_s: time.sleep(min(bound_s, _WITHOUT_STREAM_S))
        return
    with socket:
        socket.send(f'{{"subscribe": ["run:{run_id}", "log:{run_id}"]}}')

        def wait(bound_s: float) -> None:
            try:
                socket.recv(timeout=bound_s)
                while True:  # once for all that it said by now
                    socket.recv(timeout=0)
            except TimeoutError:
                return
            except WebSocketException:
                time.sleep(_WITHOUT_STREAM_S)

        yield wait

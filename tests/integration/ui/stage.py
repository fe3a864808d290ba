"""The other services, played by the test: the scheduler's rows, the executors' messages."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import msgspec

from services.ui import app
from services.ui.access import acting
from services.ui.app import Parts
from services.ui.commands import JobDraft
from services.ui.portal import Portal
from services.ui.settings import UiSettings
from shared.broker import Consumer, Outgoing, Publisher, connect
from shared.db.engine import Database
from shared.db.tables import AttemptRow, ExecutorRow, JobLedgerRow, RunRow
from shared.domain.access import Role, Via, Who
from shared.domain.ids import AttemptId, ExecutorName, JobId, RunId, new_id
from shared.domain.run import Cause, RunState
from shared.messages.events import FilePart, RunChanged, RunOutput, Stream
from shared.messages.topology import Exchange, log_key
from shared.runtime.clock import SystemClock
from tests.support.identity import bearer

NOW = datetime.now(UTC)


class ClockFromNow(SystemClock):
    """The machine's clock, set to NOW: a test finds its rows as old as they say, however late it runs."""

    def __init__(self) -> None:
        self._began = self.monotonic()

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.monotonic() - self._began)


EXECUTOR = ExecutorName("north")
NOWHERE = "amqp://nobody:nothing@127.0.0.1:1/"


def by(name: str, role: Role = Role.ADMIN, **grants: Role) -> AbstractContextManager[None]:
    """Let what is done inside be done by somebody of this name."""
    return acting(Who(name=name, role=role, grants=grants, via=Via.SESSION))


def a_draft(**changes: Any) -> JobDraft:
    return JobDraft(**{"name": "hello", "script": "hello.py", "schedule": {"kind": "manual"}, **changes})


async def eventually(check: Callable[[], Awaitable[Any]], bound_s: float = 15.0) -> Any:
    """Return the first truthy value of `check`; it is asked again whenever the loop has gone round."""
    async with asyncio.timeout(bound_s):
        while not (found := await check()):  # noqa: ASYNC110 - what is waited for is in another process
            await asyncio.sleep(0.02)
        return found


async def a_job(parts: Parts, **changes: Any) -> JobId:
    return await parts.portal.commands.create_job(a_draft(**changes))


async def run_rows(database: Database, *rows: object) -> None:
    """Write rows that the scheduler owns."""
    async with database.ledger.begin() as session:
        session.add_all(rows)


async def a_ledger(database: Database, job_id: JobId, **changes: Any) -> None:
    values = {"seen_version": 1, "run_count": 0, "next_due_at": None, "last_run_id": None}
    values |= {"last_state": None, "last_finished_at": None, **changes}
    await run_rows(database, JobLedgerRow(job_id=job_id, **values))


def a_run(job_id: UUID, number: int = 1, **changes: Any) -> RunRow:
    values: dict[str, Any] = {
        "id": new_id(),
        "job_id": job_id,
        "number": number,
        "cause": Cause.SCHEDULE,
        "nominal_at": NOW,
        "due_at": NOW - timedelta(hours=1) + timedelta(seconds=number),
        "state": RunState.SUCCEEDED,
        "detail": "",
        "attempt": 1,
        "instants": 1,
        "created_at": NOW,
    }
    return RunRow(**{**values, **changes})


def an_attempt(run: RunRow, number: int = 1, **changes: Any) -> AttemptRow:
    values: dict[str, Any] = {
        "id": new_id(),
        "run_id": run.id,
        "job_id": run.job_id,
        "number": number,
        "token": 1,
        "state": run.state,
        "detail": "",
        "pool": "default",
        "urgent": False,
        "due_at": run.due_at,
        "sandbox": "process",
        "executor": EXECUTOR,
    }
    return AttemptRow(**{**values, **changes})


def an_executor(name: str = EXECUTOR, **changes: Any) -> ExecutorRow:
    values: dict[str, Any] = {
        "name": name,
        "boot": new_id(),
        "beat_seq": 1,
        "host": "host",
        "pid": 42,
        "version": "0.1.0",
        "sandbox": "process",
        "pools": ["default"],
        "slots": 4,
        "busy": 1,
        "draining": False,
        "problems": [],
        "started_at": NOW,
        "last_seen_at": NOW,
        "online": True,
    }
    return ExecutorRow(**{**values, **changes})


def an_output(
    run: RunRow, attempt_id: UUID, seq: int, text: str, stream: Stream = Stream.STDOUT
) -> RunOutput:
    return RunOutput(
        source="executor",
        time=NOW,
        job_id=JobId(run.job_id),
        run_id=RunId(run.id),
        attempt_id=AttemptId(attempt_id),
        token=1,
        executor=EXECUTOR,
        seq=seq,
        stream=stream,
        at=NOW,
        text=text,
    )


def a_part(name: str, data: bytes, *, start: int = 0, is_last: bool = True) -> FilePart:
    size = start + len(data) if is_last else None
    return FilePart(name=name, start=start, data=data, size=size, sha256="5e" * 32 if is_last else None)


def a_piece(run: RunRow, attempt_id: UUID, seq: int, part: FilePart) -> RunOutput:
    """A piece of a file that an attempt left to be kept."""
    return msgspec.structs.replace(an_output(run, attempt_id, seq, ""), note=True, file=part)


def a_change(run: RunRow, state: RunState, **changes: Any) -> RunChanged:
    values: dict[str, Any] = {
        "source": "scheduler",
        "time": NOW,
        "job_id": run.job_id,
        "run_id": run.id,
        "run_number": run.number,
        "state": state,
        "reason": None,
        "cause": run.cause,
        "attempt": run.attempt,
        "due_at": run.due_at,
        "started_at": None,
        "finished_at": None,
        "executor": None,
    }
    return RunChanged(**{**values, **changes})


def to_store(output: RunOutput) -> Outgoing:
    key = log_key(output.job_id, output.run_id)
    return Outgoing(exchange=Exchange.LOGS, key=key, message=output)


def to_watchers(change: RunChanged) -> Outgoing:
    return Outgoing(exchange=Exchange.EVENTS, key="run.changed", message=change, mandatory=False)


@asynccontextmanager
async def other_side(amqp_url: str) -> AsyncIterator[tuple[Publisher, Any]]:
    """Open a publisher for the test, and what opens consumers for it."""
    async with connect(amqp_url, name="test") as broker, Publisher.on(broker) as publisher:
        yield publisher, lambda queue: Consumer.on(broker, queue, prefetch=100)


@asynccontextmanager
async def a_client(portal: Portal, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    """Open a client of the API, as this machine's command line unless it has headers of its own."""
    shown = headers or {"authorization": f"Bearer {portal.access.local.key}"}
    transport = httpx.ASGITransport(app.guarded(app.machine_side(portal), portal))
    base_url = "http://127.0.0.1:8080"
    async with httpx.AsyncClient(transport=transport, base_url=base_url, headers=shown) as opened:
        yield opened


class Address(str):
    """Where a ui of the test listens: its host and port; and what lets this machine's programs in."""

    __slots__ = ("bearer",)
    bearer: dict[str, str]


@asynccontextmanager
async def serving(settings: UiSettings, parts: Parts) -> AsyncIterator[Address]:
    """Run the ui's loops and its server without pages; give its host and port."""
    stop = asyncio.Event()
    with app._listening(settings) as listener:
        site = app.guarded(app.machine_side(parts.portal), parts.portal)
        server = app._Server(app._config(site))
        async with asyncio.TaskGroup() as group:
            group.create_task(app.run_until_served(server, listener, stop, parts))
            host, port = listener.getsockname()[:2]
            try:
                address = Address(f"{host}:{port}")
                address.bearer = bearer(settings.home)
                yield address
            finally:
                stop.set()

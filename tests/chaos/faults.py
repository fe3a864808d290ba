"""Carries a plan's faults out, and mends everything at the end."""

import asyncio
import os
import random
import shutil
import signal
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

from asyncpg import PostgresError
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from services.cli.errors import RefusedByBroker
from shared.db.tables import AttemptRow
from shared.domain.ids import AttemptId, JobId, RunId
from shared.messages.codec import CONTENT_TYPE, encode
from shared.messages.commands import JobDue
from shared.messages.topology import CLAIMS, Exchange, due_key
from shared.runtime.clock import SystemClock
from tests.chaos.plan import Fault, Kind
from tests.chaos.scripts import NAME
from tests.chaos.servant import Servant
from tests.chaos.stage import Stage

_TAP = "chaos.tap"
_TAPPED = ((Exchange.EVENTS, "#"), (Exchange.CLAIMS, CLAIMS.keys[0]))
_DOUBLED = 60
_STEP_S, _SMALL_STEP_S = 45.0, 2.0


@dataclass(slots=True)
class Mischief:
    """Does what the plan says. What cannot be done, as to somebody who is down already, is not counted."""

    stage: Stage
    done: Counter[Kind] = field(default_factory=Counter)

    async def run(self, faults: Sequence[Fault]) -> None:
        """Carry the faults out at their times; return when the last has passed and all is mended."""
        began = asyncio.get_running_loop().time()
        try:
            async with asyncio.TaskGroup() as group:
                for fault in faults:
                    await asyncio.sleep(max(0.0, began + fault.at_s - asyncio.get_running_loop().time()))
                    group.create_task(self._do(fault))
        finally:
            self._mend()

    async def _do(self, fault: Fault) -> None:
        try:
            is_done = await _DEEDS[fault.kind](self, fault)
        except (OSError, TimeoutError, RefusedByBroker, SQLAlchemyError, PostgresError) as error:
            is_done = False
            self._note(f"{fault}: not possible now: {error!r}"[:300])
        if is_done:
            self.done[fault.kind] += 1
            self._note(f"{fault}: done")

    def _note(self, line: str) -> None:
        with (self.stage.folder / "faults.log").open("a") as log:
            log.write(f"{SystemClock().now():%H:%M:%S.%f} {line}\n")

    def _mend(self) -> None:
        for servant in self.stage.servants:
            servant.thaw()
        for wire in (*self.stage.to_broker.values(), *self.stage.to_database.values()):
            wire.mend()
        for disk in self.stage.disks.values():
            disk.empty()
        if self.stage.postgres is not None and not self.stage.postgres.runs:
            self.stage.postgres.start()
        if self.stage.clock is not None:
            self.stage.clock.step(0)

    async def _kill(self, fault: Fault) -> bool:
        servant = self.stage.services[fault.target]
        return await self._down(servant, signal.SIGKILL, fault.lasts_s)

    async def _down(self, servant: Servant, number: signal.Signals, lasts_s: float) -> bool:
        process = servant.process
        if process is None:
            return False
        servant.stay_away()
        try:
            servant.send(number)
            await process.child.wait()
            await asyncio.sleep(lasts_s)
        finally:
            servant.come_back()
        return True

    async def _freeze(self, fault: Fault) -> bool:
        servant = self.stage.broker if fault.target == "broker" else self.stage.services[fault.target]
        if not servant.freeze():
            return False
        process = servant.process
        await asyncio.sleep(fault.lasts_s)
        if servant.process is process:
            servant.thaw()
        return True

    async def _restart(self, fault: Fault) -> bool:
        return self.stage.services[fault.target].send(signal.SIGTERM)

    async def _roll(self, fault: Fault) -> bool:
        """Restart every service in turn, from a second at which jobs are due."""
        now = SystemClock().now()
        await asyncio.sleep(1 - now.microsecond / 1e6)
        for servant in self.stage.services.values():
            process = servant.process
            servant.send(signal.SIGTERM)
            if process is not None:
                with suppress(TimeoutError):  # frozen, or its scripts are cut off: the others' turn
                    async with asyncio.timeout(25):
                        await process.child.wait()
        return True

    async def _stop_broker(self, fault: Fault) -> bool:
        return await self._down(self.stage.broker, signal.SIGTERM, fault.lasts_s)

    async def _kill_broker(self, fault: Fault) -> bool:
        return await self._down(self.stage.broker, signal.SIGKILL, fault.lasts_s)

    async def _wipe_broker(self, fault: Fault) -> bool:
        self.stage.broker.stay_away()
        try:
            is_done = await self._down(self.stage.broker, signal.SIGKILL, 0)
            await asyncio.to_thread(shutil.rmtree, self.stage.node.folder / "data", ignore_errors=True)
        finally:
            self.stage.broker.come_back()
        return is_done

    async def _purge(self, fault: Fault) -> bool:
        """Empty some of the queues, as somebody in the management console could."""
        names = await self._queues()
        for name in random.Random(fault.dice).sample(names, k=max(1, len(names) // 2)):
            with suppress(RefusedByBroker):  # an exclusive queue is its owner's alone
                await self._call("DELETE", f"queues/%2F/{quote(name, safe='')}/contents")
        return True

    async def _drop_queue(self, fault: Fault) -> bool:
        lasting = [name for name in await self._queues() if name.startswith("portal.due")]
        name = random.Random(fault.dice).choice(lasting)
        await self._call("DELETE", f"queues/%2F/{quote(name, safe='')}")
        return True

    async def _queues(self) -> list[str]:
        found = await self._call("GET", "queues/%2F?columns=name")
        assert isinstance(found, list)
        return sorted(one["name"] for one in found if one["name"].startswith("portal."))

    async def _call(self, method: str, path: str, body: object = None) -> object:
        async with asyncio.timeout(10):
            return await self.stage.management.call(method, path, body)

    async def _cut_broker(self, fault: Fault) -> bool:
        wire = self.stage.to_broker[fault.target]
        wire.cut(fault.cut)
        await asyncio.sleep(fault.lasts_s)
        wire.mend(loses=fault.dice % 2 == 0)
        return True

    async def _cut_database(self, fault: Fault) -> bool:
        wire = self.stage.to_database[fault.target]
        wire.cut(fault.cut)
        await asyncio.sleep(fault.lasts_s)
        wire.mend(loses=fault.dice % 2 == 0)
        return True

    async def _restart_database(self, fault: Fault) -> bool:
        server = self.stage.postgres
        if server is None or not server.runs:
            return False
        server.stop()
        await asyncio.sleep(fault.lasts_s)
        server.start()  # in this thread: the kernel ends it with the thread that started it
        return True

    async def _lock_database(self, fault: Fault) -> bool:
        """Hold the write lock of the ledger, as a backup or a person with a shell may."""
        path = self.stage.home.folder / "portal.db"
        with closing(
            sqlite3.connect(path, timeout=20, isolation_level=None, check_same_thread=False)
        ) as held:
            await asyncio.to_thread(held.execute, "BEGIN IMMEDIATE")
            await asyncio.sleep(fault.lasts_s)
            held.execute("ROLLBACK")
        return True

    async def _double_due(self, fault: Fault) -> bool:
        """Publish job.due of many attempts again, ended ones too, in no order and some with an old token."""
        chance = random.Random(fault.dice)
        async with self.stage.database.reading() as session:
            newest = select(AttemptRow).order_by(AttemptRow.due_at.desc()).limit(_DOUBLED)
            attempts = list((await session.scalars(newest)).all())
        chance.shuffle(attempts)
        for one in attempts:
            due = JobDue(
                source="chaos",
                time=SystemClock().now(),
                job_id=JobId(one.job_id),
                run_id=RunId(one.run_id),
                attempt_id=AttemptId(one.id),
                token=max(0, one.token - (chance.random() < 0.2)),
            )
            key = due_key(one.pool, urgent=chance.random() < 0.5)
            properties = {"type": "job.due", "message_id": str(due.id), "content_type": CONTENT_TYPE}
            await self._publish(Exchange.DUE, key, properties, encode(due).decode())
        return bool(attempts)

    async def _double_words(self, fault: Fault) -> bool:
        """Say again, late and in no order, what was said: events, claims, renewals."""
        tap = f"queues/%2F/{_TAP}"
        await self._call("PUT", tap, {"durable": True, "arguments": {"x-max-length": 200}})
        for exchange, key in _TAPPED:
            await self._call("POST", f"bindings/%2F/e/{exchange}/q/{_TAP}", {"routing_key": key})
        await asyncio.sleep(min(fault.lasts_s, 9.0))
        get = {"count": 200, "ackmode": "ack_requeue_false", "encoding": "auto"}
        found = await self._call("POST", f"{tap}/get", get)
        await self._call("DELETE", tap)
        assert isinstance(found, list)
        random.Random(fault.dice).shuffle(found)
        for one in found:
            await self._publish(one["exchange"], one["routing_key"], one["properties"], one["payload"])
        return bool(found)

    async def _publish(self, exchange: str, key: str, properties: dict[str, object], payload: str) -> None:
        body = {
            "routing_key": key,
            "properties": properties,
            "payload": payload,
            "payload_encoding": "string",
        }
        await self._call("POST", f"exchanges/%2F/{exchange}/publish", body)

    async def _step_clock(self, fault: Fault) -> bool:
        """Set the clock that schedulers go by forward or back, and some time later right again."""
        most_s = _SMALL_STEP_S if fault.dice % 3 == 0 else _STEP_S
        ahead_s = random.Random(fault.dice).uniform(-most_s, most_s)
        if is_set := await self._set_clock(ahead_s):
            self._note(f"{fault}: {ahead_s:+.2f} s")
            await asyncio.sleep(fault.lasts_s)
        await self._set_clock(0)
        return is_set

    async def _set_clock(self, ahead_s: float) -> bool:
        if self.stage.clock is not None:
            await asyncio.to_thread(self.stage.clock.step, ahead_s)
            return True
        # SQLite has no clock: it is the scheduler's own, given to it at its start.
        scheduler = self.stage.services["scheduler"]
        environment = {**scheduler.program.environment, "PORTAL_CLOCK_OFFSET_S": str(ahead_s)}
        scheduler.program = replace(scheduler.program, environment=environment)
        return await self._down(scheduler, signal.SIGKILL, 0)

    async def _fill_disk(self, fault: Fault) -> bool:
        disk = self.stage.disks.get(fault.target)
        if disk is None:
            return False
        loop = asyncio.get_running_loop()
        until = loop.time() + fault.lasts_s
        while True:
            await asyncio.to_thread(disk.fill)
            if loop.time() >= until:
                break
            await asyncio.sleep(min(1.0, until - loop.time()))
        disk.empty()
        return True

    async def _kill_script(self, fault: Fault) -> bool:
        pids = pids_of(self.stage.folder / "scripts" / NAME)
        if not pids:
            return False
        with suppress(ProcessLookupError):
            os.kill(random.Random(fault.dice).choice(pids), signal.SIGKILL)
        return True


_DEEDS: dict[Kind, Callable[[Mischief, Fault], Awaitable[bool]]] = {
    Kind.KILL: Mischief._kill,
    Kind.FREEZE: Mischief._freeze,
    Kind.RESTART: Mischief._restart,
    Kind.BROKER_STOP: Mischief._stop_broker,
    Kind.BROKER_KILL: Mischief._kill_broker,
    Kind.BROKER_WIPE: Mischief._wipe_broker,
    Kind.BROKER_FREEZE: Mischief._freeze,
    Kind.PURGE: Mischief._purge,
    Kind.DROP_QUEUE: Mischief._drop_queue,
    Kind.CUT_BROKER: Mischief._cut_broker,
    Kind.CUT_DATABASE: Mischief._cut_database,
    Kind.DATABASE_RESTART: Mischief._restart_database,
    Kind.DATABASE_LOCK: Mischief._lock_database,
    Kind.DOUBLE_DUE: Mischief._double_due,
    Kind.DOUBLE_WORDS: Mischief._double_words,
    Kind.KILL_SCRIPT: Mischief._kill_script,
    Kind.ROLL: Mischief._roll,
    Kind.CLOCK_STEP: Mischief._step_clock,
    Kind.DISK_FULL: Mischief._fill_disk,
}


def pids_of(path: Path) -> list[int]:
    """Return the processes that have this path among the words of their command line."""
    wanted = os.fsencode(path)
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if wanted in (process / "cmdline").read_bytes().split(b"\0"):
                found.append(int(process.name))
    return found

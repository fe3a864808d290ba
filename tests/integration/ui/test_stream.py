"""Live data over real websockets, from the real broker."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from services.ui.app import Parts
from services.ui.live import Live, Subscriber
from services.ui.live.subscriber import QUEUED_CHARS
from services.ui.recorder.writer import _stored
from services.ui.settings import UiSettings
from shared.broker import Outgoing, Publisher
from shared.db import logs
from shared.db.engine import Database
from shared.domain.errors import Unroutable
from shared.domain.ids import AttemptId, JobId
from shared.domain.run import RunState
from shared.messages.commands import LogStored
from shared.messages.topology import Exchange, control_key
from tests.integration.ui.stage import (
    EXECUTOR,
    NOW,
    Address,
    a_change,
    a_draft,
    a_run,
    an_attempt,
    an_output,
    eventually,
    other_side,
    run_rows,
    serving,
    to_store,
    to_watchers,
)
from tests.support.eventually import until

# About sockets and the broker: what they read from the ledger is the same on every database.
pytestmark = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


class Watching:
    """A browser's side of the stream."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def say(self, **ask: object) -> None:
        await self._socket.send(json.dumps(ask))

    async def hear(self, key: str, value: object = ...) -> dict[str, Any]:
        """Return the next message that has this key (with this value); others are skipped."""
        async with asyncio.timeout(15):
            while True:
                message = json.loads(await self._socket.recv())
                if key in message and value in {..., _hashable(message[key])}:
                    return message

    async def subscribe(self, *topics: str, **more: object) -> None:
        await self.say(subscribe=topics, **more)
        await self.hear("subscribed")

    async def items(self, topic: str, count: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while len(found) < count:
            found += (await self.hear("topic", topic))["items"]
        return found

    async def item(self, topic: str, is_meant: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the first item of the topic that is meant."""
        while not (found := [one for one in await self.items(topic, 1) if is_meant(one)]):
            pass
        return found[0]


def _hashable(value: object) -> object:
    return value if isinstance(value, str | int) else repr(value)


@asynccontextmanager
async def watching(address: Address) -> AsyncIterator[Watching]:
    own = f"http://{address}"
    async with connect(
        f"ws://{address}/api/v1/stream", origin=own, additional_headers=address.bearer
    ) as socket:
        yield Watching(socket)


async def is_listening(parts: Parts) -> bool:
    return parts.messaging.link.connected


@pytest.fixture
async def job_id(live_parts: Parts) -> JobId:
    return await live_parts.portal.commands.create_job(a_draft())


@pytest.fixture
async def address(live_settings: UiSettings, live_parts: Parts, job_id: JobId) -> AsyncIterator[Address]:
    async with serving(live_settings, live_parts) as at:
        await eventually(lambda: is_listening(live_parts))
        yield at


@pytest.fixture
async def publisher(amqp_url: str) -> AsyncIterator[Publisher]:
    async with other_side(amqp_url) as (opened, _):
        yield opened


async def test_a_change_of_a_run_arrives_with_its_jobs_name(
    address: Address, job_id: JobId, publisher: Publisher
) -> None:
    run = a_run(job_id, 7)
    async with watching(address) as browser:
        hello = await browser.hear("hello")
        await browser.subscribe("runs", f"run:{run.id}")

        await publisher.publish(to_watchers(a_change(run, RunState.RUNNING, executor="north")))

        (delta,) = await browser.items("runs", 1)
        (own,) = await browser.items(f"run:{run.id}", 1)

    assert hello["hello"]["version"]
    assert (delta["id"], delta["number"], delta["job_name"]) == (str(run.id), 7, "hello")
    assert (delta["state"], delta["executor"]) == ("running", "north")
    assert own == delta


async def test_of_many_changes_the_newest_of_each_run_arrives_last(
    address: Address, job_id: JobId, publisher: Publisher
) -> None:
    runs = [a_run(job_id, number) for number in range(20)]
    changes = [
        to_watchers(a_change(run, state))
        for state in (RunState.QUEUED, RunState.RUNNING, RunState.SUCCEEDED)
        for run in runs
    ]
    async with watching(address) as browser:
        await browser.subscribe("runs")
        for change in changes:
            await publisher.publish(change)

        latest: dict[str, str] = {}
        messages = 0
        while list(latest.values()).count("succeeded") < len(runs):
            message = await browser.hear("topic", "runs")
            messages += 1
            latest |= {item["id"]: item["state"] for item in message["items"]}

    assert set(latest) == {str(run.id) for run in runs}
    assert messages < len(changes) / 2


async def test_a_socket_hears_only_what_it_asked_for(
    address: Address, job_id: JobId, publisher: Publisher
) -> None:
    mine, other = a_run(job_id, 1), a_run(job_id, 2)
    async with watching(address) as browser:
        await browser.subscribe("runs", f"run:{mine.id}", f"run:{other.id}")
        await browser.say(unsubscribe=["runs", f"run:{other.id}"])
        await browser.say(ping=1)
        await browser.hear("pong", 1)

        await publisher.publish(to_watchers(a_change(other, RunState.RUNNING)))
        await publisher.publish(to_watchers(a_change(mine, RunState.RUNNING)))

        assert (await browser.hear("topic"))["topic"] == f"run:{mine.id}"


async def test_an_edited_job_arrives_whole(address: Address, job_id: JobId, live_parts: Parts) -> None:
    async with watching(address) as browser:
        await browser.subscribe("jobs")

        await live_parts.portal.commands.pause(job_id)

        # That it was created may be said only now: the portal had nobody to say it to.
        job = await browser.item("jobs", lambda item: item["version"] == 2)

    assert (job["id"], job["next_due_at"]) == (str(job_id), None)
    assert job["paused_at"] is not None


async def test_health_comes_at_once_and_to_each_who_asks(address: Address) -> None:
    async with watching(address) as first, watching(address) as second:
        await first.subscribe("health")
        (known,) = await first.items("health", 1)
        await second.subscribe("health")
        (again,) = await second.items("health", 1)

    assert known["broker"] is True
    assert again["title"] == known["title"] == "No executor"


async def a_running(database: Database, job_id: JobId) -> tuple[Any, Any]:
    run = a_run(job_id, state=RunState.RUNNING)
    attempt = an_attempt(run)
    await run_rows(database, run)
    await run_rows(database, attempt)
    return run, attempt


async def test_a_log_comes_live_in_order_without_gap_or_double(
    address: Address, job_id: JobId, database: Database, publisher: Publisher
) -> None:
    run, attempt = await a_running(database, job_id)
    outputs = [an_output(run, attempt.id, seq, f"{seq}\n") for seq in range(1, 301)]
    for output in outputs[:50]:
        await publisher.publish(to_store(output))

    async with watching(address) as early, watching(address) as late:
        await early.subscribe(f"log:{run.id}")
        # The executor's network plays up: neighbours change places, some chunks come twice.
        shuffled = [each for at in range(50, 300, 2) for each in (outputs[at + 1], outputs[at], outputs[at])]
        await publisher.publish_all([to_store(output) for output in shuffled[: len(shuffled) // 2]])
        await late.subscribe(f"log:{run.id}", after_seq=20, attempt_id=str(attempt.id))
        await publisher.publish_all([to_store(output) for output in shuffled[len(shuffled) // 2 :]])

        from_start = await early.items(f"log:{run.id}", 300)
        from_twenty = await late.items(f"log:{run.id}", 280)

    assert [chunk["seq"] for chunk in from_start] == list(range(1, 301))
    assert [chunk["seq"] for chunk in from_twenty] == list(range(21, 301))
    assert "".join(chunk["text"] for chunk in from_start) == "".join(output.text for output in outputs)
    assert from_start[0]["attempt_id"] == str(attempt.id)


async def test_a_log_follows_a_run_that_is_not_planned_yet_and_its_next_attempt(
    address: Address, job_id: JobId, database: Database, publisher: Publisher, live_parts: Parts
) -> None:
    run_id = await live_parts.portal.commands.run_now(job_id)
    run = a_run(job_id, id=run_id, state=RunState.RUNNING)
    first, second = an_attempt(run, 1), an_attempt(run, 2)

    async with watching(address) as browser:
        await browser.subscribe(f"log:{run_id}")
        await run_rows(database, run)
        await run_rows(database, first)
        await publisher.publish(to_watchers(a_change(run, RunState.RUNNING)))
        await publisher.publish(to_store(an_output(run, first.id, 1, "one\n")))
        (one,) = await browser.items(f"log:{run_id}", 1)
        await run_rows(database, second)
        await publisher.publish(to_watchers(a_change(run, RunState.QUEUED, attempt=2)))
        await publisher.publish(to_store(an_output(run, second.id, 1, "two\n")))
        (two,) = await browser.items(f"log:{run_id}", 1)

    assert (one["text"], one["attempt_id"]) == ("one\n", str(first.id))
    assert (two["text"], two["attempt_id"]) == ("two\n", str(second.id))


async def test_what_another_replica_stores_is_followed_too(
    address: Address, job_id: JobId, database: Database, publisher: Publisher
) -> None:
    run, attempt = await a_running(database, job_id)
    async with watching(address) as browser:
        await browser.subscribe(f"log:{run.id}")
        await eventually(lambda: is_told_of_stores(publisher))
        async with database.logs.begin() as session:
            chunk = an_output(run, attempt.id, 1, "theirs\n")
            await logs.store(session, [logs.packed(_stored(chunk))])

        await publisher.publish(what_is_stored(attempt.id, 1))

        (shown,) = await browser.items(f"log:{run.id}", 1)

    assert shown["text"] == "theirs\n"


def what_is_stored(attempt_id: AttemptId, seq: int) -> Outgoing:
    message = LogStored(source="ui", time=NOW, attempt_id=attempt_id, seq=seq)
    return Outgoing(exchange=Exchange.CONTROL, key=control_key(EXECUTOR), message=message)


async def is_told_of_stores(publisher: Publisher) -> bool:
    """Say whether the portal's live queue hears what is stored: nobody else does here."""
    try:
        await publisher.publish(what_is_stored(AttemptId(uuid4()), 1))
    except Unroutable:
        return False
    return True


async def test_a_chunk_that_comes_early_waits_for_the_one_before_it(
    address: Address, job_id: JobId, database: Database, publisher: Publisher
) -> None:
    run, attempt = await a_running(database, job_id)
    async with watching(address) as browser:
        await browser.subscribe(f"log:{run.id}", f"run:{run.id}")
        await publisher.publish(to_store(an_output(run, attempt.id, 2, "two\n")))
        await eventually(lambda: is_stored(database, attempt.id, 2))
        for _ in range(2):  # the second is sent by the flush after the one that read the log
            await publisher.publish(to_watchers(a_change(run, RunState.RUNNING)))
            await browser.items(f"run:{run.id}", 1)
        await publisher.publish(to_store(an_output(run, attempt.id, 1, "one\n")))

        chunks = await browser.items(f"log:{run.id}", 2)

    assert [chunk["text"] for chunk in chunks] == ["one\n", "two\n"]


async def is_stored(database: Database, attempt_id: AttemptId, seq: int) -> bool:
    async with database.reading_logs() as session:
        return bool(await logs.chunks_after(session, attempt_id, seq - 1, limit=1))


async def test_a_missing_chunk_is_waited_for_and_then_passed_over(
    address: Address, job_id: JobId, database: Database, publisher: Publisher
) -> None:
    run, attempt = await a_running(database, job_id)
    async with watching(address) as browser:
        await browser.subscribe(f"log:{run.id}")
        for seq in (1, 3):
            await publisher.publish(to_store(an_output(run, attempt.id, seq, f"{seq}\n")))

        chunks = await browser.items(f"log:{run.id}", 2)

    assert [chunk["seq"] for chunk in chunks] == [1, 3]


async def test_a_socket_that_does_not_keep_up_is_told_to_load_again(live_parts: Parts, job_id: JobId) -> None:
    live = live_parts.portal.live
    async with asyncio.TaskGroup() as group:
        flushing = group.create_task(live.run())
        with live.subscriber() as slow, live.subscriber() as quick:
            for subscriber in (slow, quick):
                live.subscribe(subscriber, "runs")
            for number in range(200):
                slow.offer("runs", str(number))

            live.note(a_change(a_run(job_id), RunState.RUNNING))
            newest = json.loads(await quick.next())
            queued = [await slow.next() for _ in range(65)]
        flushing.cancel()

    assert newest["topic"] == "runs"
    assert json.loads(queued[-1]) == {"resync": "runs"}
    assert queued[:64] == [str(number) for number in range(64)]


async def test_a_reader_that_missed_the_health_is_told_it_again(live_parts: Parts) -> None:
    live = live_parts.portal.live
    async with asyncio.TaskGroup() as group:
        with live.subscriber() as slow:
            for number in range(64):
                slow.offer("", str(number))
            live.subscribe(slow, "health")
            watching = group.create_task(live.watch_health())
            await until(lambda: "health" in slow._missed)

            missed = [await slow.next() for _ in range(65)]
            async with asyncio.timeout(15):
                told = json.loads(await slow.next())
        watching.cancel()

    assert json.loads(missed[-1]) == {"resync": "health"}
    assert told["topic"] == "health"


async def test_a_reader_that_stops_costs_little_and_has_the_truth_when_it_goes_on(
    address: Address, live_parts: Parts, job_id: JobId
) -> None:
    live = live_parts.portal.live
    runs = [a_run(job_id, number) for number in range(100)]
    async with connect(
        f"ws://{address}/api/v1/stream",
        max_queue=1,
        compression=None,
        origin=f"http://{address}",
        additional_headers=address.bearer,
    ) as stopped:
        await stopped.send(json.dumps({"subscribe": ["runs"]}))
        (subscriber,) = await eventually(lambda: those_that_watch(live, "runs"))
        # Long words fill what the kernel holds for the two ends in some twenty flushes.
        going = [a_change(run, RunState.RUNNING, executor="north" * 400) for run in runs]
        while not subscriber._missed:
            for change in going:
                live.note(change)
            await until(lambda: not live._runs)
        held = subscriber._waiting

        latest: dict[str, str] = {}
        told = 0
        async with asyncio.timeout(15):
            while "resync" not in (message := json.loads(await stopped.recv())):
                told += "topic" in message
        live.note(a_change(runs[0], RunState.SUCCEEDED))
        async with asyncio.timeout(15):
            while latest.get(str(runs[0].id)) != "succeeded":
                latest |= {one["id"]: one["state"] for one in json.loads(await stopped.recv())["items"]}

    assert held <= QUEUED_CHARS
    assert told > 0


async def those_that_watch(live: Live, topic: str) -> list[Subscriber]:
    return [one for one in live._subscribers if topic in one.topics]


@pytest.mark.parametrize("count", [201, 20_001])
async def test_of_more_changes_than_anybody_reads_every_page_loads_again(
    live_parts: Parts, job_id: JobId, count: int
) -> None:
    live = live_parts.portal.live
    runs = [a_run(job_id, number) for number in range(count)]
    last = f"run:{runs[-1].id}"
    async with asyncio.TaskGroup() as group:
        with live.subscriber() as subscriber:
            live.subscribe(subscriber, "runs")
            live.subscribe(subscriber, last)
            for run in runs:
                live.note(a_change(run, RunState.RUNNING))
            flushing = group.create_task(live.run())
            told = [json.loads(await subscriber.next()) for _ in range(2)]
        flushing.cancel()

    about = {one.get("resync") or one["topic"] for one in told}
    assert {"resync": "runs"} in told
    assert about == {"runs", last}


async def test_after_the_broker_was_away_everything_is_loaded_again(
    address: Address, live_parts: Parts
) -> None:
    async with watching(address) as browser:
        await browser.subscribe("runs", "jobs")

        live_parts.portal.live.resync()
        topics = {(await browser.hear("resync"))["resync"] for _ in range(2)}

    assert topics == {"runs", "jobs"}


@pytest.mark.parametrize(
    "said",
    [
        "",
        "{",
        "[]",
        "null",
        '{"subscribe": "runs"}',
        '{"subscribe": ["nothing"]}',
        '{"subscribe": ["log:x"]}',
        '{"subscribe": ["run:"]}',
        '{"subscribe": ["log:00000000-0000-0000-0000-000000000000"], "after_seq": -1}',
        '{"subscribe": ["log:00000000-0000-0000-0000-000000000000"], "after_seq": 99999999999}',
        json.dumps({"subscribe": [f"log:{uuid4()}" for _ in range(9)]}),
        json.dumps({"subscribe": [f"run:{uuid4()}" for _ in range(201)]}),
    ],
)
async def test_nonsense_is_answered_and_the_stream_goes_on(address: Address, said: str) -> None:
    async with watching(address) as browser:
        await browser._socket.send(said)

        error = await browser.hear("error")
        await browser.say(ping=5)
        await browser.hear("pong", 5)

    assert error["error"]


@pytest.mark.parametrize(
    "origin", ["http://evil.test", "null", "http://127.0.0.1:1", "http://127.0.0.1.evil.test", "file://"]
)
async def test_a_page_of_another_origin_gets_no_socket(address: Address, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"ws://{address}/api/v1/stream", origin=origin, additional_headers=address.bearer):
            pass

    assert refused.value.response.status_code == 403


async def test_a_foreign_host_gets_no_socket(address: Address) -> None:
    host, port = address.split(":")
    with pytest.raises(InvalidStatus) as refused:
        async with connect(
            f"ws://evil.test:{port}/api/v1/stream",
            host=host,
            port=int(port),
            additional_headers=address.bearer,
        ):
            pass

    assert refused.value.response.status_code == 403

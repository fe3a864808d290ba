"""Each service's RabbitMQ user: it may do all that its code does, and what would harm others it may not."""

import asyncio
import os
import shutil
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import aio_pika
import aiormq
import httpx
import pytest
from aio_pika.abc import AbstractChannel, AbstractQueue

from shared.broker import Consumer, Outgoing, Publisher, connect
from shared.domain.ids import BootId, ExecutorName, JobId, RunId, new_id
from shared.messages.commands import LogStored
from shared.messages.topology import (
    CLAIMS,
    DEAD,
    LOG_STORE,
    PERMISSIONS,
    SCHEDULER_EVENTS,
    Exchange,
    control_key,
    control_queue,
    due_queues,
    live_queue,
    log_key,
)
from shared.runtime.clock import SystemClock
from tests.integration.ui.stage import eventually
from tests.support.identity import bearer
from tests.support.node import SessionBroker, name_in
from tests.support.stack import ROOT, free_port

OWN = control_queue(ExecutorName("mine"), BootId(new_id()))
LIVE = live_queue("mine")

Act = Callable[[AbstractChannel], Awaitable[object]]


@pytest.fixture
def users(broker_node: SessionBroker, amqp_url: str) -> Iterator[Mapping[str, str]]:
    """The address of this test's vhost for each service, as the user of that service."""
    with broker_node.service_users(amqp_url) as urls:
        yield urls


def take(queue: str) -> Act:
    async def act(channel: AbstractChannel) -> object:
        return await (await channel.get_queue(queue, ensure=False)).get(fail=False)

    return act


def publish(exchange: str, key: str = "any") -> Act:
    async def act(channel: AbstractChannel) -> object:
        target = await channel.get_exchange(exchange, ensure=False)
        return await target.publish(aio_pika.Message(b"{}"), key, mandatory=False)

    return act


def declare(queue: str) -> Act:
    return lambda channel: channel.declare_queue(queue, durable=True)


def delete(queue: str) -> Act:
    return lambda channel: channel.queue_delete(queue)


def bind(queue: str, exchange: str) -> Act:
    async def act(channel: AbstractChannel) -> object:
        if queue in {OWN.name, LIVE.name}:
            await channel.declare_queue(queue, exclusive=True, auto_delete=True)
        return await (await channel.get_queue(queue, ensure=False)).bind(exchange, "any")

    return act


async def delete_exchange(channel: AbstractChannel) -> object:
    return await channel.exchange_delete(Exchange.DUE)


REFUSED: dict[str, dict[str, Act]] = {
    "executor": {
        "take logs": take("portal.logs.store"),
        "take reports": take("portal.events.scheduler"),
        "take claims": take("portal.claims"),
        "take parked": take("portal.dead"),
        "publish runs": publish("portal.due", "default"),
        "tell executors": publish("portal.control", "executor.all"),
        "publish anywhere": publish(""),
        "delete a queue": delete("portal.due.default"),
        "declare a queue": declare("portal.due.mine"),
        "declare any queue": declare("mine"),
        "delete an exchange": delete_exchange,
        "hear claims": bind(OWN.name, "portal.claims"),
        "hear runs": bind(OWN.name, "portal.due"),
        "hear logs": bind(OWN.name, "portal.logs"),
        "lead reports into claims": bind("portal.claims", "portal.events"),
    },
    "ui": {
        "take runs": take("portal.due.default"),
        "take claims": take("portal.claims"),
        "take reports": take("portal.events.scheduler"),
        "publish runs": publish("portal.due", "default"),
        "claim": publish("portal.claims", "claims"),
        "publish anywhere": publish(""),
        "delete a queue": delete("portal.logs.store"),
        "declare a queue": declare("portal.logs.mine"),
        "hear claims": bind(LIVE.name, "portal.claims"),
    },
    "scheduler": {"declare a foreign queue": declare("mine"), "publish elsewhere": publish("amq.topic")},
}


@pytest.mark.parametrize(("user", "what"), [(user, what) for user, acts in REFUSED.items() for what in acts])
async def test_a_service_user_may_not(users: Mapping[str, str], user: str, what: str) -> None:
    async with await aio_pika.connect(users[user]) as connection:
        async with connection.channel() as channel:
            with pytest.raises(aiormq.exceptions.ChannelAccessRefused):
                await REFUSED[user][what](channel)


async def test_the_ui_hears_what_other_replicas_store(users: Mapping[str, str]) -> None:
    message = LogStored(source="ui", time=SystemClock().now(), attempt_id=new_id(), seq=1)
    stored = Outgoing(exchange=Exchange.CONTROL, key=control_key(ExecutorName("north")), message=message)
    async with connect(users["ui"], name="ui") as broker, Publisher.on(broker) as publisher:
        async with Consumer.on(broker, LIVE, prefetch=10) as live:
            await live.bind(Exchange.CONTROL, "executor.#")
            await publisher.publish(stored)
            heard = await live.next()
            await live.unbind(Exchange.CONTROL, "executor.#")
            await live.bind(Exchange.LOGS, log_key(JobId(new_id()), RunId(new_id())))

    assert heard.message == stored.message


@pytest.fixture
def home(tmp_path: Path, migrated_home: Path) -> Path:
    """A migrated home on SQLite with the key that scheduler and executor share."""
    home = Path(shutil.copytree(migrated_home, tmp_path / "home"))
    (home / "secrets").mkdir()
    (home / "secrets" / "grant.key").write_text("ab" * 32)
    return home


@asynccontextmanager
async def running(service: str, home: Path, amqp_url: str, **more: str) -> AsyncIterator[Process]:
    settings = {
        "PATH": os.environ["PATH"],
        "PORTAL_HOME": str(home),
        "PORTAL_SCRIPTS_DIR": str(ROOT / "scripts"),
        "PORTAL_AMQP_URL": amqp_url,
        **more,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"services.{service}", cwd=ROOT, env=settings, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def test_a_run_goes_all_its_way_as_these_users(users: Mapping[str, str], home: Path) -> None:
    port = str(free_port())
    async with (
        running("scheduler", home, users["scheduler"]),
        running("executor", home, users["executor"], PORTAL_EXECUTOR_POOLS="gpu"),
        running("ui", home, users["ui"], PORTAL_UI_PORT=port),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=20) as client,
    ):
        job = {"name": "hello", "script": "hello.py", "schedule": {"kind": "manual"}, "pool": "gpu"}
        await eventually(lambda: healthy(client, home), 60)
        client.headers.update(bearer(home))
        made = (await client.post("/jobs", json=job)).json()
        run = (await client.post(f"/jobs/{made['id']}/run")).json()["run_id"]

        async def ended() -> str | None:
            state: str = (await client.get(f"/runs/{run}")).json()["state"]
            return None if state in {"held", "queued", "running"} else state

        async def said_hello() -> bool:
            return "Hello" in (await client.get(f"/runs/{run}/log.txt")).text

        assert await eventually(ended, 60) == "succeeded"
        assert await eventually(said_hello, 60)


async def test_each_service_parks_what_it_does_not_understand(
    users: Mapping[str, str], amqp_url: str
) -> None:
    queues = {
        "executor": (*due_queues("default", "isolated"), OWN),
        "ui": (LOG_STORE, LIVE),
        "scheduler": (CLAIMS, SCHEDULER_EVENTS),
    }
    async with AsyncExitStack() as stack:
        person = await stack.enter_async_context(connect(amqp_url, name="person"))
        channel = await stack.enter_async_context(person.publishing.channel())
        parked = await channel.get_queue(DEAD.name)
        for user, some in queues.items():
            broker = await stack.enter_async_context(connect(users[user], name=user))
            for queue in some:
                consumer = await stack.enter_async_context(Consumer.on(broker, queue, prefetch=1))
                await channel.default_exchange.publish(aio_pika.Message(b"what?"), queue.name)
                waiting = asyncio.create_task(consumer.next())

                reason = await eventually(lambda: parked_reason(parked))
                waiting.cancel()
                assert "not a valid message" in reason


async def parked_reason(parked: AbstractQueue) -> str | None:
    message = await parked.get(fail=False)
    if message is None:
        return None
    await message.ack()
    return str(message.headers["x-reason"])


async def test_a_missing_right_ends_a_service_that_says_what_to_grant(
    users: Mapping[str, str], broker_node: SessionBroker, amqp_url: str, home: Path
) -> None:
    needed = PERMISSIONS["executor"]
    user = urlsplit(users["executor"]).username or ""
    management, vhost = broker_node.management, name_in(amqp_url)
    broker_node.thread.run(management.permit(user, vhost, replace(needed, write=r"^portal\.control\..+")))

    async with running("executor", home, users["executor"]) as process:
        _, said = await asyncio.wait_for(process.communicate(), 60)

    assert process.returncode == 1
    last = said.decode().splitlines()[-1]
    assert "portal.claims" in last
    assert user in last
    assert f"set_permissions executor '{needed.configure}' '{needed.write}' '{needed.read}'" in last


async def healthy(client: httpx.AsyncClient, home: Path) -> bool:
    try:
        answer = await client.get("/health", headers=bearer(home))
    except (httpx.TransportError, FileNotFoundError):  # it has not begun to serve, or has no key yet
        return False
    return bool(answer.json()["broker"])

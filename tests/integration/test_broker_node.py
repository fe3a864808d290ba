"""The private RabbitMQ node: whose it is, where it listens, what it keeps, what it leaves."""

from collections.abc import AsyncIterator
from pathlib import Path

import aio_pika
import pytest
import pytest_asyncio

from services.cli.broker_node import BrokerNode, running_node
from services.cli.management import Management, RefusedByBroker
from services.cli.process import is_alive
from shared.messages.topology import LASTING, POLICIES, Exchange


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BrokerNode]:
    async with running_node(tmp_path_factory.mktemp("node")) as running:
        yield running
        await running.kill()  # nothing is kept: an ordered stop takes 6 s


@pytest.mark.asyncio(loop_scope="module")
async def test_the_generated_user_administers_the_node(node: BrokerNode) -> None:
    whoami = await node.management.call("GET", "whoami")

    assert isinstance(whoami, dict)
    assert whoami["name"] == "portal"
    assert whoami["tags"] == ["administrator"]


@pytest.mark.asyncio(loop_scope="module")
async def test_guest_is_refused(node: BrokerNode) -> None:
    guest = Management(url=node.config.management_url, user="guest", password="guest")

    with pytest.raises(RefusedByBroker, match="401"):
        await guest.call("GET", "whoami")


@pytest.mark.asyncio(loop_scope="module")
async def test_the_default_and_a_fresh_vhost_have_what_the_portal_needs(node: BrokerNode) -> None:
    await node.fresh_vhost("fresh")

    policies = await names(node, "policies")
    exchanges = await names(node, "exchanges")
    queues = await names(node, "queues")
    bound = await names(node, "bindings", "destination")

    vhosts = ("/", "fresh")
    assert policies == {(vhost, policy.name) for vhost in vhosts for policy in POLICIES}
    assert {(vhost, exchange) for vhost in vhosts for exchange in Exchange} <= exchanges
    assert queues == {(vhost, queue.name) for vhost in vhosts for queue in LASTING}
    assert bound == queues


@pytest.mark.asyncio(loop_scope="module")
async def test_it_listens_on_loopback_only(node: BrokerNode) -> None:
    processes = (node.node.identity.pid, node.epmd.identity.pid)

    addresses = {address for pid in processes for address in listening_addresses(pid)}

    assert len(addresses) >= 5  # amqp, management, prometheus, distribution, epmd
    assert {host for host, _ in addresses} <= {"0100007F", IPV6_LOOPBACK}


@pytest.mark.asyncio(loop_scope="module")
async def test_a_restart_keeps_a_durable_queue_and_its_persistent_message(node: BrokerNode) -> None:
    await publish_one(node.amqp_url)

    await node.restart()

    assert await take_one(node.amqp_url) == b"kept"


@pytest.mark.asyncio(loop_scope="module")
async def test_a_killed_node_comes_back_with_what_it_had_confirmed(node: BrokerNode) -> None:
    await publish_one(node.amqp_url)

    await node.kill()
    await node.restart()

    assert await take_one(node.amqp_url) == b"kept"


async def test_leaving_it_leaves_no_process_behind(tmp_path: Path) -> None:
    async with running_node(tmp_path) as running:
        started = (running.node.identity, running.epmd.identity)
        assert all(map(is_alive, started))

    assert not any(map(is_alive, started))
    assert not [pid for pid in all_pids() if str(tmp_path) in command_line(pid)]


async def names(node: BrokerNode, kind: str, key: str = "name") -> set[tuple[str, str]]:
    listed = await node.management.call("GET", kind)
    assert isinstance(listed, list)
    return {(each["vhost"], each[key]) for each in listed if each.get("source") != ""}


async def publish_one(url: str) -> None:
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue("durable", durable=True, arguments={"x-queue-type": "quorum"})
        message = aio_pika.Message(b"kept", delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await channel.default_exchange.publish(message, queue.name)


async def take_one(url: str) -> bytes:
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.get_queue("durable")
        async with queue.iterator(timeout=30) as messages:
            async for message in messages:
                await message.ack()
                return message.body
    raise AssertionError("unreachable: the iterator raises when its time is up")


IPV6_LOOPBACK = "00000000000000000000000001000000"
LISTEN = "0A"


def listening_addresses(pid: int) -> set[tuple[str, str]]:
    """Return (host, port) in the kernel's hexadecimal of every socket this process listens on."""
    sockets = {str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir() if entry.is_symlink()}
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTEN and f"socket:[{fields[9]}]" in sockets:
                host, _, port = fields[1].partition(":")
                found.add((host, port))
    return found


def all_pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        return ""

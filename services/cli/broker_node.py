"""A private RabbitMQ node: one folder, loopback only, the current user; next to any system node.

`portal up` runs it under the supervisor, the tests by `running_node`: the same node.
"""

import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_urlsafe

from services.cli import broker_config, broker_definitions, ports
from services.cli.broker_config import USERS, NodeConfig, NodePorts
from services.cli.broker_definitions import CONSOLE_USER
from services.cli.management import Management
from services.cli.process import Process, Program, spawn

BOOT_BOUND_S = 120.0
"""A first boot takes 7 to 14 s on two quiet cores and was seen to take 52 s on busy ones."""

_EPMD_BOUND_S = 10.0
_STOP_BOUND_S = 60.0  # 6 s with the management plugin on a quiet machine


def find_server() -> Path | None:
    """Return the newest installed start script; None when RabbitMQ is not installed.

    Not Debian's wrapper /usr/sbin/rabbitmq-server: it wants to be root or rabbitmq.
    """
    packaged = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server"))
    if packaged:
        return packaged[-1]
    on_path = shutil.which("rabbitmq-server")
    return None if on_path is None or on_path.startswith("/usr/sbin/") else Path(on_path)


def programs(config: NodeConfig) -> tuple[Program, Program]:
    """Write the node's files; return epmd and the node, to be started in this order.

    epmd comes first because a node that finds none leaves an `epmd -daemon` behind for ever.
    Raises FileNotFoundError when RabbitMQ is not installed.
    """
    server, epmd = find_server(), shutil.which("epmd")
    if server is None or epmd is None:
        raise FileNotFoundError("RabbitMQ is not installed (Debian: apt-get install rabbitmq-server)")
    broker_config.write(config)
    environment = broker_config.environment(config)
    return (
        Program(
            name="epmd",
            argv=(epmd, "-port", str(config.ports.epmd), "-address", "127.0.0.1"),
            environment=environment,
            folder=config.folder,
            probe=f"tcp://127.0.0.1:{config.ports.epmd}",
            drain_s=5,
            output=config.folder / "log" / "epmd.out",
        ),
        Program(
            name="broker",
            argv=(str(server),),
            environment=environment,
            folder=config.folder,
            probe=f"amqp://127.0.0.1:{config.ports.amqp}",
            drain_s=_STOP_BOUND_S,
            output=config.folder / "log" / "node.out",
        ),
    )


class BrokerNode:
    """A running node that nobody supervises: it stays down when it is killed, until `restart`."""

    def __init__(self, config: NodeConfig, epmd: Process, node: Process) -> None:
        """Wrap what `running_node` has started."""
        self.config = config
        self.epmd = epmd
        self.node = node

    @property
    def amqp_url(self) -> str:
        """The default vhost's address, for the user who may do everything."""
        return self.config.amqp_url()

    @property
    def management(self) -> Management:
        """The management HTTP API, as the user who may do everything."""
        password = self.config.passwords[CONSOLE_USER]
        return Management(url=self.config.management_url, user=CONSOLE_USER, password=password)

    async def fresh_vhost(self, name: str) -> str:
        """Make a vhost with the node's content and return its AMQP address."""
        await self.management.make_vhost(name, self.config.content)
        return self.amqp_url + name

    async def kill(self) -> None:
        """SIGKILL the node, as a power cut would end it; epmd stays."""
        self.node.kill()
        await self.node.child.wait()

    async def stop(self) -> None:
        """Stop the node in order; epmd stays."""
        await self.node.stop()

    async def restart(self) -> None:
        """Stop the node if it runs and start it on the same ports and data; return when it serves."""
        await self.stop()
        self.node = await spawn(self.node.program)
        await self.node.ready(bound_s=BOOT_BOUND_S)


@asynccontextmanager
async def running_node(
    folder: Path, content: Mapping[str, object] | None = None
) -> AsyncIterator[BrokerNode]:
    """Run a node in `folder` while inside; on leaving neither it nor its epmd is left.

    `content` is what its vhosts have from the beginning; default: all that the portal needs.
    Raises NotReady with the node's last words when it does not boot within two minutes.
    """
    config = NodeConfig(
        folder=folder.absolute(),  # noqa: ASYNC240 - once, before the node starts
        ports=NodePorts(**ports.reserve(NodePorts.names(), folder / "ports.json")),
        passwords={user: token_urlsafe(18) for user in USERS},
        content=broker_definitions.of_vhost() if content is None else content,
    )
    epmd_program, node_program = programs(config)
    epmd = await spawn(epmd_program)
    try:
        await epmd.ready(bound_s=_EPMD_BOUND_S)
        broker = BrokerNode(config, epmd, await spawn(node_program))
        try:
            await broker.node.ready(bound_s=BOOT_BOUND_S)
            yield broker
        finally:
            await broker.stop()
    finally:
        await epmd.stop()

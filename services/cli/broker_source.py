"""Where the broker comes from: PORTAL_AMQP_URL, an installed RabbitMQ, apt as root, else an instruction."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.cli import broker_definitions, broker_node, debian, ports
from services.cli.broker_config import USERS, NodeConfig, NodePorts
from services.cli.console import Console
from services.cli.environment import given_amqp_url
from services.cli.errors import CannotStart
from services.cli.home import Home

_INSTRUCTION = """RabbitMQ is not installed, and apt as root is not to be had. Install rabbitmq-server, or:
  docker run -d --name portal-rabbitmq -p 127.0.0.1:5672:5672 rabbitmq:4-management
  PORTAL_AMQP_URL=amqp://guest:guest@127.0.0.1:5672/ ./portal up"""


@dataclass(frozen=True, slots=True)
class BrokerSource:
    """The address of the broker for each user and, if it is ours to run, its node."""

    amqp_urls: Mapping[str, str]
    node: NodeConfig | None


def choose(home: Home, console: Console) -> BrokerSource:
    """Decide between the broker that was given and a private node; installs and starts nothing."""
    given = given_amqp_url()
    if given is None:
        chosen = ports.reserve(NodePorts.names(), home.ports)
        node = NodeConfig(
            folder=home.broker,
            ports=NodePorts(**chosen),
            passwords={user: home.broker_password(user).read_text(encoding="ascii") for user in USERS},
            content=broker_definitions.of_vhost(),
        )
        return BrokerSource({user: node.amqp_url(user) for user in USERS}, node)
    definitions = _write_definitions(home.folder / "definitions.json")
    console.step(
        "broker",
        f"PORTAL_AMQP_URL is used; its policies are yours: rabbitmqctl import_definitions {definitions}",
    )
    return BrokerSource(dict.fromkeys(USERS, given), None)


async def ensure_installed(console: Console) -> None:
    """Return once RabbitMQ is installed; by apt if it is not and we may. Raises CannotStart."""
    if broker_node.find_server() is not None:
        return
    if not debian.can_install():
        raise CannotStart(_INSTRUCTION)
    console.step("broker", "RabbitMQ is not installed: installing rabbitmq-server with apt, as root")
    await asyncio.to_thread(debian.install, "rabbitmq-server", console)


def _write_definitions(path: Path) -> Path:
    """Write policies, exchanges and queues where a person can import them into a broker of their own."""
    definitions = broker_definitions.of_default_vhost(broker_definitions.of_vhost())
    path.write_text(json.dumps(definitions, indent=1) + "\n", encoding="utf-8")
    return path

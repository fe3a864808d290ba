"""The files and the environment of a private RabbitMQ node; what each line is for, and no process.

Keys are limited to those that RabbitMQ 3.10 to 4.x all read.
"""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.cli import broker_definitions
from services.cli.broker_definitions import CONSOLE_USER
from shared.messages.topology import PERMISSIONS

USERS = (CONSOLE_USER, *PERMISSIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePorts:
    """The loopback ports of one node."""

    amqp: int
    management: int
    prometheus: int
    epmd: int
    dist: int

    @staticmethod
    def names() -> tuple[str, ...]:
        """Return the names in the order of the fields."""
        return ("amqp", "management", "prometheus", "epmd", "dist")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """One node: everything it writes stays below `folder`."""

    folder: Path
    ports: NodePorts
    passwords: Mapping[str, str]
    """One for each of `USERS`."""
    content: Mapping[str, object]
    """What its vhost has from the first boot on: see `broker_definitions.of_vhost`."""

    def amqp_url(self, user: str = CONSOLE_USER) -> str:
        """Return the address of the default vhost for this user; a vhost's name may follow it."""
        return f"amqp://{user}:{self.passwords[user]}@127.0.0.1:{self.ports.amqp}/"

    @property
    def management_url(self) -> str:
        """The address of the management console and its HTTP API, without user and password."""
        return f"http://127.0.0.1:{self.ports.management}"


def write(config: NodeConfig) -> None:
    """Write the node's files anew; its cookie and what it stored stay as they are."""
    folder = config.folder
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / "home").mkdir(exist_ok=True, mode=0o700)
    cookie = folder / "home" / ".erlang.cookie"
    if not cookie.exists():
        _write_private(cookie, secrets.token_hex(20), mode=0o400)  # Erlang refuses one that others can read
    _write_private(folder / "rabbitmq.conf", _rabbitmq_conf(config))
    _write_private(folder / "enabled_plugins", "[rabbitmq_management,rabbitmq_prometheus].\n")
    definitions = broker_definitions.of_node(config.passwords, config.content)
    _write_private(folder / "definitions.json", json.dumps(definitions, indent=1))


def environment(config: NodeConfig) -> Mapping[str, str]:
    """Return the whole environment of node and epmd: nothing of the caller's but PATH and language."""
    folder, ports = config.folder, config.ports
    erlang_arguments = "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none"
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "HOME": str(folder / "home"),  # the cookie
        "RABBITMQ_NODENAME": "portal@localhost",  # needs no DNS; two nodes differ by their epmd
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",  # not the system node's /etc/rabbitmq
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),  # the server appends .conf
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
        "RABBITMQ_SCHEMA_DIR": str(folder / "schema"),
        "RABBITMQ_DIST_PORT": str(ports.dist),
        "ERL_EPMD_PORT": str(ports.epmd),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        # No busy waiting: an idle node would otherwise spin a core between messages.
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": erlang_arguments,
        # The start script then becomes the Erlang machine instead of its parent: our child's pid is
        # the node's, and SIGTERM reaches the node itself, which stops in order.
        "RUNNING_UNDER_SYSTEMD": "true",
    }


def _rabbitmq_conf(config: NodeConfig) -> str:
    ports = config.ports
    return f"""\
listeners.tcp.local = 127.0.0.1:{ports.amqp}
management.tcp.ip = 127.0.0.1
management.tcp.port = {ports.management}
prometheus.tcp.ip = 127.0.0.1
prometheus.tcp.port = {ports.prometheus}
# Users, policies, exchanges and queues; a node that is given definitions makes no guest.
load_definitions = {config.folder / "definitions.json"}
heartbeat = 15
# Belt and braces: no message of ours is unacked for more than seconds.
consumer_timeout = 86400000
disk_free_limit.absolute = 1GB
# The default of 512 MB is held in memory tables.
raft.wal_max_size_bytes = 64000000
log.console = false
log.file = rabbit.log
log.file.level = info
log.file.rotation.size = 10485760
log.file.rotation.count = 3
"""


def _write_private(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Write a file that never is readable by others, not even for a moment."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(text)

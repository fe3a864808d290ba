"""`portal secrets`: who can read what, what a second run keeps, and that RabbitMQ boots from it."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import aio_pika
import pytest

from services.cli import ports
from services.cli.broker_config import USERS, NodeConfig, NodePorts
from services.cli.broker_node import BOOT_BOUND_S, programs
from services.cli.credentials import Owners, lay_out
from services.cli.management import Management, RefusedByBroker
from services.cli.process import spawn

LAYOUT = {
    "rabbitmq/definitions.json",
    "rabbitmq/console_password",
    "scheduler/portal_amqp_url",
    "scheduler/portal_grant_key",
    "scheduler/portal_database_password",
    "executor/portal_amqp_url",
    "executor/portal_grant_key",
    "executor/portal_secrets_key",
    "ui/portal_secrets_key",
    "ui/portal_amqp_url",
    "ui/portal_database_password",
    "postgres/password",
}
SHARED = (
    ("scheduler/portal_grant_key", "executor/portal_grant_key"),
    ("ui/portal_secrets_key", "executor/portal_secrets_key"),
    ("scheduler/portal_database_password", "ui/portal_database_password", "postgres/password"),
)


def texts(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


def clear(folder: Path) -> dict[str, str]:
    """Return what must never change; definitions salt their hashes anew."""
    return {name: text for name, text in texts(folder).items() if name != "rabbitmq/definitions.json"}


def test_every_service_has_what_it_needs_and_no_more(tmp_path: Path) -> None:
    lay_out(tmp_path, broker_host="broker.example")

    made = texts(tmp_path)
    assert made.keys() == LAYOUT
    for user in ("scheduler", "executor", "ui"):
        address = urlsplit(made[f"{user}/portal_amqp_url"])
        assert (address.username, address.hostname, address.port) == (user, "broker.example", 5672)
    assert all(len({made[name] for name in names}) == 1 for names in SHARED)
    assert len(bytes.fromhex(made["executor/portal_grant_key"])) == 32


def test_a_second_run_keeps_secrets_and_renews_definitions(tmp_path: Path) -> None:
    lay_out(tmp_path)
    before = clear(tmp_path)
    definitions = tmp_path / "rabbitmq" / "definitions.json"
    known = json.loads(definitions.read_text())
    definitions.unlink()

    lay_out(tmp_path)

    assert clear(tmp_path) == before
    renewed = json.loads(definitions.read_text())
    assert {key: renewed[key] for key in known if key != "users"} == {
        key: known[key] for key in known if key != "users"
    }


@pytest.mark.parametrize("lost", ["postgres", "scheduler", "executor", "ui"])
def test_a_lost_volume_gets_back_what_others_share_with_it(tmp_path: Path, lost: str) -> None:
    lay_out(tmp_path)
    before = texts(tmp_path)
    shutil.rmtree(tmp_path / lost)

    lay_out(tmp_path)

    after = texts(tmp_path)
    assert after.keys() == LAYOUT
    assert [after[name] for names in SHARED for name in names] == [
        before[name] for names in SHARED for name in names
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_nobody_but_its_reader_can_open_a_file(tmp_path: Path) -> None:
    owners = Owners(rabbitmq=2001, postgres=2002, services=2003, executor=0)

    lay_out(tmp_path, owners=owners)

    readers = {"rabbitmq": 2001, "postgres": 2002, "scheduler": 2003, "ui": 2003, "executor": 0}
    for folder, owner in readers.items():
        seen = {(tmp_path / folder): 0o40700}
        seen |= dict.fromkeys((tmp_path / folder).iterdir(), 0o100400)
        for path, mode in seen.items():
            status = path.stat()
            assert (status.st_uid, status.st_gid, status.st_mode) == (owner, owner, mode), path


def test_it_needs_neither_a_database_nor_a_web_stack(tmp_path: Path) -> None:
    code = """
import sys
from services.cli.main import app
app(["secrets", sys.argv[1]], standalone_mode=False)
assert not {"sqlalchemy", "alembic", "cryptography", "fastapi", "nicegui", "aio_pika"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)

    assert texts(tmp_path).keys() == LAYOUT


async def test_a_node_boots_from_the_definitions_and_knows_every_user(tmp_path: Path) -> None:
    lay_out(tmp_path / "secrets")
    made = texts(tmp_path / "secrets")
    config = NodeConfig(
        folder=tmp_path / "node",
        ports=NodePorts(**ports.reserve(NodePorts.names(), tmp_path / "ports.json")),
        passwords=dict.fromkeys(USERS, "of the definitions that are replaced"),
        content={},
    )
    booting = programs(config)
    shutil.copy(tmp_path / "secrets" / "rabbitmq" / "definitions.json", config.folder / "definitions.json")

    async with AsyncExitStack() as stack:
        for program in booting:
            process = await spawn(program)
            stack.push_async_callback(process.stop)
            await process.ready(bound_s=BOOT_BOUND_S)

        for user in ("scheduler", "executor", "ui"):
            password = urlsplit(made[f"{user}/portal_amqp_url"]).password or ""
            async with await aio_pika.connect(f"amqp://{user}:{password}@127.0.0.1:{config.ports.amqp}/"):
                with pytest.raises(RefusedByBroker, match="401"):
                    await management(config, user, password).call("GET", "whoami")
        console = management(config, "portal", made["rabbitmq/console_password"])
        queues = await console.call("GET", "queues")

        assert isinstance(queues, list)
        assert {"portal.claims", "portal.due.default"} <= {queue["name"] for queue in queues}


def management(config: NodeConfig, user: str, password: str) -> Management:
    return Management(url=config.management_url, user=user, password=password)

"""Markers by folder, and the real servers: each started once, and only when a test asks for it."""

import asyncio
import os
import shutil
import zoneinfo
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from shared.db import migrate
from shared.runtime.settings import DatabaseSettings
from tests.support import postgres as servers
from tests.support.node import SessionBroker, broker_origin, session_broker
from tests.support.postgres import Postgres, Spares

TESTS = Path(__file__).parent
# The first test that needs the broker waits for its boot: up to a minute on a busy machine.
BOUND_WITH_SERVERS_S = 180


# The quick ones first. The browser last: Playwright keeps an event loop in the main thread for as long
# as its session lives, in which no async test can run.
ORDER = ("unit", "architecture", "contract", "protocol", "proofs", "integration", "sandbox", "chaos", "e2e")


def pytest_configure() -> None:
    """Read zones from the pinned package as the services do, here and in the processes that tests start."""
    os.environ["PYTHONTZPATH"] = ""
    zoneinfo.reset_tzpath()
    # How long an example takes says more of the machine than of the code: speed is for the benchmarks.
    settings.register_profile("untimed", deadline=None)
    settings.load_profile("untimed")


def pytest_report_header() -> list[str]:
    return [f"broker: {broker_origin()}", f"PostgreSQL: {servers.origin()}"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: ORDER.index(item.path.relative_to(TESTS).parts[0]))
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0]
        item.add_marker(folder)
        if folder in {"integration", "e2e"} and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(BOUND_WITH_SERVERS_S))


@pytest.fixture(scope="session")
def broker_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SessionBroker]:
    """The session's real RabbitMQ."""
    with session_broker(tmp_path_factory.mktemp("broker")) as broker:
        yield broker


@pytest.fixture
def amqp_url(broker_node: SessionBroker) -> Iterator[str]:
    """The address of an empty vhost with the portal's policies, for this test alone."""
    url = broker_node.fresh_vhost()
    yield url
    broker_node.drop_vhost(url)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The session's real PostgreSQL."""
    with servers.session_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def migrated_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the newest schema on SQLite: made once, for copying it is a hundred times quicker."""
    home = tmp_path_factory.mktemp("migrated")
    asyncio.run(migrate.upgrade(DatabaseSettings(home=home)))
    return home


@pytest.fixture(scope="session")
def migrated_database(postgres: Postgres) -> str:
    """The address of a database with the newest schema, to make others from."""
    url = postgres.fresh_database()
    asyncio.run(migrate.upgrade(DatabaseSettings(database_url=url)))
    return url


@pytest.fixture(scope="session")
def spare_databases(postgres: Postgres, migrated_database: str) -> Iterator[Spares]:
    """Databases with the newest schema, made ahead."""
    spares = Spares(postgres, migrated_database)
    yield spares
    spares.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DatabaseSettings]:
    """A migrated and empty database for this test alone, on either kind of server."""
    home = tmp_path / "home"
    if request.param == "sqlite":
        shutil.copytree(request.getfixturevalue("migrated_home"), home)
        yield DatabaseSettings(home=home)
        return
    home.mkdir(mode=0o700)
    spares: Spares = request.getfixturevalue("spare_databases")
    url = spares.take()
    yield DatabaseSettings(home=home, database_url=url)
    spares.give_back(url)

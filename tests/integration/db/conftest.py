"""A PostgreSQL that a test may stop, and databases on it."""

import asyncio
from collections.abc import Iterator

import pytest

from shared.db import migrate
from shared.runtime.settings import DatabaseSettings
from tests.support.postgres import PrivateServer, private_server


@pytest.fixture(scope="session")
def private_postgres() -> Iterator[PrivateServer]:
    """A server of these tests' own."""
    with private_server() as running:
        yield running


@pytest.fixture(scope="session")
def private_template(private_postgres: PrivateServer) -> str:
    """The address of a migrated database on it, to make others from."""
    url = private_postgres.postgres.fresh_database()
    asyncio.run(migrate.upgrade(DatabaseSettings(database_url=url)))
    return url


@pytest.fixture
def server(private_postgres: PrivateServer) -> Iterator[PrivateServer]:
    """The server, running; it runs again afterwards whatever the test did to it."""
    yield private_postgres
    if not private_postgres.runs:
        private_postgres.start()


@pytest.fixture
def database_url(server: PrivateServer, private_template: str) -> str:
    """The address of a migrated and empty database on the server; it goes with the server."""
    return server.postgres.fresh_database(private_template)

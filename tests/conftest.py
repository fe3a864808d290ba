"""Markers by folder and the real broker: started once, and only when a test asks for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.node import SessionBroker, session_broker

TESTS = Path(__file__).parent
# The first test that needs the broker waits for its boot: up to a minute on a busy machine.
BOUND_WITH_SERVERS_S = 180


# The quick ones first. The browser last: Playwright keeps an event loop in the main thread for as long
# as its session lives, in which no async test can run.
ORDER = ("unit", "architecture", "contract", "integration", "e2e")


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

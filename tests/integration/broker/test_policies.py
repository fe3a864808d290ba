"""What a policy says holds: a broker leaves one out, without a word, that has a key its queues do not know."""

from urllib.parse import quote

import pytest

from shared.messages.topology import CLAIM_TTL_S, CLAIMS, LOG_STORE, Queue
from tests.integration.ui.stage import eventually
from tests.support.node import SessionBroker, name_in

BOUNDS = [
    (LOG_STORE, {"max-length-bytes": 1_000_000_000, "overflow": "reject-publish"}),
    (CLAIMS, {"message-ttl": CLAIM_TTL_S * 1000}),
]


@pytest.mark.parametrize(("queue", "bound"), BOUNDS, ids=lambda value: getattr(value, "name", ""))
async def test_a_queue_has_the_bound_of_its_policy(
    broker_node: SessionBroker, amqp_url: str, queue: Queue, bound: dict[str, object]
) -> None:
    path = f"queues/{quote(name_in(amqp_url))}/{quote(queue.name)}"

    async def effective() -> object:
        # Counted every few seconds; until then a queue is shown without its policy.
        return broker_node.thread.run(broker_node.management.call("GET", path)).get(
            "effective_policy_definition"
        )

    assert await eventually(effective, 30) == bound

"""What a policy says holds: a broker drops one, without a word, that has a key its queues do not know."""

from urllib.parse import quote

from shared.messages.topology import CLAIMS, LOG_STORE
from tests.support.node import SessionBroker, name_in


async def test_the_bounds_of_the_queues_hold(broker_node: SessionBroker, amqp_url: str) -> None:
    # Without statistics, which count a new queue only after some seconds.
    path = f"queues/{quote(name_in(amqp_url))}?disable_stats=true"
    queues = broker_node.thread.run(broker_node.management.call("GET", path))

    policies = {queue["name"]: queue.get("policy") for queue in queues}
    assert policies[LOG_STORE.name] == "portal.logs"
    assert policies[CLAIMS.name] == "portal.claims"

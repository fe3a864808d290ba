"""The RabbitMQ adapter: the only place that imports aio-pika.

A service opens one `Broker` (two connections: one that publishes, one that consumes, so that a
broker that blocks publishers does not stop the acks), and takes from it publishers, consumers and
requests.
"""

from shared.broker.connection import Broker, connect
from shared.broker.consumer import Consumer, Delivery
from shared.broker.parked import taken_parked
from shared.broker.publisher import Outgoing, Publisher
from shared.broker.requests import Requests, reply
from shared.broker.topology import until_declared

__all__ = [
    "Broker",
    "Consumer",
    "Delivery",
    "Outgoing",
    "Publisher",
    "Requests",
    "connect",
    "reply",
    "taken_parked",
    "until_declared",
]

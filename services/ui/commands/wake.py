"""Wake-ups for the scheduler: sent when the broker takes them, never waited for.

The row is the truth and the scheduler's sweep finds it anyway; a wake-up only makes it quick.
"""

import asyncio
from collections.abc import Hashable

import structlog

from shared.broker.publisher import Outgoing, Publisher
from shared.domain.errors import BrokerUnavailable, Unroutable
from shared.domain.ids import JobId, RequestId
from shared.messages.envelope import Message
from shared.messages.events import JobChanged, RequestsChanged
from shared.messages.topology import Exchange
from shared.runtime.clock import Clock

log = structlog.get_logger()

SOURCE = "ui"
_MAX_PENDING = 10_000
_RETRY_S = 1.0


class Wakeups:
    """What is still to be said; the newest word on a thing replaces the older ones."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pending: dict[Hashable, tuple[str, Message]] = {}
        self._there = asyncio.Event()

    def job_changed(self, job_id: JobId, version: int) -> None:
        """Say soon that a definition changed."""
        message = JobChanged(source=SOURCE, time=self._clock.now(), job_id=job_id, version=version)
        self._add(job_id, "job.changed", message)

    def requested(self, request_id: RequestId) -> None:
        """Say soon that somebody asked for something."""
        message = RequestsChanged(source=SOURCE, time=self._clock.now(), request_id=request_id)
        self._add("requests", "requests.changed", message)

    async def run(self, publisher: Publisher) -> None:
        """Publish what is pending, for ever; what the broker does not take is tried again each second."""
        while True:
            await self._there.wait()
            self._there.clear()
            for key, (routing_key, message) in list(self._pending.items()):
                try:
                    await publisher.publish(
                        Outgoing(exchange=Exchange.EVENTS, key=routing_key, message=message)
                    )
                except (BrokerUnavailable, Unroutable) as error:
                    log.warning("wake-up waits for the broker", key=routing_key, error=str(error))
                    self._there.set()
                    await self._clock.sleep(_RETRY_S)
                    break
                if self._pending.get(key) == (routing_key, message):
                    del self._pending[key]

    def _add(self, key: Hashable, routing_key: str, message: Message) -> None:
        if len(self._pending) >= _MAX_PENDING:
            self._pending.pop(next(iter(self._pending)))
        self._pending[key] = (routing_key, message)
        self._there.set()

"""Wake-ups for the scheduler: sent when the broker takes them, never waited for.

The row is the truth and the scheduler's sweep finds it anyway; a wake-up only makes it quick.
"""

import asyncio
from collections.abc import Hashable

import structlog

from shared.broker.publisher import Outgoing, Publisher
from shared.domain.errors import BrokerUnavailable, Unroutable
from shared.domain.ids import ExecutorName, JobId, RequestId
from shared.messages.commands import ExecutorDrain
from shared.messages.envelope import Message
from shared.messages.events import JobChanged, RequestsChanged
from shared.messages.topology import Exchange, control_key
from shared.runtime.clock import Clock

log = structlog.get_logger()

SOURCE = "ui"
_MAX_PENDING = 10_000
_RETRY_S = 1.0


class Wakeups:
    """What is still to be said; the newest word on a thing replaces the older ones."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pending: dict[Hashable, Outgoing] = {}
        self._there = asyncio.Event()

    def job_changed(self, job_id: JobId, version: int) -> None:
        """Say soon that a definition changed."""
        message = JobChanged(source=SOURCE, time=self._clock.now(), job_id=job_id, version=version)
        self._add(job_id, "job.changed", message)

    def requested(self, request_id: RequestId) -> None:
        """Say soon that somebody asked for something."""
        message = RequestsChanged(source=SOURCE, time=self._clock.now(), request_id=request_id)
        self._add("requests", "requests.changed", message)

    def wanted_otherwise(self, executor: ExecutorName) -> None:
        """Let an executor renew soon: its answer says whether it is to take runs."""
        message = ExecutorDrain(source=SOURCE, time=self._clock.now(), executor=executor)
        # One that is away has no queue; it is told with its first renewal.
        key = control_key(executor)
        self._put(executor, Outgoing(exchange=Exchange.CONTROL, key=key, message=message, mandatory=False))

    async def run(self, publisher: Publisher) -> None:
        """Publish what is pending, for ever; what the broker does not take is tried again each second."""
        while True:
            await self._there.wait()
            self._there.clear()
            for key, word in list(self._pending.items()):
                try:
                    await publisher.publish(word)
                except (BrokerUnavailable, Unroutable) as error:
                    log.warning("wake-up waits for the broker", key=word.key, error=str(error))
                    self._there.set()
                    await self._clock.sleep(_RETRY_S)
                    break
                if self._pending.get(key) is word:
                    del self._pending[key]

    def _add(self, key: Hashable, routing_key: str, message: Message) -> None:
        self._put(key, Outgoing(exchange=Exchange.EVENTS, key=routing_key, message=message))

    def _put(self, key: Hashable, word: Outgoing) -> None:
        if len(self._pending) >= _MAX_PENDING:
            self._pending.pop(next(iter(self._pending)))
        self._pending[key] = word
        self._there.set()

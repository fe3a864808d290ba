"""Hears what is said to this executor: wake-ups and acknowledgements, never the only copy of anything."""

from collections.abc import Callable

import structlog

from services.executor.holdings import Holdings
from services.executor.log_sender import LogSender
from shared.broker import Consumer
from shared.domain.ids import ExecutorName
from shared.messages.codec import AnyMessage, type_of
from shared.messages.commands import ExecutorDrain, LogStored, RunCancel

log = structlog.get_logger()


class Control:
    """The listener on this boot's own queue."""

    def __init__(
        self,
        consumer: Consumer,
        *,
        name: ExecutorName,
        holdings: Holdings,
        logs: LogSender,
        renew: Callable[[], None],
    ) -> None:
        self._consumer = consumer
        self._name = name
        self._holdings = holdings
        self._logs = logs
        self._renew = renew

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            delivery = await self._consumer.next()
            self._hear(delivery.message)
            await delivery.ack()

    def _hear(self, message: AnyMessage) -> None:
        match message:
            case LogStored():
                self._logs.take(message)
            case RunCancel():
                self._holdings.stop(message.attempt)
            case ExecutorDrain() if message.executor == self._name:
                self._renew()
            case _:
                log.debug("not for this executor", type=type_of(message))

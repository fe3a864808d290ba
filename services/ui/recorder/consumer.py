"""From the queue into the store: batches in, one acknowledgement out, then the executors may forget."""

from collections.abc import Callable, Mapping, Sequence

import structlog
from sqlalchemy.exc import SQLAlchemyError

from services.ui.recorder.writer import Writer
from shared.broker import Consumer, Outgoing, Publisher
from shared.broker.consumer import Delivery
from shared.domain.ids import AttemptId
from shared.messages.codec import type_of
from shared.messages.commands import LogStored
from shared.messages.events import FilePart, RunOutput
from shared.messages.topology import Exchange, control_key
from shared.runtime.clock import Clock

log = structlog.get_logger()

SOURCE = "ui"
BATCH = 250
"""Also the prefetch: at most so many chunks of up to 128 KB are in memory at once."""
WITHIN_S = 0.02
_MAX_SEQ = 2**31 - 1
_MAX_NAME, _MAX_HASH, _MAX_SIZE = 255, 64, 2**63 - 1
_RETRY_FIRST_S = 0.05
_RETRY_MOST_S = 5.0


class Recorder:
    """The endless loop between `portal.logs.store` and `log_chunks`."""

    def __init__(
        self, writer: Writer, clock: Clock, on_stored: Callable[[Mapping[AttemptId, int]], None]
    ) -> None:
        self._writer = writer
        self._clock = clock
        self._on_stored = on_stored

    async def run(self, consumer: Consumer, publisher: Publisher) -> None:
        """Store batch after batch; what is not committed is not acknowledged and comes again."""
        while True:
            batch = await consumer.batch(limit=BATCH, within_s=WITHIN_S)
            outputs = await _outputs(batch)
            if not outputs:
                continue
            complete = await self._stored([output for _, output in outputs])
            await outputs[-1][0].ack(up_to_here=True)
            self._on_stored(complete)
            await self._tell([output for _, output in outputs], complete, publisher)

    async def _stored(self, outputs: Sequence[RunOutput]) -> Mapping[AttemptId, int]:
        wait_s = _RETRY_FIRST_S
        while True:
            try:
                return await self._writer.write(outputs)
            except (SQLAlchemyError, OSError) as error:
                log.warning("logs wait for the database", chunks=len(outputs), error=repr(error))
                await self._clock.sleep(wait_s)
                wait_s = min(wait_s * 2, _RETRY_MOST_S)

    async def _tell(
        self, outputs: Sequence[RunOutput], complete: Mapping[AttemptId, int], publisher: Publisher
    ) -> None:
        """Let the executors forget. Not mandatory and not repeated: an unsure one sends its chunks again."""
        holders = {output.attempt_id: output.executor for output in outputs}
        errors = await publisher.publish_all(
            [
                Outgoing(
                    exchange=Exchange.CONTROL,
                    key=control_key(holders[attempt]),
                    message=LogStored(source=SOURCE, time=self._clock.now(), attempt_id=attempt, seq=seq),
                    mandatory=False,
                    persistent=False,
                )
                for attempt, seq in complete.items()
            ]
        )
        if any(errors):
            log.warning("executors were not told what is stored", error=str(next(filter(None, errors))))


async def _outputs(batch: Sequence[Delivery]) -> list[tuple[Delivery, RunOutput]]:
    """Return the output in the batch; anything else does not belong into this queue and is parked."""
    outputs: list[tuple[Delivery, RunOutput]] = []
    for delivery in batch:
        message = delivery.message
        if isinstance(message, RunOutput) and _can_be_stored(message):
            outputs.append((delivery, message))
        else:
            await delivery.park(f"{type_of(message)} is no output that can be stored")
    return outputs


def _can_be_stored(output: RunOutput) -> bool:
    """Say whether a database takes it: one that does not would come again for ever, with its whole batch."""
    return 1 <= output.seq <= _MAX_SEQ and (output.file is None or _fits(output.file))


def _fits(file: FilePart) -> bool:
    sizes = (file.start, file.size or 0)
    is_named = "\0" not in file.name and len(file.name) <= _MAX_NAME
    return is_named and len(file.sha256 or "") <= _MAX_HASH and all(0 <= one <= _MAX_SIZE for one in sizes)

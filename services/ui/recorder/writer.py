"""Writes a batch of output in one transaction, however often it is delivered."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from shared.db import artifacts, logs
from shared.db.engine import Sessions
from shared.db.logs import NOTE, StoredChunk
from shared.domain.ids import AttemptId
from shared.messages.events import FilePart, RunOutput

_REMEMBERED = 4_096


class Writer:
    """Stores chunks and knows, per attempt, up to where nothing is missing."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._complete: OrderedDict[AttemptId, int] = OrderedDict()

    async def write(self, outputs: Sequence[RunOutput]) -> Mapping[AttemptId, int]:
        """Store the batch; return per attempt the highest chunk up to which all are stored.

        Chunks that are stored already change nothing. 0: the first one is still missing.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: nothing of the batch is stored; try it again.
        """
        # Compressing 8 MB takes a tenth of a second: the loop must serve pages meanwhile.
        rows = await asyncio.to_thread(lambda: [logs.packed(_stored(output)) for output in outputs])
        files = [_piece(output, output.file) for output in outputs if output.file is not None]
        attempts = {output.attempt_id for output in outputs}
        async with self._sessions.begin() as session:
            await logs.store(session, rows)
            await artifacts.store(session, files)
            complete = {
                attempt: await logs.contiguous_up_to(session, attempt, self._complete.get(attempt, 0))
                for attempt in attempts
            }
        self._remember(complete)
        return complete

    def _remember(self, complete: Mapping[AttemptId, int]) -> None:
        for attempt, seq in complete.items():
            self._complete[attempt] = seq
            self._complete.move_to_end(attempt)
        while len(self._complete) > _REMEMBERED:
            self._complete.popitem(last=False)


def _stored(output: RunOutput) -> StoredChunk:
    return StoredChunk(
        attempt_id=output.attempt_id,
        run_id=output.run_id,
        seq=output.seq,
        stream=NOTE if output.note else output.stream.value,
        at=output.at,
        text=output.text,
    )


def _piece(output: RunOutput, file: FilePart) -> dict[str, Any]:
    return {
        "attempt_id": output.attempt_id,
        "seq": output.seq,
        "run_id": output.run_id,
        "name": file.name,
        "start": file.start,
        "length": len(file.data),
        "size": file.size,
        "sha256": file.sha256,
        "body": file.data,
    }

"""What this executor must not forget when it dies: one small file per attempt.

Each is replaced atomically and, where the guarantee hangs on it, on disk before the next step: before
a script is spawned, and before its end is told. A reader after a crash finds the last whole state.
"""

import asyncio
from enum import StrEnum
from pathlib import Path

import msgspec
import structlog

from services.executor.files import replace_whole
from shared.domain.ids import AttemptId
from shared.messages.answers import Grant
from shared.messages.envelope import Instant
from shared.messages.events import RunFinished

log = structlog.get_logger()


class Phase(StrEnum):
    """How far an attempt got, as far as it is sure."""

    GRANTED = "granted"
    SPAWNING = "spawning"
    """The script may have been started."""
    FINISHED = "finished"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """The last word on one attempt; `report` is there when it is finished."""

    phase: Phase
    grant: Grant
    at: Instant
    report: RunFinished | None = None


class Journal:
    """The folder of entries; whoever opens it holds the lock of its place."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def write(self, entry: Entry) -> None:
        """Store the entry in place of the attempt's earlier one.

        Raises:
            OSError: it is not stored; the earlier one still is.
        """
        await asyncio.to_thread(self.write_now, entry)

    async def remove(self, attempt_id: AttemptId) -> None:
        """Forget the attempt; one that is not there is forgotten already."""
        await asyncio.to_thread(self._path(attempt_id).unlink, missing_ok=True)

    def read(self) -> list[Entry]:
        """Return every whole entry; a file that is none is set aside, with a log line."""
        for draft in self._folder.glob("*.new"):
            draft.unlink()  # its boot was killed while it wrote: the earlier entry is the truth
        entries = []
        for path in sorted(self._folder.glob("*.json")):
            try:
                entries.append(msgspec.json.decode(path.read_bytes(), type=Entry))
            except msgspec.DecodeError as error:
                log.error("journal entry not readable", file=path.name, error=str(error))  # noqa: TRY400 - a fact
                path.rename(path.with_suffix(".unreadable"))
        return entries

    def write_now(self, entry: Entry) -> None:
        """Do what `write` does, and block for the disk."""
        # What was only granted needs no disk: lost with the machine, nothing was started.
        durable = entry.phase is not Phase.GRANTED
        replace_whole(self._path(entry.grant.attempt_id), msgspec.json.encode(entry), durable=durable)

    def _path(self, attempt_id: AttemptId) -> Path:
        return self._folder / f"{attempt_id}.json"

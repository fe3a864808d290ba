"""Keeps every output chunk on this executor's disk until the store says that it has it.

One file per attempt: records of a length (4 bytes, big endian) and a `run.output` message. In memory
there are only offsets, so a day without a store costs disk, not memory. Appends go to the page cache
from the event loop: at most a few per run and second, and never an fsync.
"""

import asyncio
import contextlib
import os
from array import array
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import structlog

from shared.domain.errors import MalformedMessage, UnknownMessage
from shared.domain.ids import AttemptId
from shared.messages.codec import MAX_BODY, decode, encode
from shared.messages.events import RunOutput

log = structlog.get_logger()

MAX_TOTAL_BYTES = 1_000_000_000
MAX_AGE_S = 24 * 3600
_HEAD = 4


class Spool:
    """The chunks of one attempt, counted without a gap, from 1 or on from `first` - 1 that others kept."""

    def __init__(self, path: Path, *, first: int = 1) -> None:
        self._path = path
        self._file: int | None = None
        self._offsets = array("Q")
        self.bytes = 0
        self._first = first
        self.confirmed = first - 1
        """The broker has every chunk up to this one."""
        self.stored = first - 1
        """The store has every chunk up to this one."""
        self.is_complete = False
        """Whether the attempt has ended: no chunk will be added."""
        self.delivered = asyncio.Event()
        """Set while the broker has all there is."""
        self.delivered.set()

    @property
    def last(self) -> int:
        """Return the newest chunk's seq."""
        return self._first - 1 + len(self._offsets)

    @property
    def age_of_file_at(self) -> float:
        """Return when it was last written, in seconds since 1970."""
        return self._path.stat().st_mtime

    def append(self, chunk: RunOutput) -> None:
        """Keep one more chunk; its seq must be the next.

        Raises:
            OSError: it is not kept: the disk is full or broken.
        """
        assert chunk.seq == self.last + 1
        body = encode(chunk)
        record = len(body).to_bytes(_HEAD, "big") + body
        written = os.pwrite(self._open(), record, self.bytes)
        if written < len(record):
            raise OSError(28, os.strerror(28), str(self._path))
        self._offsets.append(self.bytes)
        self.bytes += len(record)
        self.delivered.clear()

    def read(self, seq: int) -> RunOutput:
        """Read one chunk back."""
        chunk = self._record(self._offsets[seq - self._first])
        assert chunk is not None
        return chunk

    def confirm(self, seq: int) -> None:
        """Note that the broker has every chunk up to `seq`."""
        self.confirmed = max(self.confirmed, seq)
        if self.confirmed >= self.last:
            self.delivered.set()

    def send_again(self) -> None:
        """Forget what the broker confirmed and the store did not take."""
        self.confirmed = self.stored
        if self.confirmed < self.last:
            self.delivered.clear()

    def load(self) -> None:
        """Find the records of an earlier boot; one that was cut off in the middle is dropped."""
        offset = 0
        if (chunk := self._record(offset)) is not None:
            self._first = chunk.seq
            self.confirmed = self.stored = chunk.seq - 1
        while (chunk := self._record(offset)) is not None and chunk.seq == self.last + 1:
            self._offsets.append(offset)
            offset += _HEAD + int.from_bytes(os.pread(self._open(), _HEAD, offset), "big")
        self.bytes = offset
        if self._offsets:
            self.delivered.clear()

    def close(self, *, delete: bool) -> None:
        """Close the file, and delete it if all of it is stored or given up."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if delete:
            self._path.unlink(missing_ok=True)

    def _open(self) -> int:
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return self._file

    def _record(self, offset: int) -> RunOutput | None:
        length = int.from_bytes(os.pread(self._open(), _HEAD, offset), "big")
        if not 0 < length <= MAX_BODY:
            return None
        try:
            message = decode(os.pread(self._open(), length, offset + _HEAD))
        except (MalformedMessage, UnknownMessage):
            return None
        return message if isinstance(message, RunOutput) else None


class Spools:
    """The spools of all attempts whose output is not wholly stored."""

    def __init__(self, folder: Path, *, max_bytes: int = MAX_TOTAL_BYTES) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._spools: dict[AttemptId, Spool] = {}
        self.changed = asyncio.Event()
        """Set when there may be something to send, or nothing is left."""

    @property
    def is_full(self) -> bool:
        """Say whether all spools together have reached their bound."""
        return sum(spool.bytes for spool in self._spools.values()) >= self._max_bytes

    @property
    def is_empty(self) -> bool:
        """Say whether every chunk is stored."""
        return not self._spools

    @property
    def are_delivered(self) -> bool:
        """Say whether the broker has every chunk."""
        return all(spool.delivered.is_set() for spool in self._spools.values())

    def load(self) -> None:
        """Take over what earlier boots left behind; their attempts have ended."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in sorted(self._folder.glob("*.chunks")):
            with contextlib.suppress(ValueError):
                spool = self._spools[AttemptId(UUID(path.stem))] = Spool(path)
                spool.load()
                spool.is_complete = True
                self._forget_if_done(AttemptId(UUID(path.stem)))
        self.changed.set()

    def of(self, attempt_id: AttemptId) -> Spool:
        """Return the attempt's spool; a new one has no file until something is printed."""
        if attempt_id not in self._spools:
            self._spools[attempt_id] = Spool(self._folder / f"{attempt_id}.chunks")
        return self._spools[attempt_id]

    def begin(self, attempt_id: AttemptId, *, after: int) -> int:
        """Let an attempt print whose log has so many chunks already; return after which one it goes on."""
        spool = self._spools.get(attempt_id)
        if spool is None:
            self._spools[attempt_id] = Spool(self._folder / f"{attempt_id}.chunks", first=after + 1)
            return after
        spool.is_complete = False
        return spool.last

    def last_seq(self, attempt_id: AttemptId) -> int:
        """Return how many chunks the attempt has here; 0 when none are left."""
        return self._spools[attempt_id].last if attempt_id in self._spools else 0

    def append(self, chunk: RunOutput) -> None:
        """Keep a chunk and let it be sent. Raises OSError when it is not kept."""
        self.of(chunk.attempt_id).append(chunk)
        self.changed.set()

    def complete(self, attempt_id: AttemptId) -> None:
        """Note that the attempt prints no more."""
        self.of(attempt_id).is_complete = True
        self._forget_if_done(attempt_id)

    def store(self, attempt_id: AttemptId, seq: int) -> bool:
        """Note what the store has; say whether it is news."""
        spool = self._spools.get(attempt_id)
        if spool is None or seq <= spool.stored:
            return False
        spool.stored = min(seq, spool.last)
        spool.confirm(spool.stored)
        self._forget_if_done(attempt_id)
        return True

    def give_up(self, attempt_id: AttemptId) -> None:
        """Drop what is left of an attempt's output."""
        self._spools.pop(attempt_id).close(delete=True)
        self.changed.set()

    def close(self) -> None:
        """Close every file; what is in them stays for whoever loads it next."""
        for spool in self._spools.values():
            spool.close(delete=False)

    def unsent(self, *, limit: int) -> list[tuple[Spool, RunOutput]]:
        """Return the next chunks that the broker has not confirmed, in order within each attempt."""
        found: list[tuple[Spool, RunOutput]] = []
        for spool in self._spools.values():
            upto = min(spool.last, spool.confirmed + limit - len(found))
            found += [(spool, spool.read(seq)) for seq in range(spool.confirmed + 1, upto + 1)]
            if len(found) >= limit:
                break
        return found

    def unstored(self) -> Iterator[tuple[AttemptId, Spool]]:
        """Return the spools of which the broker has more than the store."""
        return ((key, spool) for key, spool in self._spools.items() if spool.stored < spool.confirmed)

    def expired(self, *, now_s: float) -> list[AttemptId]:
        """Return the attempts whose output nobody took for a day."""
        return [
            key
            for key, spool in self._spools.items()
            if spool.is_complete and spool.last and now_s - spool.age_of_file_at > MAX_AGE_S
        ]

    def _forget_if_done(self, attempt_id: AttemptId) -> None:
        spool = self._spools[attempt_id]
        if spool.is_complete and spool.stored >= spool.last:
            del self._spools[attempt_id]
            spool.close(delete=True)
            self.changed.set()

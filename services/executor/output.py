"""The output of one attempt: from what its pipes held to numbered chunks in its spool."""

import asyncio
from collections.abc import Callable, Iterable

from services.executor.chunks import CHUNK_BYTES, Chunk, Chunker
from services.executor.identity import SOURCE
from services.executor.masking import Read
from services.executor.spool import Spools
from services.executor.tail import ONE_TIME
from shared.domain.ids import ExecutorName
from shared.messages.answers import Grant
from shared.messages.events import FilePart, RunOutput, Stream
from shared.runtime.clock import Clock

FLUSH_S = ONE_TIME.total_seconds()


class Output:
    """Takes what is read and keeps it; `on_disk_full` is called once when that fails.

    Of `secrets` nothing is kept, see `masking.py`.
    """

    def __init__(
        self,
        grant: Grant,
        *,
        executor: ExecutorName,
        spools: Spools,
        clock: Clock,
        on_disk_full: Callable[[OSError], None],
        secrets: tuple[str, ...] = (),
    ) -> None:
        self._grant = grant
        self._executor = executor
        self._spools = spools
        self._clock = clock
        self._on_disk_full = on_disk_full
        self._chunker = Chunker(max_bytes=grant.max_output_bytes, secrets=secrets)
        self._timer: asyncio.TimerHandle | None = None
        self._is_broken = False
        self._lost_bytes = dict.fromkeys(Stream, 0)
        self.last_seq = spools.begin(grant.attempt_id, after=grant.log_seq)

    def printed_bytes(self, stream: Stream) -> int:
        """Return how many bytes the stream had, dropped ones included."""
        return self._chunker.printed_bytes(stream)

    def dropped_bytes(self, stream: Stream) -> int:
        """Return how many of them are not kept; not the last word before `finish`."""
        return self._chunker.dropped_bytes(stream) + self._lost_bytes[stream]

    def take(self, stream: Stream, read: Read) -> bool:
        """Take what was just read from a pipe; say whether it is beyond what is kept for sure."""
        if self._spools.is_full:
            self._chunker.keep_no_more()
        self._keep(self._chunker.take(stream, read, at=self._clock.now()))
        if self._timer is None and self._chunker.holds:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_S, self._flush)
        return self._chunker.is_past_head

    def note(self, text: str) -> None:
        """Keep words of ours, which count as nothing that the script printed."""
        for start in range(0, len(text), CHUNK_BYTES):
            part = text[start : start + CHUNK_BYTES].replace("\0", "\ufffd")
            self._keep([Chunk(stream=Stream.STDERR, at=self._clock.now(), text=part, is_note=True)])

    def keep_file(self, part: FilePart) -> bool:
        """Keep a piece of a file that the script left; say whether there was room for it."""
        if self._is_broken or self._spools.is_full:
            return False
        at = self._clock.now()
        return self._is_kept(Chunk(stream=Stream.STDERR, at=at, text="", is_note=True), part)

    def finish(self) -> None:
        """Keep the rest: the script and all it started are gone."""
        if self._timer is not None:
            self._timer.cancel()
        self._keep(self._chunker.finish(at=self._clock.now()))
        self._spools.complete(self._grant.attempt_id)

    def _flush(self) -> None:
        self._timer = None
        self._keep(self._chunker.flush())

    def _keep(self, chunks: Iterable[Chunk]) -> None:
        for chunk in chunks:
            if self._is_broken or not self._is_kept(chunk):
                self._lost_bytes[chunk.stream] += chunk.printed

    def _is_kept(self, chunk: Chunk, file: FilePart | None = None) -> bool:
        try:
            self._spools.append(self._message(chunk, file))
        except OSError as error:
            self._is_broken = True
            self._chunker.keep_no_more()
            self._on_disk_full(error)
            return False
        self.last_seq += 1
        return True

    def _message(self, chunk: Chunk, file: FilePart | None) -> RunOutput:
        return RunOutput(
            source=SOURCE,
            time=self._clock.now(),
            job_id=self._grant.job_id,
            run_id=self._grant.run_id,
            attempt_id=self._grant.attempt_id,
            token=self._grant.token,
            executor=self._executor,
            seq=self.last_seq + 1,
            stream=chunk.stream,
            at=chunk.at,
            text=chunk.text,
            note=chunk.is_note,
            file=file,
        )

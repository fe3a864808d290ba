"""What attempts printed, as it is stored."""

from collections.abc import AsyncIterator

from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.models import AttemptItem, LogChunk, LogPage, LogState
from shared.db import logs
from shared.db.engine import Sessions
from shared.db.logs import StoredChunk
from shared.domain.errors import NotFound
from shared.domain.ids import AttemptId

_DOWNLOAD_CHUNKS = 50
_LONGEST_LINE = 200


def chosen(attempts: tuple[AttemptItem, ...], number: int | None) -> AttemptItem | None:
    """Return the attempt with this number, for None the newest; None when there is no attempt yet.

    Raises:
        NotFound: the run has no attempt with this number.
    """
    if number is None:
        return attempts[-1] if attempts else None
    for attempt in attempts:
        if attempt.number == number:
            return attempt
    raise NotFound("This run has no such attempt.")


async def state_of_log(session: AsyncSession, attempt: AttemptItem | None) -> LogState:
    """Return how much of an attempt's log is stored."""
    if attempt is None:
        return LogState()
    stored = await logs.stored_log(session, AttemptId(attempt.id))
    return LogState(
        attempt_id=attempt.id,
        stored_seq=stored.highest,
        last_seq=attempt.last_seq,
        complete=attempt.output_removed_at is not None
        or (attempt.last_seq is not None and stored.chunks >= attempt.last_seq),
        lines=stored.lines,
    )


async def page_of_log(
    session: AsyncSession, attempt: AttemptItem | None, *, after_seq: int, limit: int
) -> LogPage:
    """Return at most `limit` stored chunks after `after_seq`."""
    state = await state_of_log(session, attempt)
    if attempt is None:
        return LogPage(items=(), next=None, log=state)
    found = await logs.chunks_after(session, AttemptId(attempt.id), after_seq, limit=limit)
    more = bool(found) and found[-1].seq < state.stored_seq
    return LogPage(
        items=tuple(as_item(chunk) for chunk in found), next=found[-1].seq if more else None, log=state
    )


async def chunks_of(
    session: AsyncSession, attempt_id: AttemptId, *, after: int, limit: int
) -> list[LogChunk]:
    """Return at most `limit` stored chunks after `after`."""
    return [as_item(chunk) for chunk in await logs.chunks_after(session, attempt_id, after, limit=limit)]


async def text_of_log(
    sessions: Sessions, attempt: AttemptItem | None, stream: str | None
) -> AsyncIterator[str]:
    """Yield the stored text piece by piece; no transaction is open while a piece is on its way."""
    after = 0
    while attempt is not None:
        async with sessions() as session:
            found = await logs.chunks_after(
                session, AttemptId(attempt.id), after, limit=_DOWNLOAD_CHUNKS, stream=stream
            )
        if not found:
            return
        after = found[-1].seq
        yield "".join(chunk.text for chunk in found)


async def last_error_line(session: AsyncSession, attempt_id: AttemptId) -> str | None:
    """Return the last line that is not empty on stderr, cut to 200 characters."""
    chunk = await logs.last_chunk(session, attempt_id, "stderr")
    lines = chunk.text.split("\n") if chunk is not None else []
    return next((line.strip()[:_LONGEST_LINE] for line in reversed(lines) if line.strip()), None)


def as_item(chunk: StoredChunk) -> LogChunk:
    """Return a stored chunk as it is shown."""
    return LogChunk(
        attempt_id=chunk.attempt_id, seq=chunk.seq, stream=chunk.stream, at=chunk.at, text=chunk.text
    )

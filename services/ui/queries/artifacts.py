"""The files that attempts left to be kept."""

from collections.abc import AsyncIterator

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.models import AttemptItem
from services.ui.queries.logs import state_of_log
from shared.db import artifacts
from shared.db.engine import Sessions
from shared.domain.errors import NotFound
from shared.domain.ids import AttemptId


class ArtifactItem(msgspec.Struct, frozen=True, kw_only=True):
    """A file that an attempt left to be kept, all of which is stored."""

    name: str
    """A relative path."""
    size: int
    """In bytes."""
    sha256: str


class ArtifactsPage(msgspec.Struct, frozen=True, kw_only=True):
    """The files of one attempt by name."""

    items: tuple[ArtifactItem, ...]
    complete: bool
    """Whether nothing more will come."""


async def of_attempt(session: AsyncSession, attempt: AttemptItem | None) -> ArtifactsPage:
    """Return the files of an attempt that are whole."""
    state = await state_of_log(session, attempt)
    found = [] if attempt is None else await artifacts.whole_files(session, attempt.id)
    items = tuple(ArtifactItem(name=one.name, size=one.size, sha256=one.sha256) for one in found)
    return ArtifactsPage(items=items, complete=state.complete)


async def bytes_of(
    sessions: Sessions, attempt: AttemptItem | None, name: str
) -> tuple[ArtifactItem, AsyncIterator[bytes]]:
    """Return a file and what yields its bytes; no transaction is open while a piece is on its way.

    Raises:
        NotFound: the attempt left no such file, or not all of it is stored.
    """
    async with sessions() as session:
        page = await of_attempt(session, attempt)
    for item in page.items:
        if item.name == name and attempt is not None:
            return item, _pieces(sessions, AttemptId(attempt.id), name)
    raise NotFound("This run has kept no such file.")


async def _pieces(sessions: Sessions, attempt_id: AttemptId, name: str) -> AsyncIterator[bytes]:
    after = 0
    while True:
        async with sessions() as session:
            found = await artifacts.piece_after(session, attempt_id, name, after)
        if found is None:
            return
        after, piece = found
        yield piece

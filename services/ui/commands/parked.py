"""What people want done with parked messages: rows that a scheduler fulfils."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.parked import ask_of_parked, is_wanted, is_whole, parked_state
from shared.domain.errors import InvalidInput, NotFound, TooLate
from shared.domain.ids import ParkedId, RequestId, new_id
from shared.domain.parked import ParkedState, ParkedWish


async def ask(
    session: AsyncSession, parked_id: ParkedId, wish: ParkedWish, *, by: str, now: datetime
) -> RequestId | None:
    """Store the wish; None: somebody wants it already.

    Raises:
        NotFound: no such message.
        TooLate: it was put back or discarded.
        InvalidInput: it is to be put back, and only a part of it is left.
    """
    state = await parked_state(session, parked_id)
    if state is None:
        raise NotFound("There is no such parked message.")
    if state in (ParkedState.PUT_BACK, ParkedState.DISCARDED):
        raise TooLate("It is not parked any more: somebody has put it back or discarded it.")
    if wish is ParkedWish.PUT_BACK and not await is_whole(session, parked_id):
        raise InvalidInput("id", "Only the beginning of this message was kept. Discard it.")
    if await is_wanted(session, parked_id, wish):
        return None
    request_id = RequestId(new_id())
    await ask_of_parked(session, parked_id, wish, request_id=request_id, by=by, at=now)
    return request_id

"""Cursors of lists that are paged by key: where the last page ended, as opaque text."""

import base64
from datetime import datetime
from uuid import UUID

import msgspec

from shared.domain.errors import InvalidInput


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """The sort key and the id of the last row shown; `order` tells one list's cursors from another's."""

    order: str
    id: UUID
    text: str = ""
    instant: datetime | None = None
    number: int = 0


def written(cursor: Cursor) -> str:
    """Return the cursor as text for a URL."""
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).rstrip(b"=").decode("ascii")


def read(text: str | None, order: str) -> Cursor | None:
    """Return the cursor in `text`; None for none.

    Raises:
        InvalidInput: it is no cursor, or one of another order.
    """
    if text is None:
        return None
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        cursor = msgspec.json.decode(base64.urlsafe_b64decode(padded), type=Cursor)
    except (ValueError, msgspec.DecodeError) as error:
        raise _unknown() from error
    if cursor.order != order or (cursor.instant is not None and cursor.instant.tzinfo is None):
        raise _unknown()
    return cursor


def _unknown() -> InvalidInput:
    return InvalidInput("after", "This place in the list is unknown. Start again from its first page.")

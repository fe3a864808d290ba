"""What every message carries, whatever it says."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from shared.domain.ids import AttemptId, new_id

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""An aware instant; a naive one is refused by the codec."""


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of all messages: JSON `{v, id, type, source, time, ...}`.

    A released message only ever gains optional fields; readers ignore those they do not know.
    `id` stays the same when a publish is repeated. `source` names the service that said it,
    and which of several schedulers.
    """

    v: int = 1
    id: UUID = msgspec.field(default_factory=new_id)
    source: str
    time: Instant


class AttemptRef(msgspec.Struct, frozen=True):
    """One attempt as its holder knows it; a word with an older token is too late."""

    attempt_id: AttemptId
    token: int

"""Messages that could not be understood or handled, as they lie aside until a person decides over them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from uuid import UUID, uuid5

from shared.domain.ids import ParkedId

MOST_BODY = 128 * 1024
"""Bytes of a body that are kept; one that has more can be looked at, but not be put back."""

_NAMESPACE = UUID("0198a5b2-7c1e-5d3a-9f04-52d6b1c8e7a0")


class ParkedState(StrEnum):
    """What became of a parked message; a `leaving` one is being put back at the moment."""

    PARKED = "parked"
    LEAVING = "leaving"
    PUT_BACK = "put_back"
    DISCARDED = "discarded"


class ParkedWish(StrEnum):
    """What a person may want done with it."""

    PUT_BACK = "put_back"
    DISCARD = "discard"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedMessage:
    """One message as it was parked, with where it came from: that is where it is put back."""

    queue: str
    exchange: str
    routing_key: str
    reason: str
    body: bytes
    body_bytes: int
    """Of the whole body: more than there is of it where it was cut."""
    message_id: str = ""
    type: str = ""
    source: str = ""
    correlation_id: str = ""
    said_at: datetime | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    put_back_count: int = 0
    """How often people have put it back before."""

    @property
    def id(self) -> ParkedId:
        """Return the id that the same message has each time it is parked out of the same queue."""
        facts = f"{self.queue}\n{self.message_id}\n{self.body_bytes}\n{sha256(self.body).hexdigest()}"
        return ParkedId(uuid5(_NAMESPACE, facts))

    @property
    def is_whole(self) -> bool:
        """Say whether all of its body was kept."""
        return len(self.body) == self.body_bytes

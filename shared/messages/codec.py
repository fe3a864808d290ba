"""Bytes to messages and back: JSON that a person can read in RabbitMQ's management console."""

from functools import cache
from typing import TypeAlias, get_args

import msgspec

from shared.domain.errors import MalformedMessage, UnknownMessage
from shared.messages.answers import Answer
from shared.messages.commands import Command
from shared.messages.envelope import Message
from shared.messages.events import Event

AnyMessage: TypeAlias = Command | Answer | Event
CONTENT_TYPE = "application/json"
MAX_BODY = 128 * 1024
"""Bytes. A larger body is a fault of the sender: chunks and batches are cut well below it."""

_ENCODER = msgspec.json.Encoder()


class _Tag(msgspec.Struct):
    type: str


def encode(message: Message) -> bytes:
    """Return the message as JSON.

    Raises:
        MalformedMessage: when it is larger than `MAX_BODY`.
    """
    body = _ENCODER.encode(message)
    if len(body) > MAX_BODY:
        raise MalformedMessage(f"{type_of(message)} has {len(body):,} bytes; at most {MAX_BODY:,} are sent")
    return body


def decode(body: bytes) -> AnyMessage:
    """Return the message in these bytes; fields that this version does not know are ignored.

    Raises:
        UnknownMessage: a type that this version does not know.
        MalformedMessage: anything else that is no message.
    """
    if len(body) > MAX_BODY:
        raise MalformedMessage(f"the body has {len(body):,} bytes; at most {MAX_BODY:,} are read")
    try:
        return _decoder().decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        tag = _tag(body)
        if tag is not None and tag not in TYPES:
            raise UnknownMessage(f"unknown message type {tag!r}") from error
        raise MalformedMessage(f"not a valid message: {error}") from error


def type_of(message: Message) -> str:
    """Return the message's type as it stands on the wire, such as `job.due`."""
    return str(message.__struct_config__.tag)


TYPES: dict[str, type[Message]] = {
    str(kind.__struct_config__.tag): kind for union in (Command, Answer, Event) for kind in get_args(union)
}
"""Every message type by its name on the wire."""


@cache
def _decoder() -> msgspec.json.Decoder[AnyMessage]:
    return msgspec.json.Decoder(AnyMessage)


def _tag(body: bytes) -> str | None:
    try:
        return msgspec.json.decode(body, type=_Tag).type
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None

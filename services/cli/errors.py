"""What the command line tells a person in one message, without a traceback."""

from enum import IntEnum

from shared.domain.errors import PortalError


class Exit(IntEnum):
    """What a command's exit code says; what follows a run has more, see `follow.py`."""

    DONE = 0
    FAILED = 1
    WRONG = 2
    """What was typed cannot be used."""
    NOT_THERE = 3
    """There is no such thing, or no portal answers."""
    REFUSED = 4
    """Whoever asks is not known, or may not do this."""
    CHANGES = 10
    """`portal plan`: applying the file would change something."""


class CannotDo(PortalError):  # noqa: N818 - says what the command cannot
    """A command cannot do what it was asked for; the message says why and what to do, `code` for programs."""

    def __init__(self, message: str, code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.code = code


class Unreachable(CannotDo):
    """The portal, or what stands before it, does not answer now; it may in a moment."""


class CannotStart(PortalError):  # noqa: N818 - says what the portal cannot
    """The portal, or something it needs, cannot be started; the message says what to do."""


class NotReady(CannotStart):
    """A process ended, or its time was up, before it was ready; the message holds its last words."""


class AlreadyRunning(CannotStart):
    """Another supervisor holds this home."""


class RefusedByBroker(PortalError):  # noqa: N818 - says what happened
    """RabbitMQ's management API answered with an error; the message holds its status and reason."""

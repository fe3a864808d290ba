"""What the command line tells a person in one message, without a traceback."""

from shared.domain.errors import PortalError


class CannotStart(PortalError):  # noqa: N818 - says what the portal cannot
    """The portal, or something it needs, cannot be started; the message says what to do."""


class NotReady(CannotStart):
    """A process ended, or its time was up, before it was ready; the message holds its last words."""


class AlreadyRunning(CannotStart):
    """Another supervisor holds this home."""


class RefusedByBroker(PortalError):  # noqa: N818 - says what happened
    """RabbitMQ's management API answered with an error; the message holds its status and reason."""

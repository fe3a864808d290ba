"""Every error that the product raises on purpose.

PortalError
├── InvalidInput            a person can mend it: names the field and what to do
│   ├── NameTaken
│   └── ScheduleError       a schedule that cannot be followed: names the wrong part
├── NotFound                the thing does not exist, or no longer
├── Conflict                it changed since it was read
├── TooLate                 what it is about has ended
├── NotSignedIn             nobody is known to ask for it
├── Forbidden               whoever asks for it may not do that
├── TooManyTries            wrong passwords: says after how many seconds to try again
├── MalformedMessage        bytes that are no message of ours, or what cannot be sent as one
├── UnknownMessage          a message of a type that this version does not know
├── Unroutable              the broker has no queue for it
├── BrokerUnavailable       the broker did not take it in time; it may still arrive
├── ForgedGrant             a grant whose signature does not match
├── NoSecretsKey            there is no key to seal a secret with, or its file is none
├── Unopenable              a sealed secret that no known key opens
└── UnusableScript          a name in the scripts directory that is no script to run
"""


class PortalError(Exception):
    """Base of every error raised on purpose; the message says what to do next."""


class InvalidInput(PortalError):  # noqa: N818 - it names the input, not the program, as wrong
    """What a person entered cannot be accepted; `field` names where."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


class NameTaken(InvalidInput):
    """Another job that is not deleted has this name."""


class ScheduleError(InvalidInput):
    """A schedule that cannot be followed; `part` names what is wrong in it, such as `minute`."""

    def __init__(
        self, message: str, *, field: str = "schedule", part: str = "", place: tuple[int, int] | None = None
    ) -> None:
        super().__init__(field, message)
        self.part = part
        self.place = place
        """Where the wrong text stands in a cron expression: its first character, and the one after it."""


class NotFound(PortalError):  # noqa: N818 - the HTTP word
    """The thing asked for does not exist, or no longer."""


class Conflict(PortalError):  # noqa: N818 - the HTTP word
    """The thing changed since it was read: read it again, then decide."""


class TooLate(PortalError):  # noqa: N818 - says what the wish is
    """What is asked of it can only be done to something that has not ended."""


class NotSignedIn(PortalError):  # noqa: N818 - says who asks
    """What was asked for is for people and programs that are known, and this one is not."""


class Forbidden(PortalError):  # noqa: N818 - the HTTP word
    """Whoever asks for it may not do that; says which role may."""


class TooManyTries(PortalError):  # noqa: N818 - says what there was
    """So many passwords were wrong that none is looked at for a while."""

    def __init__(self, retry_after_s: int) -> None:
        minutes = -(-retry_after_s // 60)
        super().__init__(
            f"Too many sign-ins failed. Try again in {minutes} minute{'' if minutes == 1 else 's'}."
        )
        self.retry_after_s = retry_after_s


class MalformedMessage(PortalError):  # noqa: N818 - says what the message is
    """Bytes that are no message of ours, or a parked one that cannot be sent; parked, never dropped."""


class UnknownMessage(PortalError):  # noqa: N818 - says what the message is
    """A well-formed message of a type that this version does not know; it is parked."""


class Unroutable(PortalError):  # noqa: N818 - says what the message is
    """The broker has no queue for this message; it was returned and is nowhere."""


class BrokerUnavailable(PortalError):  # noqa: N818 - says what the broker is
    """The broker did not confirm in time. The message may still arrive: retry with the same id."""


class ForgedGrant(PortalError):  # noqa: N818 - says what the grant is
    """A grant whose signature does not match its bytes; nothing may be started from it."""


class NoSecretsKey(PortalError):  # noqa: N818 - says what is missing
    """There is no key to seal secrets with, or its file cannot be used."""


class Unopenable(PortalError):  # noqa: N818 - says what the sealed text is
    """A sealed secret that none of the known keys opens."""


class UnusableScript(PortalError):  # noqa: N818 - says what the script is
    """A script that is missing, leads elsewhere, or is no plain file of its own."""


class MissingScript(UnusableScript):
    """There is no file of that name, nor anything else."""

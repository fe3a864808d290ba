"""Secrets: what people may store under a name, and how a job's runs are given them.

Here are names and rules only. A value exists in the clear where a person typed it, in the run that is given
it, and nowhere in between: see `shared.runtime.vault`.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from shared.domain.errors import InvalidInput

MAX_VALUE_BYTES = 64_000
MAX_DESCRIPTION = 400
MAX_PER_JOB = 50
NAMES = "A secret's name has 1 to 64 capital letters, digits or _, and does not start with a digit."
GIVEN = frozenset({"PATH", "HOME", "TMPDIR", "LANG", "PYTHONUNBUFFERED"})
"""What each run's environment has anyway, besides `PORTAL_...`: no secret may take its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretUse:
    """A secret that a job's runs are given: as a variable of its name, or as a file."""

    name: str
    as_file: bool = False

    @property
    def variable(self) -> str:
        """Return the environment variable that holds its value, or where its file is."""
        return f"{self.name}_FILE" if self.as_file else self.name


def checked_secret_name(name: str) -> str:
    """Return the name if a secret can have it; it becomes an environment variable.

    Raises:
        InvalidInput: on field `name`.
    """
    if re.fullmatch(r"[A-Z_][A-Z0-9_]{0,63}", name) is None:
        raise InvalidInput("name", NAMES)
    if name in GIVEN or name.startswith("PORTAL_"):
        raise InvalidInput("name", f"{name} means something else to every run. Choose another name.")
    return name


def checked_secret_value(value: str) -> str:
    """Return the value as it is if a program can be given it.

    Raises:
        InvalidInput: on field `value`; its words hold nothing of the value.
    """
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise InvalidInput("value", "The value holds half a character. Type it again.") from None
    if not size:
        raise InvalidInput("value", "Type the value.")
    if size > MAX_VALUE_BYTES:
        raise InvalidInput("value", f"The value has {size:,} bytes; at most {MAX_VALUE_BYTES:,} fit.")
    if "\x00" in value:
        raise InvalidInput("value", "The value holds a NUL character, which no program can receive.")
    return value


def checked_secret_description(text: str) -> str:
    """Return what people read about a secret, trimmed.

    Raises:
        InvalidInput: on field `description`.
    """
    text = text.strip()
    if len(text) > MAX_DESCRIPTION:
        raise InvalidInput("description", f"At most {MAX_DESCRIPTION} characters fit. Shorten it.")
    if any(character == "\x00" or "\ud800" <= character <= "\udfff" for character in text):
        raise InvalidInput("description", "It holds NUL or half a character. Type it again.")
    return text


def checked_uses(uses: Iterable[SecretUse]) -> tuple[SecretUse, ...]:
    """Return the secrets of a job by name; whether they are stored is not looked at.

    Raises:
        InvalidInput: on field `secrets`.
    """
    chosen = tuple(sorted(uses, key=lambda use: use.name))
    if len(chosen) > MAX_PER_JOB:
        raise InvalidInput("secrets", f"A job can be given at most {MAX_PER_JOB} secrets.")
    for use in chosen:
        try:
            checked_secret_name(use.name)
        except InvalidInput as error:
            raise InvalidInput("secrets", f"{use.name[:64]!r} is no secret. {error.message}") from error
    for same, count in Counter(use.variable for use in chosen).items():
        if count > 1:
            raise InvalidInput("secrets", f"Two of these secrets would be {same}. Take one of them out.")
    if len({use.name for use in chosen}) < len(chosen):
        raise InvalidInput("secrets", "A secret is chosen twice: choose one way to give it.")
    return chosen

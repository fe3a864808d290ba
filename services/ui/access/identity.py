"""Who asks, for as long as one request or one socket lasts."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from shared.domain.access import Role, Who
from shared.domain.errors import Forbidden, NotSignedIn


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where somebody asks from."""

    address: str
    """The IP address, as the network or a trusted proxy says it."""
    agent: str = ""
    """The program, as it calls itself."""


NOWHERE: Final = Origin(address="")
_WHO: ContextVar[Who | None] = ContextVar("who", default=None)
_ORIGIN: ContextVar[Origin] = ContextVar("origin", default=NOWHERE)


@contextmanager
def acting(who: Who | None, from_: Origin = NOWHERE) -> Iterator[None]:
    """Let what is done inside be done by them; None: by nobody who is known."""
    was, was_from = _WHO.set(who), _ORIGIN.set(from_)
    try:
        yield
    finally:
        _WHO.reset(was)
        _ORIGIN.reset(was_from)


def known() -> Who | None:
    """Return who asks, where that is known."""
    return _WHO.get()


def current() -> Who:
    """Return who asks.

    Raises:
        NotSignedIn: nobody is known to.
    """
    who = _WHO.get()
    if who is None:
        raise NotSignedIn("Sign in first, or give a token.")
    return who


def origin() -> Origin:
    """Return where they ask from."""
    return _ORIGIN.get()


def demand(role: Role, folder: str | None = None) -> Who:
    """Return who asks, who may do what the role may; with `folder`, to what has its script there.

    Raises:
        NotSignedIn: nobody is known to ask.
        Forbidden: they may not.
    """
    who = current()
    if not who.may(role, folder):
        raise Forbidden(_refusal(role, folder))
    return who


def demand_somewhere(role: Role) -> Who:
    """Return who asks, where there may be anything to which they may do what the role may.

    Raises:
        NotSignedIn: nobody is known to ask.
        Forbidden: there is nothing.
    """
    who = current()
    if not who.may_somewhere(role):
        raise Forbidden(_refusal(role, None))
    return who


def _refusal(role: Role, folder: str | None) -> str:
    if folder is None:
        return f"This needs the role {role}. Ask an admin of the portal for it."
    return f"This needs the role {role} for scripts/{folder}. Ask an admin of the portal for it."

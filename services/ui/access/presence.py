"""Open sockets, and whose they are: they outlive a sign-out, so somebody has to end them.

In this process that happens at once, in others within some seconds by a look at the database.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import structlog

from shared.db.engine import LOCKED_OR_DOWN
from shared.domain.access import Via, Who

log = structlog.get_logger()

LOOK_S = 3.0


@dataclass(frozen=True, slots=True)
class Credential:
    """What somebody showed: what kind of thing, and its hash."""

    via: Via
    hash: str


@dataclass(eq=False, slots=True)
class Socket:
    """One that is open; `ended` when it is not to be any more."""

    credential: Credential
    who: Who
    ended: asyncio.Event = field(default_factory=asyncio.Event)


Look = Callable[[Collection[Credential]], Awaitable[Mapping[Credential, Who]]]
"""Say who those are that are still let in."""


class Presence:
    """The sockets of one process."""

    def __init__(self) -> None:
        self._open: set[Socket] = set()
        self._wanted = asyncio.Event()

    @contextmanager
    def opened(self, credential: Credential, who: Who) -> Iterator[Socket]:
        """Keep a socket for as long as it is open."""
        socket = Socket(credential, who)
        self._open.add(socket)
        self._wanted.set()
        try:
            yield socket
        finally:
            self._open.discard(socket)

    def look_again(self) -> None:
        """Look at once: this process changed who is let in."""
        self._wanted.set()

    async def watch(self, look: Look) -> None:
        """End the sockets of those who are not let in any more, or may do other things now; for ever."""
        while True:
            if self._open:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await self._wanted.wait()
            else:
                await self._wanted.wait()
            self._wanted.clear()
            await self._end_some(look)

    async def _end_some(self, look: Look) -> None:
        watched = [each for each in self._open if each.credential.via is not Via.LOCAL]
        if not watched:
            return
        try:
            now_known = await look({each.credential for each in watched})
        except LOCKED_OR_DOWN as error:
            # What sockets show is looked at, not done: every deed is checked anew.
            log.warning("who is signed in cannot be looked up", error=repr(error))
            return
        for each in watched:
            if now_known.get(each.credential) != each.who:
                each.ended.set()

"""From what somebody shows to who they are: a session's cookie, a token, or the key in the home."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.ui.access.local_key import WHO, LocalKey
from services.ui.access.presence import Credential, Presence
from shared.db import changes, credentials, users
from shared.db.changes import Deed
from shared.db.credentials import Session
from shared.db.engine import LOCKED_OR_DOWN, Database
from shared.domain.access import Via, Who, narrowed
from shared.domain.changes import ChangeKind
from shared.runtime.clock import Clock
from shared.runtime.credentials import hashed

IDLE: Final = timedelta(days=7)
"""A session that nobody used for so long is over."""
LONGEST: Final = timedelta(days=30)
"""And so is every session after so long."""
SEEN_EVERY: Final = timedelta(minutes=1)
TOKEN_PREFIX: Final = "jtp_"  # noqa: S105 - how one is told from other secrets
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})
_MOST_CHARS: Final = 200
_NOTED_EVERY: Final = timedelta(minutes=1)
_MOST_NOTED: Final = 1_000


@dataclass(slots=True, kw_only=True)
class Shown:
    """What came with a request; a token counts alone where there is one."""

    session: str | None
    bearer: str | None
    address: str


class Access:
    """Who is let in, and whose sockets are open."""

    def __init__(self, database: Database, clock: Clock, local: LocalKey) -> None:
        self._database = database
        self._clock = clock
        self.local = local
        self.presence = Presence()
        self._noted: dict[tuple[str, str], datetime] = {}

    async def known(self, shown: Shown) -> tuple[Credential, Who] | None:
        """Return who shows this; None: nobody who is let in."""
        if shown.bearer is not None:
            if self.local.is_shown(shown.bearer):
                return (Credential(Via.LOCAL, ""), WHO) if shown.address in _LOOPBACK else None
            kind, secret = Via.TOKEN, shown.bearer
        elif shown.session is not None:
            kind, secret = Via.SESSION, shown.session
        else:
            return None
        if len(secret) > _MOST_CHARS:
            return None
        credential = Credential(kind, hashed(secret))
        who = (await self.look([credential])).get(credential)
        return None if who is None else (credential, who)

    async def look(self, shown: Collection[Credential]) -> Mapping[Credential, Who]:
        """Return who those are that are let in, and note that they were seen."""
        now = self._clock.now()
        hashes = {via: [one.hash for one in shown if one.via is via] for via in (Via.SESSION, Via.TOKEN)}
        async with self._database.reading() as session:
            opened = await credentials.sessions_by_hash(session, hashes[Via.SESSION])
            tokens = await credentials.tokens_by_hash(session, hashes[Via.TOKEN])
            owners = {one.user_id for one in opened.values()} | {one.user_id for one in tokens.values()}
            people = await users.users_by_id(session, owners) if owners else {}
        found: dict[Credential, Who] = {}
        for hash_, one in opened.items():
            owner = people[one.user_id]
            if owner.disabled_at is None and _lives(one, now):
                found[Credential(Via.SESSION, hash_)] = owner.who(Via.SESSION)
        for hash_, token in tokens.items():
            owner = people[token.user_id]
            if owner.disabled_at is None and token.revoked_at is None and now < token.expires_at:
                name = f"{owner.name} ({token.name})"
                found[Credential(Via.TOKEN, hash_)] = narrowed(owner.who(Via.TOKEN), token.scope, name=name)
        return found

    async def seen(self, credential: Credential) -> None:
        """Note that it is used, once a minute; a database that is busy is not waited for again."""
        now = self._clock.now()
        if credential.via is Via.LOCAL or not self._is_new(("seen", credential.hash), now, SEEN_EVERY):
            return
        with suppress(*LOCKED_OR_DOWN):
            async with self._database.ledger.begin() as session:
                if credential.via is Via.SESSION:
                    await credentials.see_session(session, credential.hash, now=now)
                else:
                    for token in (await credentials.tokens_by_hash(session, [credential.hash])).values():
                        await credentials.use_token(session, token.id, now=now)

    async def note_refused(self, by: str, what: str, address: str) -> None:
        """Note that somebody asked for what they may not do; the same of the same once a minute."""
        now = self._clock.now()
        if not self._is_new((f"{by} {address}", what), now, _NOTED_EVERY):
            return
        deed = Deed(kind=ChangeKind.REFUSED, by=by, at=now, subject=what[:200], detail=from_words(address))
        with suppress(*LOCKED_OR_DOWN):
            async with self._database.ledger.begin() as session:
                await changes.record(session, deed)

    async def watch(self) -> None:
        """End the sockets of those who are not let in any more; for ever."""
        await self.presence.watch(self.look)

    async def has_password(self) -> bool:
        """Say whether anybody could sign in by a password."""
        async with self._database.reading() as session:
            return await users.has_password(session)

    async def has_owner(self) -> bool:
        """Say whether the portal was set up."""
        async with self._database.reading() as session:
            return await users.has_owner(session)

    def _is_new(self, what: tuple[str, str], now: datetime, every: timedelta) -> bool:
        """Say whether this is to be noted: not when it was a moment ago."""
        last = self._noted.pop(what, None)
        is_new = last is None or now - last >= every
        self._noted[what] = now if is_new or last is None else last
        while len(self._noted) > _MOST_NOTED:
            del self._noted[next(iter(self._noted))]
        return is_new


def from_words(address: str) -> str:
    """Return where somebody asked from, in words; "" where that is not known."""
    return f"from {address}" if address else ""


def _lives(session: Session, now: datetime) -> bool:
    return now < session.expires_at and now - session.seen_at < IDLE

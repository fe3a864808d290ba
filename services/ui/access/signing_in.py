"""Coming in and going: by a password, by a one-time link, and out again from here or from everywhere."""

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.access.access import LONGEST, from_words
from services.ui.access.identity import Origin, current, origin
from services.ui.access.passwords import Passwords
from services.ui.access.presence import Presence
from shared.db import changes, credentials, users
from shared.db.changes import Deed
from shared.db.credentials import Session
from shared.db.engine import Sessions
from shared.db.users import User
from shared.domain.access import Role, checked_password, checked_user_name
from shared.domain.changes import ChangeKind
from shared.domain.errors import Conflict, Forbidden, InvalidInput, NameTaken, NotFound, TooManyTries
from shared.domain.ids import new_id
from shared.domain.job import name_key
from shared.runtime.clock import Clock
from shared.runtime.credentials import hashed, new_secret

MOST_TRIES: Final = 5
WINDOW: Final = timedelta(minutes=15)
SETUP_LASTS: Final = timedelta(hours=24)
JOIN_LASTS: Final = timedelta(hours=72)
SETUP, JOIN = "setup", "join"
_MOST_KEY: Final = 120
WRONG: Final = "The name or the password is not right."
USED_UP: Final = "This link was used already, or it is too old. Ask for a new one."


@dataclass(frozen=True, slots=True)
class SignIn:
    """Every way to a session, and every way out."""

    sessions: Sessions
    clock: Clock
    presence: Presence
    passwords: Passwords = field(default_factory=Passwords)

    async def by_password(self, name: str, password: str, *, old: str | None = None) -> str:
        """Return a new session's secret; `old` is the one that the browser had, which ends.

        Raises:
            InvalidInput: on field `password`: one of the two is wrong; which is not said.
            TooManyTries: so many were wrong for this name, or from this address, that none is looked at.
        """
        key, from_ = name_key(name.strip())[:_MOST_KEY], origin()
        try_id = await self._counted(key, name, from_)
        async with self.sessions.begin() as session:
            user = await users.user_by_name(session, name.strip())
        hash_ = None if user is None else user.password_hash
        is_right = await self.passwords.is_right(hash_, password)
        if not is_right or user is None or user.disabled_at is not None:
            await self._refused(name, from_, "the password was wrong")
            raise InvalidInput("password", WRONG)
        better = None
        if hash_ is not None and self.passwords.is_outdated(hash_):
            better = await self.passwords.hashed(password)
        async with self.sessions.begin() as session:
            await credentials.forget_try(session, try_id)
            await credentials.forget_tries(session, key)
            if better is not None:
                await users.change_user(session, user.id, password_hash=better)
            if old is not None:
                await credentials.end_session(session, hashed(old))
            return await self._opened(session, user, from_)

    async def set_up(self, code: str, name: str, password: str) -> str:
        """Make the owner, by the link of the first start; return their session's secret.

        Raises:
            Conflict: the portal has an owner, or the link is none.
            InvalidInput: on field `name` or `password`.
        """
        await self.check_setup_link(code)
        called, chosen = checked_user_name(name), checked_password(password, name=name)
        hash_, from_, now = await self.passwords.hashed(chosen), origin(), self.clock.now()
        owner = User(
            id=new_id(),
            name=called,
            role=Role.ADMIN,
            grants={},
            created_at=now,
            disabled_at=None,
            password_hash=hash_,
        )
        try:
            async with self.sessions.begin() as session:
                # In this order: of two links at once the second finds its own gone, or an owner.
                is_free = await credentials.take_link(session, hashed(code), SETUP, now=now)
                await credentials.drop_links(session, SETUP, None)
                if not is_free or await users.has_owner(session):
                    raise Conflict(USED_UP)
                await users.insert_user(session, owner)
                await self._note(session, ChangeKind.USER_CREATED, called, called, "as the owner")
                return await self._opened(session, owner, from_)
        except IntegrityError as error:
            raise NameTaken("name", f"Another user is called {called!r}. Choose another name.") from error

    async def check_setup_link(self, code: str) -> None:
        """Say whether this link still makes the owner.

        Raises:
            Conflict: it does not.
        """
        async with self.sessions.begin() as session:
            works, _ = await credentials.link_user(session, hashed(code), SETUP, now=self.clock.now())
        if not works:
            raise Conflict(USED_UP)

    async def join(self, code: str, password: str) -> str:
        """Set the password of the user that a link is for; return their session's secret.

        All their other sessions and links end.

        Raises:
            Conflict: the link is none, or its user is disabled.
            InvalidInput: on field `password`.
        """
        name = await self.name_of_link(code)
        hash_ = await self.passwords.hashed(checked_password(password, name=name))
        from_, now = origin(), self.clock.now()
        async with self.sessions.begin() as session:
            _, user_id = await credentials.link_user(session, hashed(code), JOIN, now=now)
            if user_id is None or not await credentials.take_link(session, hashed(code), JOIN, now=now):
                raise Conflict(USED_UP)
            user = (await users.users_by_id(session, [user_id]))[user_id]
            await self._replace_password(session, user, hash_)
            secret = await self._opened(session, user, from_)
        self.presence.look_again()
        return secret

    async def name_of_link(self, code: str) -> str:
        """Return whom a link lets choose a password.

        Raises:
            Conflict: it is none, or its user is disabled.
        """
        async with self.sessions.begin() as session:
            _, user_id = await credentials.link_user(session, hashed(code), JOIN, now=self.clock.now())
            user = None if user_id is None else (await users.users_by_id(session, [user_id])).get(user_id)
        if user is None or user.disabled_at is not None:
            raise Conflict(USED_UP)
        return user.name

    async def change_password(self, old: str, new: str) -> str:
        """Give whoever asks another password; return a new session's secret, for all others end.

        Raises:
            Forbidden: a program asks.
            InvalidInput: on field `old` or `password`.
            TooManyTries: as in `by_password`.
        """
        who, from_ = current(), origin()
        if who.user_id is None:
            raise Forbidden("Sign in to have a password of your own.")
        async with self.sessions.begin() as session:
            user = (await users.users_by_id(session, [who.user_id]))[who.user_id]
        key = name_key(user.name)[:_MOST_KEY]
        try_id = await self._counted(key, user.name, from_)
        if not await self.passwords.is_right(user.password_hash, old):
            raise InvalidInput("old", "This is not your password.")
        hash_ = await self.passwords.hashed(checked_password(new, name=user.name))
        async with self.sessions.begin() as session:
            await credentials.forget_try(session, try_id)
            await self._replace_password(session, user, hash_)
            secret = await self._opened(session, user, from_)
        self.presence.look_again()
        return secret

    async def sign_out(self, secret: str) -> None:
        """End a session; one that has ended stays so."""
        who = current()
        async with self.sessions.begin() as session:
            if await credentials.end_session(session, hashed(secret)):
                await self._note(session, ChangeKind.SIGNED_OUT, who.name, who.name, "")
        self.presence.look_again()

    async def sign_out_everywhere(self) -> None:
        """End every session of whoever asks, this one too; tokens stay."""
        who = current()
        if who.user_id is None:
            return
        async with self.sessions.begin() as session:
            await credentials.end_sessions_of(session, who.user_id)
            await self._note(session, ChangeKind.SIGNED_OUT, who.name, who.name, "everywhere")
        self.presence.look_again()

    async def end_mine(self, mark: str) -> None:
        """End one session of whoever asks: its open pages end at once.

        Raises:
            NotFound: they have no such session; it may have ended already.
        """
        who = current()
        async with self.sessions.begin() as session:
            mine = [] if who.user_id is None else await credentials.sessions_of(session, who.user_id)
            found = next((one for one in mine if one.mark == mark), None)
            if found is None:
                raise NotFound("This browser is signed out already.")
            await credentials.end_session(session, found.hash)
            await self._note(session, ChangeKind.SIGNED_OUT, who.name, who.name, "")
        self.presence.look_again()

    async def sessions_of_mine(self) -> list[Session]:
        """Return the sessions of whoever asks, the one that was seen last first."""
        who = current()
        async with self.sessions.begin() as session:
            return [] if who.user_id is None else await credentials.sessions_of(session, who.user_id)

    async def link(self, user_id: UUID | None) -> str:
        """Return the code of a new one-time link for a user, whose older ones end; None: of the owner."""
        code, now = new_secret(), self.clock.now()
        async with self.sessions.begin() as session:
            if user_id is not None:
                await credentials.drop_links(session, JOIN, user_id)
            kind, lasts = (SETUP, SETUP_LASTS) if user_id is None else (JOIN, JOIN_LASTS)
            await credentials.put_link(session, hashed(code), kind, user_id, now=now, lasts=lasts)
        return code

    async def _counted(self, key: str, name: str, from_: Origin) -> UUID:
        """Count a try before it is made, so that many at once count as many; return it."""
        now = self.clock.now()
        async with self.sessions.begin() as session:
            try_id = await credentials.note_try(session, key, from_.address, now=now)
        async with self.sessions.begin() as session:
            count, first = await credentials.tries(session, key, from_.address, since=now - WINDOW)
            if count <= MOST_TRIES:
                return try_id
            # Who is refused unseen has not tried: the window is to end.
            await credentials.forget_try(session, try_id)
        if count == MOST_TRIES + 1:
            await self._refused(name, from_, "too many passwords were wrong")
        raise TooManyTries(_seconds_left(first, now))

    async def _refused(self, name: str, from_: Origin, why: str) -> None:
        async with self.sessions.begin() as session:
            deed = Deed(
                kind=ChangeKind.SIGN_IN_REFUSED,
                by="",
                at=self.clock.now(),
                subject=name.strip()[:60],
                detail=f"{why}, {from_words(from_.address)}",
            )
            await changes.record(session, deed)

    async def _replace_password(self, session: AsyncSession, user: User, hash_: str) -> None:
        await users.change_user(session, user.id, password_hash=hash_)
        await credentials.end_sessions_of(session, user.id)
        await credentials.drop_links(session, JOIN, user.id)
        await credentials.forget_tries(session, name_key(user.name)[:_MOST_KEY])
        await self._note(session, ChangeKind.PASSWORD_SET, user.name, user.name, "")

    async def _opened(self, session: AsyncSession, user: User, from_: Origin) -> str:
        secret, now = new_secret(), self.clock.now()
        opened = Session(
            hash=hashed(secret),
            user_id=user.id,
            created_at=now,
            seen_at=now,
            expires_at=now + LONGEST,
            address=from_.address,
            agent=from_.agent,
        )
        await credentials.open_session(session, opened)
        await self._note(session, ChangeKind.SIGNED_IN, user.name, user.name, "")
        return secret

    async def _note(self, session: AsyncSession, kind: ChangeKind, by: str, subject: str, what: str) -> None:
        said = ", ".join(one for one in (what, from_words(origin().address)) if one)
        await changes.record(
            session, Deed(kind=kind, by=by, at=self.clock.now(), subject=subject, detail=said)
        )


def _seconds_left(first: datetime | None, now: datetime) -> int:
    left = WINDOW if first is None else first + WINDOW - now
    return max(1, math.ceil(left.total_seconds()))

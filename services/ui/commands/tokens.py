"""Tokens: what programs show, made and revoked by the people who are behind them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from services.ui.access import current, demand
from services.ui.access.access import TOKEN_PREFIX
from services.ui.access.presence import Presence
from shared.db import changes, credentials, users
from shared.db.changes import Deed
from shared.db.credentials import ApiToken
from shared.db.engine import Database
from shared.domain.access import GRANTED, Role, Scope, Via, checked_folder, checked_user_name
from shared.domain.changes import ChangeKind
from shared.domain.errors import Forbidden, InvalidInput, NotFound
from shared.domain.ids import new_id
from shared.runtime.clock import Clock
from shared.runtime.credentials import hashed, new_secret

MOST: Final = 50
MOST_DAYS: Final = 366
_SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Tokens:
    """What people do with tokens; none of it gives one back."""

    database: Database
    clock: Clock
    presence: Presence

    async def of_all(self, *, everybody: bool) -> list[tuple[str, ApiToken]]:
        """Return the tokens of whoever asks, or everybody's, with the name of whose each is.

        Raises:
            NotSignedIn, Forbidden: nobody is known to ask, or it is no admin who asks for everybody's.
        """
        who = demand(Role.ADMIN if everybody else Role.VIEWER)
        if not everybody and who.user_id is None:
            return []
        async with self.database.reading() as session:
            found = await credentials.tokens(session, None if everybody else who.user_id)
            owners = await users.users_by_id(session, {one.user_id for one in found})
        return [(owners[one.user_id].name, one) for one in found]

    async def make(self, name: str, scope: Scope, *, days: int) -> tuple[ApiToken, str]:
        """Store a token; return it and the secret, which nobody can be told again.

        Raises:
            Forbidden: whoever asks may not do that much, or is a program.
            InvalidInput: on field `name`, `folder`, `role` or `expires_days`.
        """
        who, now = current(), self.clock.now()
        if who.user_id is None or who.via is not Via.SESSION:
            raise Forbidden("Tokens are made by people: sign in on the portal's pages.")
        if not 1 <= days <= MOST_DAYS:
            raise InvalidInput("expires_days", f"Choose 1 to {MOST_DAYS} days.")
        folder = None if scope.folder is None else checked_folder(scope.folder)
        if folder is not None and scope.role not in GRANTED:
            raise InvalidInput("role", "A token for a folder is operator or editor there.")
        demand(scope.role, folder)
        secret = new_secret(TOKEN_PREFIX)
        token = ApiToken(
            id=new_id(),
            user_id=who.user_id,
            name=checked_user_name(name),
            prefix=secret[:_SHOWN],
            hash=hashed(secret),
            role=scope.role,
            folder=folder,
            created_at=now,
            expires_at=now + timedelta(days=days),
        )
        async with self.database.ledger.begin() as session:
            if len(await credentials.tokens(session, who.user_id)) >= MOST:
                raise InvalidInput("name", f"You have {MOST} tokens already. Revoke one first.")
            await credentials.insert_token(session, token)
            where = "" if folder is None else f" in {folder}"
            deed = Deed(
                kind=ChangeKind.TOKEN_CREATED,
                by=who.name,
                at=now,
                subject=token.name,
                detail=f"{scope.role}{where}, for {days} days",
            )
            await changes.record(session, deed)
        return token, secret

    async def revoke(self, token_id: UUID) -> None:
        """Let a token be good for nothing: one's own, or as an admin anybody's. Twice changes nothing.

        Raises:
            NotFound: one has no such token.
        """
        who, now = current(), self.clock.now()
        async with self.database.ledger.begin() as session:
            token = await credentials.token_by_id(session, token_id)
            is_own = token is not None and token.user_id == who.user_id
            if token is None or not (is_own or who.may(Role.ADMIN)):
                raise NotFound("You have no such token.")
            if await credentials.revoke_token(session, token_id, now=now):
                deed = Deed(kind=ChangeKind.TOKEN_REVOKED, by=who.name, at=now, subject=token.name)
                await changes.record(session, deed)
        self.presence.look_again()

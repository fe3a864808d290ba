"""Users: who is invited, what each may do, who is shut out. Admins only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.access import demand
from services.ui.access.signing_in import SignIn
from shared.db import changes, credentials, users
from shared.db.changes import Deed
from shared.db.engine import Database
from shared.db.users import User
from shared.domain.access import Role, checked_grants, checked_user_name
from shared.domain.changes import ChangeKind
from shared.domain.errors import Conflict, NameTaken, NotFound
from shared.domain.ids import new_id
from shared.runtime.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChange:
    """What is to be another one in a user; None: stays."""

    role: Role | None = None
    grants: Mapping[str, Role] | None = None
    disabled: bool | None = None


@dataclass(frozen=True, slots=True)
class Users:
    """What admins do about who may come in."""

    database: Database
    clock: Clock
    sign_in: SignIn

    async def all(self) -> list[User]:
        """Return everybody by name.

        Raises:
            NotSignedIn, Forbidden: whoever asks is no admin; as all that follow.
        """
        demand(Role.ADMIN)
        async with self.database.reading() as session:
            return await users.all_users(session)

    async def seen(self) -> dict[UUID, datetime]:
        """Return when those were last seen who are signed in with a browser."""
        demand(Role.ADMIN)
        async with self.database.reading() as session:
            return await credentials.seen_by_user(session)

    async def admins(self) -> list[str]:
        """Return the names of those whom anybody can ask for a role.

        Raises:
            NotSignedIn: nobody is known to ask.
        """
        demand(Role.VIEWER)
        async with self.database.reading() as session:
            found = await users.all_users(session)
        return [one.name for one in found if one.role is Role.ADMIN and one.disabled_at is None]

    async def create(self, name: str, role: Role, grants: Mapping[str, Role]) -> tuple[User, str]:
        """Store a user without a password; return them and the code of the link that sets one.

        Raises:
            InvalidInput: on field `name`, `folder` or `grants`.
            NameTaken: somebody has the name.
        """
        by = demand(Role.ADMIN).name
        user = User(
            id=new_id(),
            name=checked_user_name(name),
            role=role,
            grants=checked_grants(grants),
            created_at=self.clock.now(),
            disabled_at=None,
            password_hash=None,
        )
        try:
            async with self.database.ledger.begin() as session:
                await users.insert_user(session, user)
                await self._note(session, ChangeKind.USER_CREATED, user, by=by, detail=_may(user))
        except IntegrityError as error:
            taken = f"Another user is called {user.name!r}. Choose another name."
            raise NameTaken("name", taken) from error
        return user, await self.sign_in.link(user.id)

    async def change(self, user_id: UUID, change: UserChange) -> User:
        """Let a user be somebody else, or shut them out: their open pages end at once.

        Raises:
            NotFound: no such user.
            Conflict: nobody else could say who may do what.
            InvalidInput: on field `folder` or `grants`.
        """
        by, now = demand(Role.ADMIN).name, self.clock.now()
        grants = None if change.grants is None else checked_grants(change.grants)
        async with self.database.ledger.begin() as session:
            was = await self._known(session, user_id)
            loses = change.disabled or change.role not in {None, Role.ADMIN}
            if was.role is Role.ADMIN and loses and not await users.other_admins(session, user_id):
                raise Conflict("This is the only admin who can sign in. Make another one first.")
            if change.role is not None:
                await users.change_user(session, user_id, role=change.role)
            if grants is not None:
                await users.replace_grants(session, user_id, grants)
            if change.disabled is not None:
                await users.change_user(session, user_id, disabled_at=now if change.disabled else None)
            if change.disabled:
                await credentials.end_sessions_of(session, user_id)
            is_ = await self._known(session, user_id)
            await self._note(session, ChangeKind.USER_EDITED, is_, by=by, detail=_may(is_))
        self.sign_in.presence.look_again()
        return is_

    async def setup_code(self) -> str:
        """Return the code of a link by which somebody becomes the owner, while there is none."""
        demand(Role.ADMIN)
        return await self.sign_in.link(None)

    async def link(self, user_id: UUID) -> str:
        """Return the code of a new link by which a user sets a password; older ones end.

        Raises:
            NotFound: no such user.
        """
        by = demand(Role.ADMIN).name
        async with self.database.ledger.begin() as session:
            user = await self._known(session, user_id)
            await self._note(session, ChangeKind.USER_EDITED, user, by=by, detail="a link to set a password")
        return await self.sign_in.link(user_id)

    async def _known(self, session: AsyncSession, user_id: UUID) -> User:
        user = (await users.users_by_id(session, [user_id])).get(user_id)
        if user is None:
            raise NotFound("There is no such user.")
        return user

    async def _note(
        self, session: AsyncSession, kind: ChangeKind, user: User, *, by: str, detail: str
    ) -> None:
        deed = Deed(kind=kind, by=by, at=self.clock.now(), subject=user.name, detail=detail)
        await changes.record(session, deed)


def _may(user: User) -> str:
    """Return what a user is from then on."""
    grants = ", ".join(f"{role} in {folder}" for folder, role in user.grants.items())
    return "disabled" if user.disabled_at else ", ".join(filter(None, (user.role, grants)))

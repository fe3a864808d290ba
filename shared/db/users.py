"""Users: who they are, what they may do, and the hash of their password."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.statements import insert_all
from shared.db.tables import UserGrantRow, UserRow
from shared.domain.access import Role, Via, Who
from shared.domain.job import name_key


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user as others see them."""

    id: UUID
    name: str
    role: Role
    grants: Mapping[str, Role]
    created_at: datetime
    disabled_at: datetime | None
    password_hash: str | None

    def who(self, via: Via) -> Who:
        """Return them as somebody who asks."""
        return Who(name=self.name, role=self.role, grants=self.grants, via=via, user_id=self.id)


async def has_owner(session: AsyncSession) -> bool:
    """Say whether the portal was set up: there is an admin, and their password."""
    # Disabled ones count: nobody is to find the door open because the last admin went.
    found = select(UserRow.id).where(UserRow.role == Role.ADMIN, UserRow.password_hash.is_not(None)).limit(1)
    return await session.scalar(found) is not None


async def has_password(session: AsyncSession) -> bool:
    """Say whether anybody could sign in by a password."""
    return (
        await session.scalar(select(UserRow.id).where(UserRow.password_hash.is_not(None)).limit(1))
        is not None
    )


async def insert_user(session: AsyncSession, user: User) -> None:
    """Store a new user.

    Raises:
        sqlalchemy.exc.IntegrityError: somebody has the name.
    """
    row = {
        "id": user.id,
        "name": user.name,
        "name_key": name_key(user.name),
        "password_hash": user.password_hash,
        "role": user.role,
        "created_at": user.created_at,
        "disabled_at": user.disabled_at,
    }
    await insert_all(session, UserRow, [row])
    await replace_grants(session, user.id, user.grants)


async def user_by_name(session: AsyncSession, name: str) -> User | None:
    """Return the user of this name, however it is written."""
    row = await session.scalar(select(UserRow).where(UserRow.name_key == name_key(name)))
    return None if row is None else (await _with_grants(session, [row]))[row.id]


async def users_by_id(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, User]:
    """Return those of them who exist."""
    rows = await session.scalars(select(UserRow).where(UserRow.id.in_(ids)))
    return await _with_grants(session, rows)


async def all_users(session: AsyncSession) -> list[User]:
    """Return everybody by name; a portal has as many as a company has people who look after jobs."""
    rows = list(await session.scalars(select(UserRow).order_by(UserRow.name_key)))
    return list((await _with_grants(session, rows)).values())


async def replace_grants(session: AsyncSession, user_id: UUID, grants: Mapping[str, Role]) -> None:
    """Let a user have these grants and no others."""
    await session.execute(delete(UserGrantRow).where(UserGrantRow.user_id == user_id))
    rows = [{"user_id": user_id, "folder": folder, "role": role} for folder, role in grants.items()]
    await insert_all(session, UserGrantRow, rows)


async def change_user(session: AsyncSession, user_id: UUID, **values: object) -> None:
    """Give columns of a user other values."""
    await session.execute(update(UserRow).where(UserRow.id == user_id).values(values))


async def other_admins(session: AsyncSession, user_id: UUID) -> bool:
    """Say whether anybody but this user could say who may do what. Locks them where rows are locked."""
    found = (
        select(UserRow.id)
        .where(
            UserRow.role == Role.ADMIN,
            UserRow.disabled_at.is_(None),
            UserRow.password_hash.is_not(None),
            UserRow.id != user_id,
        )
        .limit(1)
        .with_for_update()
    )
    return await session.scalar(found) is not None


async def _with_grants(session: AsyncSession, rows: Iterable[UserRow]) -> dict[UUID, User]:
    known = {row.id: row for row in rows}
    grants: dict[UUID, dict[str, Role]] = {user_id: {} for user_id in known}
    for grant in await session.scalars(
        select(UserGrantRow).where(UserGrantRow.user_id.in_(known)).order_by(UserGrantRow.folder)
    ):
        grants[grant.user_id][grant.folder] = grant.role
    return {
        user_id: User(
            id=user_id,
            name=row.name,
            role=row.role,
            grants=grants[user_id],
            created_at=row.created_at,
            disabled_at=row.disabled_at,
            password_hash=row.password_hash,
        )
        for user_id, row in known.items()
    }

"""Sessions, tokens, one-time links and failed sign-ins. Each credential is known by its hash alone."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.statements import changed, columns_of, insert_all
from shared.db.tables import ApiTokenRow, OneTimeLinkRow, SessionRow, SignInFailureRow
from shared.domain.access import Role, Scope
from shared.domain.ids import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A browser that is signed in."""

    hash: str
    user_id: UUID
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    address: str
    agent: str

    @property
    def mark(self) -> str:
        """Return what tells it from the other sessions of its user; it lets nobody in."""
        return self.hash[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """What a program shows; the token itself is nowhere."""

    id: UUID
    user_id: UUID
    name: str
    prefix: str
    hash: str
    role: Role
    folder: str | None
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None

    @property
    def scope(self) -> Scope:
        """Return what it may do at most."""
        return Scope(role=self.role, folder=self.folder)


async def open_session(session: AsyncSession, opened: Session) -> None:
    """Store a new session; those that have expired go."""
    await session.execute(delete(SessionRow).where(SessionRow.expires_at <= opened.created_at))
    await insert_all(session, SessionRow, [columns_of(opened)])


async def sessions_by_hash(session: AsyncSession, hashes: Collection[str]) -> dict[str, Session]:
    """Return those that are stored, also expired ones, by their hash."""
    rows = await session.scalars(select(SessionRow).where(SessionRow.hash.in_(hashes)))
    return {row.hash: _session(row) for row in rows}


async def sessions_of(session: AsyncSession, user_id: UUID) -> list[Session]:
    """Return the sessions of a user, the one that was seen last first."""
    query = select(SessionRow).where(SessionRow.user_id == user_id).order_by(SessionRow.seen_at.desc())
    return [_session(row) for row in await session.scalars(query)]


async def seen_by_user(session: AsyncSession) -> dict[UUID, datetime]:
    """Return when each user was last seen in a browser that is signed in; nobody else is among them."""
    query = select(SessionRow.user_id, func.max(SessionRow.seen_at)).group_by(SessionRow.user_id)
    return {row[0]: row[1] for row in await session.execute(query)}


async def see_session(session: AsyncSession, hash_: str, *, now: datetime) -> None:
    """Note that it was used."""
    await session.execute(update(SessionRow).where(SessionRow.hash == hash_).values(seen_at=now))


async def end_session(session: AsyncSession, hash_: str) -> bool:
    """End it; False when it has ended."""
    ended = delete(SessionRow).where(SessionRow.hash == hash_).returning(SessionRow.user_id)
    return await session.scalar(ended) is not None


async def end_sessions_of(session: AsyncSession, user_id: UUID) -> None:
    """End all sessions of a user."""
    await session.execute(delete(SessionRow).where(SessionRow.user_id == user_id))


async def insert_token(session: AsyncSession, token: ApiToken) -> None:
    """Store a new token."""
    await insert_all(session, ApiTokenRow, [columns_of(token)])


async def tokens_by_hash(session: AsyncSession, hashes: Collection[str]) -> dict[str, ApiToken]:
    """Return those that are stored, also revoked and expired ones, by their hash."""
    rows = await session.scalars(select(ApiTokenRow).where(ApiTokenRow.hash.in_(hashes)))
    return {row.hash: _token(row) for row in rows}


async def tokens(session: AsyncSession, user_id: UUID | None) -> list[ApiToken]:
    """Return the tokens of a user, or with None of everybody, that were not revoked; newest first."""
    query = select(ApiTokenRow).where(ApiTokenRow.revoked_at.is_(None)).order_by(ApiTokenRow.id.desc())
    if user_id is not None:
        query = query.where(ApiTokenRow.user_id == user_id)
    return [_token(row) for row in await session.scalars(query)]


async def token_by_id(session: AsyncSession, token_id: UUID) -> ApiToken | None:
    """Return a token, also a revoked one."""
    row = await session.scalar(select(ApiTokenRow).where(ApiTokenRow.id == token_id))
    return None if row is None else _token(row)


async def use_token(session: AsyncSession, token_id: UUID, *, now: datetime) -> None:
    """Note that it was used."""
    await session.execute(update(ApiTokenRow).where(ApiTokenRow.id == token_id).values(last_used_at=now))


async def revoke_token(session: AsyncSession, token_id: UUID, *, now: datetime) -> bool:
    """Let it be good for nothing; False when it is so already."""
    revoking = update(ApiTokenRow).where(ApiTokenRow.id == token_id, ApiTokenRow.revoked_at.is_(None))
    return await changed(session, revoking.values(revoked_at=now)) == 1


async def put_link(
    session: AsyncSession, hash_: str, kind: str, user_id: UUID | None, *, now: datetime, lasts: timedelta
) -> None:
    """Store a new one-time link; those that have expired go."""
    await session.execute(delete(OneTimeLinkRow).where(OneTimeLinkRow.expires_at <= now))
    row = {"hash": hash_, "kind": kind, "user_id": user_id, "expires_at": now + lasts}
    await insert_all(session, OneTimeLinkRow, [row])


async def link_user(
    session: AsyncSession, hash_: str, kind: str, *, now: datetime
) -> tuple[bool, UUID | None]:
    """Say whether a link still works, and for whom."""
    row = await session.scalar(
        select(OneTimeLinkRow).where(
            OneTimeLinkRow.hash == hash_, OneTimeLinkRow.kind == kind, OneTimeLinkRow.expires_at > now
        )
    )
    return (False, None) if row is None else (True, row.user_id)


async def take_link(session: AsyncSession, hash_: str, kind: str, *, now: datetime) -> bool:
    """Use a link up; False when somebody was faster, or it has expired. Of two at once one gets it."""
    taken = (
        delete(OneTimeLinkRow)
        .where(OneTimeLinkRow.hash == hash_, OneTimeLinkRow.kind == kind, OneTimeLinkRow.expires_at > now)
        .returning(OneTimeLinkRow.hash)
    )
    return await session.scalar(taken) is not None


async def drop_links(session: AsyncSession, kind: str, user_id: UUID | None) -> None:
    """Let every link of this kind for this user go; None: those that make the owner."""
    whose = OneTimeLinkRow.user_id.is_(None) if user_id is None else OneTimeLinkRow.user_id == user_id
    await session.execute(delete(OneTimeLinkRow).where(OneTimeLinkRow.kind == kind, whose))


async def note_try(session: AsyncSession, name_key: str, address: str, *, now: datetime) -> UUID:
    """Store that a password is about to be tried, and return the row's id."""
    row = SignInFailureRow(id=new_id(), name_key=name_key, address=address, at=now)
    session.add(row)
    await session.flush()
    return row.id


async def tries(
    session: AsyncSession, name_key: str, address: str, *, since: datetime
) -> tuple[int, datetime | None]:
    """Return the larger of how many tries a name and an address had since then, and when the first was."""
    await session.execute(delete(SignInFailureRow).where(SignInFailureRow.at <= since))
    found: list[tuple[int, datetime | None]] = []
    for which in (SignInFailureRow.name_key == name_key, SignInFailureRow.address == address):
        row = (await session.execute(select(func.count(), func.min(SignInFailureRow.at)).where(which))).one()
        found.append((row[0], row[1]))
    return max(found, key=lambda pair: pair[0])


async def forget_try(session: AsyncSession, try_id: UUID) -> None:
    """Forget one that is not to count."""
    await session.execute(delete(SignInFailureRow).where(SignInFailureRow.id == try_id))


async def forget_tries(session: AsyncSession, name_key: str) -> None:
    """Forget those of a name whose password was right."""
    await session.execute(delete(SignInFailureRow).where(SignInFailureRow.name_key == name_key))


def _session(row: SessionRow) -> Session:
    return Session(
        hash=row.hash,
        user_id=row.user_id,
        created_at=row.created_at,
        seen_at=row.seen_at,
        expires_at=row.expires_at,
        address=row.address,
        agent=row.agent,
    )


def _token(row: ApiTokenRow) -> ApiToken:
    return ApiToken(
        id=row.id,
        user_id=row.user_id,
        name=row.name,
        prefix=row.prefix,
        hash=row.hash,
        role=row.role,
        folder=row.folder,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )

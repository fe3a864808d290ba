"""People and programs of every kind, as they show themselves to the API."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from services.ui.app import Parts
from shared.db import credentials, users
from shared.db.credentials import ApiToken, Session
from shared.db.users import User
from shared.domain.access import Role
from shared.domain.ids import new_id
from shared.runtime.credentials import hashed, new_secret

COOKIE = "portal_session_8080"


async def a_user(parts: Parts, role: Role, grants: Mapping[str, Role] | None = None, name: str = "") -> User:
    """Store a user without a password."""
    user_id = new_id()
    user = User(
        id=user_id,
        name=name or f"{role} {user_id.hex[-6:]}",
        role=role,
        grants=grants or {},
        created_at=parts.portal.clock.now(),
        disabled_at=None,
        password_hash=None,
    )
    async with parts.portal.commands.sessions.begin() as session:
        await users.insert_user(session, user)
    return user


async def a_session(parts: Parts, user: User, *, seen_at: datetime | None = None) -> dict[str, str]:
    """Store a session of the user; return the header of their browser."""
    secret, now = new_secret(), parts.portal.clock.now()
    opened = Session(
        hash=hashed(secret),
        user_id=user.id,
        created_at=now,
        seen_at=seen_at or now,
        expires_at=now + timedelta(days=30),
        address="127.0.0.1",
        agent="a test",
    )
    async with parts.portal.commands.sessions.begin() as session:
        await credentials.open_session(session, opened)
    return {"cookie": f"{COOKIE}={secret}"}


async def a_token(
    parts: Parts, user: User, role: Role, folder: str | None = None, **changes: datetime
) -> dict[str, str]:
    """Store a token of the user; return the header of their program."""
    secret, now = new_secret("jtp_"), parts.portal.clock.now()
    token = ApiToken(
        id=new_id(),
        user_id=user.id,
        name="deploy",
        prefix=secret[:8],
        hash=hashed(secret),
        role=role,
        folder=folder,
        created_at=now,
        **{"expires_at": now + timedelta(days=1), **changes},
    )
    async with parts.portal.commands.sessions.begin() as session:
        await credentials.insert_token(session, token)
    return {"authorization": f"Bearer {secret}"}

"""Who may come in: users, and what they show instead of a password. Nothing here is of use to a thief.

Of sessions, tokens and links only a hash is stored: they are 256 random bits, which nobody guesses, so
that a plain SHA-256 is enough. Passwords are hashed by Argon2.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.tables.base import LedgerBase
from shared.db.types import OrderedKey, Words
from shared.domain.access import Role

_HASH = String(64)
_FOLDER = String(400)


class UserRow(LedgerBase):
    """Somebody who may sign in. A user is disabled, never removed: the history names them."""

    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(60))
    name_key: Mapped[str] = mapped_column(OrderedKey, unique=True)  # who signs in
    password_hash: Mapped[str | None] = mapped_column(String(200))  # Argon2, PHC format; NULL: none yet
    role: Mapped[Role]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class UserGrantRow(LedgerBase):
    """What a user may do beyond their role, to what has its script in a folder or below it."""

    __tablename__ = "user_grants"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    folder: Mapped[str] = mapped_column(_FOLDER, primary_key=True)
    role: Mapped[Role]


class SessionRow(LedgerBase):
    """A browser that is signed in."""

    __tablename__ = "sessions"

    hash: Mapped[str] = mapped_column(_HASH, primary_key=True)  # SHA-256 of what the cookie holds
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)  # all of a user
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]  # at most a minute late
    expires_at: Mapped[datetime]
    address: Mapped[str] = mapped_column(Words(64))
    agent: Mapped[str] = mapped_column(Words(200))


class ApiTokenRow(LedgerBase):
    """What a program shows instead of a password."""

    __tablename__ = "api_tokens"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)  # all of a user
    name: Mapped[str] = mapped_column(String(60))
    prefix: Mapped[str] = mapped_column(String(12))  # so that people can tell them apart
    hash: Mapped[str] = mapped_column(_HASH, unique=True)
    role: Mapped[Role]
    folder: Mapped[str | None] = mapped_column(_FOLDER)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]  # at most a minute late
    revoked_at: Mapped[datetime | None]


class OneTimeLinkRow(LedgerBase):
    """A link that lets somebody set a password, once."""

    __tablename__ = "one_time_links"

    hash: Mapped[str] = mapped_column(_HASH, primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))  # setup: makes the owner; join: of a user
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"), index=True)  # all of a user
    expires_at: Mapped[datetime]


class SignInFailureRow(LedgerBase):
    """A password that was tried and not found right; kept for as long as it counts."""

    __tablename__ = "sign_in_failures"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name_key: Mapped[str] = mapped_column(Words(120))
    address: Mapped[str] = mapped_column(Words(64))
    at: Mapped[datetime] = mapped_column(index=True)  # what counts no more

    __table_args__ = (
        Index("ix_sign_in_failures_name", "name_key", "at"),  # how many of a name
        Index("ix_sign_in_failures_address", "address", "at"),  # how many from an address
    )

"""Engines and sessions: one for the ledger, one for the logs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from shared.db import postgres
from shared.db.postgres import Use
from shared.runtime.settings import DatabaseSettings

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

Sessions = async_sessionmaker[AsyncSession]

LOCKED_OR_DOWN = (OperationalError, DisconnectionError, PoolTimeout, TimeoutError)
"""What a transaction raises that is to be tried again: on both databases nothing of it is stored."""

_BUSY_TIMEOUT_MS = 15_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """Where a service finds its sessions. A session's `begin()` takes SQLite's write lock at once."""

    ledger: Sessions
    """Writes: BEGIN IMMEDIATE on SQLite, so that reading and writing are one step."""
    reading: Sessions
    """Reads of the ledger: never wait for a writer."""
    logs: Sessions
    reading_logs: Sessions
    """Reads of the logs: never wait for the recorder, nor it for them."""


@asynccontextmanager
async def open_database(
    settings: DatabaseSettings, *, name: str = "portal", schedules: bool = False
) -> AsyncIterator[Database]:
    """Open the engines and dispose of them at the end. Nothing is created: see `shared.db.migrate`.

    `name` says in PostgreSQL's list of sessions who we are. `schedules`: this process is a scheduler, which
    writes through one connection and locks jobs while it does, see `shared.db.locks`.
    """
    write = Use(name=name, connections=1 if schedules else 4, schedules=schedules)
    engines = (
        make_engine(settings.ledger_url, write),
        make_engine(settings.ledger_url, Use(name=name, connections=8, reads_only=True)),
        make_engine(settings.logs_url, Use(name=name, connections=2)),
        make_engine(settings.logs_url, Use(name=name, connections=4, reads_only=True)),
    )
    ledger, reading, logs, reading_logs = map(_sessions, engines)
    try:
        yield Database(ledger=ledger, reading=reading, logs=logs, reading_logs=reading_logs)
    finally:
        for engine in engines:
            await engine.dispose()


def make_engine(url: str, use: Use) -> AsyncEngine:
    """Return an engine for the database that the URL names, ready for this use.

    Raises:
        SystemExit: for a database that we do not know.
    """
    if url.startswith("postgresql"):
        return postgres.make_engine(url, use)
    if url.startswith("sqlite"):
        return _sqlite_engine(url, immediate=not use.reads_only)
    scheme = url.partition(":")[0]
    raise SystemExit(
        f"PORTAL_DATABASE_URL names {scheme!r}: use postgresql://user@host/name or sqlite:////path/portal.db."
    )


def _sqlite_engine(url: str, *, immediate: bool) -> AsyncEngine:
    """Return an engine with write-ahead log, foreign keys and a wait of 15 s for the lock.

    synchronous=FULL (sqlite.org/pragma.html#pragma_synchronous): what is committed survives a power cut.
    `immediate` makes every transaction begin with the write lock (sqlite.org/lang_transaction.html), so
    that none fails halfway because another wrote first.
    """
    engine = create_async_engine(url, pool_size=1 if immediate else 4, max_overflow=0 if immediate else 4)

    @event.listens_for(engine.sync_engine, "connect")
    def on_connect(connection: "DBAPIConnection", _record: "ConnectionPoolEntry") -> None:
        # SQLAlchemy begins transactions itself, below; the driver must not begin others.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout={_BUSY_TIMEOUT_MS}",
            "auto_vacuum=INCREMENTAL",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def on_begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def _sessions(engine: AsyncEngine) -> Sessions:
    return async_sessionmaker(engine, expire_on_commit=False)

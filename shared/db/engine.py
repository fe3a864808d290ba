"""Engines and sessions: one for the ledger, one for the logs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from shared.runtime.settings import DatabaseSettings

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

Sessions = async_sessionmaker[AsyncSession]

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
async def open_database(settings: DatabaseSettings) -> AsyncIterator[Database]:
    """Open the engines and dispose of them at the end. Nothing is created: see `shared.db.migrate`."""
    ledger = make_engine(settings.ledger_url, durable=True)
    reading = make_engine(settings.ledger_url, durable=True, immediate=False)
    logs = make_engine(settings.logs_url, durable=True)
    reading_logs = make_engine(settings.logs_url, durable=True, immediate=False)
    try:
        yield Database(
            ledger=_sessions(ledger),
            reading=_sessions(reading),
            logs=_sessions(logs),
            reading_logs=_sessions(reading_logs),
        )
    finally:
        for engine in (ledger, reading, logs, reading_logs):
            await engine.dispose()


def make_engine(url: str, *, durable: bool, immediate: bool = True) -> AsyncEngine:
    """Return an engine with what its database needs.

    SQLite: write-ahead log, foreign keys, a wait of 15 s for the lock; `durable` asks for
    synchronous=FULL (sqlite.org/pragma.html#pragma_synchronous): what is committed survives a power
    cut. `immediate` makes every transaction begin with the write lock (sqlite.org/lang_transaction.html),
    so that none fails halfway because another wrote first.
    """
    if not url.startswith("sqlite"):
        return create_async_engine(url, pool_pre_ping=True, pool_size=5, max_overflow=5)
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
            f"synchronous={'FULL' if durable else 'NORMAL'}",
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

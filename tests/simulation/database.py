"""SQLite without a thread: each statement and each commit is an await at which the process may die."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any, Self

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from tests.simulation.life import Life

_PRAGMAS = "journal_mode=WAL", "synchronous=OFF", "foreign_keys=ON", "busy_timeout=0", "cache_size=-20000"


class Trouble:
    """What the database does to its users, by chance: it is locked, or the answer to a commit is lost."""

    def __init__(self, random: Random, *, locked: float, lost_answers: float) -> None:
        self._random = random
        self._locked = locked
        self._lost_answers = lost_answers
        self.is_on = True
        self.locked = 0
        self.lost = 0

    def at_begin(self) -> None:
        """Refuse a transaction now and then."""
        if self.is_on and self._random.random() < self._locked:
            self.locked += 1
            raise sqlite3.OperationalError("database is locked")

    def after_commit(self) -> None:
        """Lose the answer to a commit now and then: all of it is stored, and nobody is told."""
        if self.is_on and self._random.random() < self._lost_answers:
            self.lost += 1
            raise sqlite3.OperationalError("the connection broke before the commit was answered")


class Seat:
    """Who writes through an engine at present. Engines outlast processes: they keep what was compiled."""

    def __init__(self) -> None:
        self.path: Path | None = None
        self.life: Life | None = None
        self.trouble: Trouble | None = None
        self.engine: AsyncEngine = create_async_engine(
            "sqlite+aiosqlite:///simulated.db", async_creator=self._connect, pool_size=1, max_overflow=0
        )
        self.sessions = async_sessionmaker[AsyncSession](self.engine, expire_on_commit=False)

        @event.listens_for(self.engine.sync_engine, "begin")
        def on_begin(connection: Any) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    def take(self, path: Path, life: Life, trouble: Trouble | None = None) -> None:
        """Let this process write to this file; what its predecessor left open is gone."""
        self.engine.sync_engine.dispose(close=False)
        self.path, self.life, self.trouble = path, life, trouble

    async def _connect(self) -> "SteppedConnection":
        assert self.path is not None
        assert self.life is not None
        return SteppedConnection(self.path, self.life, self.trouble)


class SteppedConnection:
    """What SQLAlchemy's aiosqlite dialect uses of a connection, done at once between two points."""

    def __init__(self, path: Path, life: Life, trouble: Trouble | None) -> None:
        self.life = life
        self.trouble = trouble
        self._conn = sqlite3.connect(path, isolation_level=None, cached_statements=512)
        self._connection: sqlite3.Connection | None = self._conn
        self._tx = _AtOnce()
        for pragma in _PRAGMAS:
            self._conn.execute(f"PRAGMA {pragma}")
        life.on_death.append(self.stop)

    @property
    def isolation_level(self) -> str | None:
        return self._conn.isolation_level

    def cursor(self) -> "_Cursor":
        return _Cursor(self, self._conn.cursor())

    async def create_function(self, *args: Any, **options: Any) -> None:
        self._conn.create_function(*args, **options)

    async def commit(self) -> None:
        if not self._conn.in_transaction:
            return
        await self.life.point("before COMMIT")
        self._conn.commit()
        await self.life.point("after COMMIT")
        if self.trouble is not None:
            self.trouble.after_commit()

    async def rollback(self) -> None:
        if self._connection is not None:
            self._conn.rollback()

    async def close(self) -> None:
        self.stop()

    def stop(self) -> None:
        if self._connection is not None:
            self._connection = None
            # SQLite keeps a closed connection, and its lock, for as long as it has statements open.
            self._conn.rollback()
            self._conn.close()


class _Cursor:
    def __init__(self, connection: SteppedConnection, cursor: sqlite3.Cursor) -> None:
        self._connection = connection
        self._cursor = cursor

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        await self._send(sql, lambda: self._cursor.execute(sql, parameters))

    async def executemany(self, sql: str, parameters: Sequence[Sequence[Any]]) -> None:
        await self._send(sql, lambda: self._cursor.executemany(sql, parameters))

    async def _send(self, sql: str, do: Callable[[], object]) -> None:
        connection, words = self._connection, _words(sql)
        await connection.life.point(f"before {words}")
        if words == "BEGIN" and connection.trouble is not None:
            connection.trouble.at_begin()
        do()
        await connection.life.point(f"after {words}")

    async def fetchall(self) -> list[Any]:
        return self._cursor.fetchall()

    async def close(self) -> None:
        self._cursor.close()

    @property
    def description(self) -> Any:
        return self._cursor.description

    @property
    def rowcount(self) -> int:
        return self._cursor.rowcount

    @property
    def lastrowid(self) -> int | None:
        return self._cursor.lastrowid


class _AtOnce:
    """aiosqlite's queue of work for its thread, without the thread."""

    def put_nowait(self, item: tuple[Any, Callable[[], object]]) -> None:
        future, work = item
        future.set_result(work())


def _words(sql: str) -> str:
    """Return what kind of statement this is and on which table."""
    verb = sql[:6]
    if verb == "BEGIN ":
        return "BEGIN"
    if verb == "SELECT":
        start = sql.find("FROM ") + 5
    elif verb == "INSERT":
        start = 12
    elif verb == "UPDATE":
        start = 7
    else:
        return verb
    end = start
    while end < len(sql) and (sql[end].isalnum() or sql[end] == "_"):
        end += 1
    return f"{verb} {sql[start:end]}"

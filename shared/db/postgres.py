"""PostgreSQL through asyncpg: every wait bounded, errors in the words that SQLite has.

asyncpg's errors reach us in many classes, some of them bare. Here those of a database that is locked,
busy or down become what the rest knows them as: `OperationalError`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

if TYPE_CHECKING:
    from sqlalchemy import Dialect
    from sqlalchemy.engine import ExceptionContext

_CONNECT_S = 5
_STATEMENT_S = 15
_SILENCE_S = 20
"""After so long without an answer the network is at fault: the server would have cancelled by itself."""
_POOL_S = 10
_BUSY_OR_DOWN = ("08", "53", "57", "58")
"""Classes of SQLSTATE (postgresql.org/docs/current/errcodes-appendix.html): connection, resources,
an operator or a time limit, the system;"""
_BUSY_OR_DOWN_CODES = frozenset({"40001", "40003", "40P01", "55P03", "25006", "25P03"})
"""and single codes: serialization, deadlock, lock timeout, a server that is read-only for now."""
_DATA = "22"
"""The class of a value that does not fit, which asyncpg's errors do not tell from others."""

_WAITS = {
    "lock_timeout": "3s",
    "statement_timeout": f"{_STATEMENT_S}s",
    "idle_in_transaction_session_timeout": "60s",
}
_FROZEN_S = 5
"""After so long in the middle of a transaction a scheduler's locks go to the others, which have executors
to answer within 15 s. Between two statements it takes milliseconds."""
# A machine that vanished must not keep its locks for the two hours of TCP's own patience.
_PEER = {"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What an engine is for."""

    name: str
    """Shown in pg_stat_activity."""
    connections: int
    reads_only: bool = False
    """Every transaction sees one state of the database, as on SQLite, and can change nothing."""
    schedules: bool = False
    """One connection, whose transactions hold locks on jobs: see `shared.db.locks`."""
    patient: bool = False
    """Waits for locks for half a minute and for statements for ever: migrations."""


def make_engine(url: str, use: Use) -> AsyncEngine:
    """Return an engine; nothing is connected yet. Commits are as durable as the server's defaults."""
    engine = create_async_engine(
        _without_sslmode(make_url(url)),
        isolation_level="REPEATABLE READ" if use.reads_only else "READ COMMITTED",
        execution_options={"postgresql_readonly": True} if use.reads_only else {},
        pool_pre_ping=True,
        pool_size=use.connections,
        max_overflow=0,
        pool_timeout=_POOL_S,
        connect_args={
            "timeout": _CONNECT_S,
            "command_timeout": None if use.patient else _SILENCE_S,
            "server_settings": _server_settings(use),
        },
    )
    event.listen(engine.sync_engine, "do_connect", _connected)
    event.listen(engine.sync_engine, "handle_error", _in_our_words, retval=True)
    return engine


def refusal(error: BaseException) -> str | None:
    """Say what to mend when PostgreSQL refuses us for good; None: it is down, and waiting may help."""
    found = error
    while found.__cause__ is not None:
        found = found.__cause__
    code = getattr(found, "sqlstate", None) or ""
    if code.startswith("28"):
        return (
            f"PostgreSQL refuses this user or password: {found}. Check PORTAL_DATABASE_URL and the password."
        )
    if code == "3D000":
        return f"PostgreSQL has no such database: {found}. Create it, or check PORTAL_DATABASE_URL."
    if code == "42501":
        return f"PostgreSQL does not let this user in: {found}. Grant it the right, or choose another user."
    return None


def _server_settings(use: Use) -> dict[str, str]:
    settings = {"application_name": f"portal {use.name}", "timezone": "UTC", **_WAITS, **_PEER}
    if use.patient:
        settings |= {"lock_timeout": "30s", "statement_timeout": "0"}
    if use.schedules:
        # Who is waited for is at work, or is cut off before that.
        settings |= {"lock_timeout": "10s", "idle_in_transaction_session_timeout": f"{_FROZEN_S}s"}
    return settings


def _without_sslmode(url: URL) -> URL:
    """Say TLS as asyncpg hears it: addresses are handed around with libpq's word for it."""
    mode = url.query.get("sslmode")
    return url if mode is None else url.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})


def _connected(dialect: "Dialect", _record: Any, arguments: Any, options: Any) -> Any:
    try:
        return dialect.connect(*arguments, **options)
    except OSError as error:  # refused, unknown, unreachable, too slow: asyncpg lets them through bare
        raise dialect.loaded_dbapi.OperationalError(f"cannot connect: {error!r}") from error


def _in_our_words(context: "ExceptionContext") -> Exception | None:
    found = context.original_exception
    if not isinstance(found, Exception):
        return None  # a cancellation stays one
    dbapi: Any = context.dialect.loaded_dbapi
    if isinstance(found, OSError | dbapi.InternalClientError):
        context.is_disconnect = True  # whatever state it is in, nobody wants this connection again
    is_connecting = context.connection is None and not context.is_pre_ping
    if not is_connecting and (getattr(found, "sqlstate", None) or "").startswith(_DATA):
        return DataError(context.statement, context.parameters, found)
    if not (is_connecting or context.is_disconnect or _is_busy_or_down(found, dbapi)):
        return None
    return OperationalError(
        context.statement, context.parameters, found, connection_invalidated=context.is_disconnect
    )


def _is_busy_or_down(error: BaseException, dbapi: Any) -> bool:
    if isinstance(error, dbapi.InvalidCachedStatementError):  # a migration went by: once more is well
        return True
    code = getattr(error, "sqlstate", None) or ""
    return code.startswith(_BUSY_OR_DOWN) or code in _BUSY_OR_DOWN_CODES

"""The tests' PostgreSQL: one server per session, a fresh database per test.

Taken in this order: PORTAL_TEST_POSTGRES_URL, a container where a Docker engine answers, a private
server from Debian's package. It is a real one in every case; only its patience with power cuts is off.
"""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg

from tests.support.engine import docker_answers
from tests.support.eventually import eventually
from tests.support.stack import free_port

URL_VARIABLE = "PORTAL_TEST_POSTGRES_URL"
IMAGE = os.environ.get("POSTGRES_IMAGE", "postgres:17")
GUARDED = "guarded"
"""A role for which a private server asks for a password; all others on loopback need none."""

_START_BOUND_S = 30
_PACKAGES = Path("/usr/lib/postgresql")
# As on most people's servers, and unlike Python and SQLite: B between a and c, not before both.
_LOCALE = ("--encoding=UTF8", "--locale=C", "--locale-provider=icu", "--icu-locale=en-US")
_FAST = ("fsync=off", "full_page_writes=off", "shared_buffers=32MB", "max_wal_size=256MB")


@dataclass(frozen=True, slots=True, kw_only=True)
class Postgres:
    """A server: `address` is `postgresql://user:password@host:port/`, to be followed by a database's name."""

    address: str

    def execute(self, *statements: str, database: str = "postgres") -> list[list[Any]]:
        """Run statements as its owner, each in a transaction of its own; return the rows of each."""
        return _done(_executed(self.address + database, statements))

    def fresh_database(self, template: str | None = None) -> str:
        """Make a database, as a copy of the template's if one is named; return its address."""
        name = f"test_{uuid4().hex[:12]}"
        source = "" if template is None else f' TEMPLATE "{name_in(template)}"'
        self.execute(f'CREATE DATABASE "{name}"{source}')
        return self.address + name

    def drop_database(self, url: str) -> None:
        """Delete a database made here, whoever still uses it."""
        self.execute(f'DROP DATABASE "{name_in(url)}" WITH (FORCE)')


class Spares:
    """Copies of a database, each made and dropped while a test runs: both take as long as the test."""

    def __init__(self, server: Postgres, template: str) -> None:
        self._server, self._template = server, template
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._drops: list[Future[None]] = []
        self._next = self._thread.submit(server.fresh_database, template)

    def take(self) -> str:
        """Return the address of a copy that nobody else has."""
        url = self._next.result()
        self._next = self._thread.submit(self._server.fresh_database, self._template)
        return url

    def give_back(self, url: str) -> None:
        """Let it be dropped soon."""
        self._drops.append(self._thread.submit(self._server.drop_database, url))

    def close(self) -> None:
        """Drop what is left; raise what went wrong with the others."""
        self.give_back(self._next.result())
        for drop in self._drops:
            drop.result()
        self._thread.shutdown()


@dataclass(slots=True, kw_only=True)
class PrivateServer:
    """A server of our own on a free port of loopback, which a test may stop and start again."""

    folder: Path
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def postgres(self) -> Postgres:
        return Postgres(address=f"postgresql://portal@127.0.0.1:{self.port}/")

    @property
    def runs(self) -> bool:
        return self._process is not None

    def start(self) -> None:
        """Start it and return when it answers. Not from a helper thread: it would end with that."""
        settings = (
            *_FAST,
            f"port={self.port}",
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={self.folder}",
        )
        options = [part for setting in settings for part in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*_tether(), _program("postgres"), "-D", str(self.folder / "data"), *options],
                stdout=log,
                stderr=log,
                **_as_owner(),
            )
        eventually(self._answers, within_s=_START_BOUND_S, what="PostgreSQL answers")

    def stop(self) -> None:
        """End it at once, as a crash would: sessions are cut off, the next start recovers."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(_START_BOUND_S)
            self._process = None

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()
        try:
            self.postgres.execute("SELECT 1")
        except (OSError, asyncpg.PostgresError):
            return False
        return True


def origin() -> str:
    """Say which server the tests take; nothing is started for it."""
    if os.environ.get(URL_VARIABLE):
        return URL_VARIABLE
    if docker_answers():
        return f"container of {IMAGE}"
    return "private server" if _found("postgres") else "none, `./portal test` installs it"


@contextmanager
def session_postgres() -> Iterator[Postgres]:
    """Give the session's server while inside."""
    given = os.environ.get(URL_VARIABLE)
    if given:
        yield Postgres(address=given.removesuffix(urlsplit(given).path) + "/")
    elif docker_answers():
        with _container() as postgres:
            yield postgres
    else:
        with private_server() as server:
            yield server.postgres


@contextmanager
def private_server() -> Iterator[PrivateServer]:
    """Run a server of one's own while inside; it takes about 1.5 s to make."""
    # Not below pytest's folder, which only this account may enter: PostgreSQL refuses to run as root.
    folder = Path(tempfile.mkdtemp(prefix="portal-postgres-"))
    server = PrivateServer(folder=folder)
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, _owner().pw_uid, _owner().pw_gid)
        _make_cluster(folder)
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def name_in(url: str) -> str:
    """Return the database's name in an address."""
    return urlsplit(url).path.removeprefix("/")


@contextmanager
def _container() -> Iterator[Postgres]:
    from testcontainers.community.postgres import PostgresContainer

    command = " ".join(("postgres", *(f"-c {setting}" for setting in _FAST)))
    with PostgresContainer(IMAGE, driver=None).with_command(command) as container:
        yield Postgres(address=container.get_connection_url().rpartition("/")[0] + "/")


def _make_cluster(folder: Path) -> None:
    data = folder / "data"
    subprocess.run(
        [_program("initdb"), "-D", str(data), "-U", "portal", "--auth=trust", "--no-sync", *_LOCALE],
        check=True,
        stdout=subprocess.DEVNULL,
        **_as_owner(),
    )
    rules = data / "pg_hba.conf"
    rules.write_text(f"host all {GUARDED} 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")


def _as_owner() -> dict[str, Any]:
    """Return how a program is run as somebody who is not root, from a folder that they can enter."""
    if os.geteuid() != 0:
        return {"cwd": "/"}
    owner = _owner()
    return {"cwd": "/", "user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}


def _owner() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")  # Debian's package makes this account
    except KeyError:
        return pwd.getpwnam("nobody")


def _program(name: str) -> str:
    found = _found(name)
    if found is None:
        raise RuntimeError(
            "The tests need PostgreSQL's programs: install Debian's package postgresql (`./portal test` does "
            "so as root)."
        )
    return found


def _found(name: str) -> str | None:
    """Return the newest version's program; Debian keeps them off the PATH."""
    found = sorted(_PACKAGES.glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]))
    return str(found[-1]) if found else shutil.which(name)


def _tether() -> list[str]:
    """Have the kernel end it when pytest dies, however that comes about."""
    setpriv = shutil.which("setpriv")
    return [] if setpriv is None else [setpriv, "--pdeathsig", "QUIT", "--"]


def _done(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end on a loop of its own: the caller's may be running."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, work).result()


async def _executed(url: str, statements: tuple[str, ...]) -> list[list[Any]]:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return [await connection.fetch(statement) for statement in statements]
    finally:
        await connection.close()

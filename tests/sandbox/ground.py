"""The ground that hostile scripts are let loose on: decoys, people's services, and who must not be harmed."""

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.sandbox.headers import FOLDER

USER = 64_986
"""Who the executor is when root starts it: nobody else's number."""


class Ground:
    """Lies where every user may come by, as the places of real executors do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.words = {
            kind: f"decoy-{kind}-{secrets.token_hex(8)}" for kind in ("env", "secret", "unlisted", "run")
        }
        folder.chmod(0o755)
        shutil.copytree(FOLDER, folder / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
        for name, mode in (("home", 0o700), ("home/secrets", 0o700), ("home/work", 0o700)):
            self._make(name, mode, is_executors=True)
        for name, mode in (("unlisted", 0o755), ("open", 0o777), ("closed", 0o777)):
            self._make(name, mode)
        self._put("home/secrets/amqp_url", self.words["secret"], 0o600, is_executors=True)
        self._put("unlisted/decoy", self.words["unlisted"], 0o644)
        self._put("closed/closed", "as it was", 0o400)
        self._put("closed/other", "as it was", 0o666)
        (folder / "closed").chmod(0o755)
        self.open_tmp = Path(tempfile.mkdtemp(prefix="open-", dir="/tmp"))
        self.open_tmp.chmod(0o1777)
        self.listeners = Listeners(folder)
        self.restore()

    def told(self) -> dict[str, str]:
        """Return what every script is told of it."""
        return {
            "EXECUTOR_HOME": str(self.folder / "home"),
            "SECRET": str(self.folder / "home/secrets/amqp_url"),
            "UNLISTED": str(self.folder / "unlisted/decoy"),
            "OPEN_FOLDER": str(self.folder / "open"),
            "OPEN_FILE": str(self.folder / "open/file"),
            "OPEN_TMP": str(self.open_tmp),
            "CLOSED_FOLDER": str(self.folder / "closed"),
            "SCRIPTS": str(self.folder / "scripts"),
            **self.listeners.told,
        }

    def restore(self) -> None:
        """Put back what scripts of level process may change."""
        (self.folder / "open").chmod(0o777)
        for path in (
            *(self.folder / "open").iterdir(),
            *(self.folder / "home").iterdir(),
            *self.open_tmp.iterdir(),
        ):
            if path.name not in {"socket", "datagram", "secrets", "work"}:
                subprocess.run(["rm", "-rf", str(path)], check=True)
        self._put("home/journal", self.words["secret"], 0o600, is_executors=True)
        self._put("open/file", "as it was", 0o666)

    def close(self) -> None:
        self.listeners.close()
        shutil.rmtree(self.open_tmp, ignore_errors=True)

    def _make(self, name: str, mode: int, *, is_executors: bool = False) -> None:
        path = self.folder / name
        path.mkdir()
        path.chmod(mode)
        self._own(path, is_executors=is_executors)

    def _put(self, name: str, content: str, mode: int, *, is_executors: bool = False) -> None:
        path = self.folder / name
        path.write_text(content)
        path.chmod(mode)
        self._own(path, is_executors=is_executors)

    def _own(self, path: Path, *, is_executors: bool) -> None:
        if is_executors and os.geteuid() == 0:
            os.chown(path, USER, USER)


class Listeners:
    """Services of the machine, by every kind of socket; who sends them a word has reached them."""

    def __init__(self, folder: Path) -> None:
        abstract = f"corpus-{secrets.token_hex(8)}"
        stream, datagram = str(folder / "open/socket"), str(folder / "open/datagram")
        kinds: list[tuple[int, int, object]] = [
            (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            (socket.AF_UNIX, socket.SOCK_STREAM, stream),
            (socket.AF_UNIX, socket.SOCK_DGRAM, datagram),
            (socket.AF_UNIX, socket.SOCK_STREAM, f"\0{abstract}"),
            (socket.AF_UNIX, socket.SOCK_DGRAM, f"\0{abstract}-d"),
        ]
        self._sockets = []
        self._heard = b""
        for family, kind, address in kinds:
            one = socket.socket(family, kind)
            one.bind(address)
            one.setblocking(False)
            if kind == socket.SOCK_STREAM:
                one.listen(100)
            self._sockets.append(one)
        Path(stream).chmod(0o777)
        Path(datagram).chmod(0o777)
        self.told = {
            "TCP": str(self._sockets[0].getsockname()[1]),
            "UDP": str(self._sockets[1].getsockname()[1]),
            "SOCKET": stream,
            "DATAGRAM": datagram,
            "ABSTRACT": abstract,
        }

    def heard(self) -> bytes:
        """Return all that has come so far."""
        self._heard += b" ".join(piece for one in self._sockets for piece in _received(one))
        return self._heard

    def close(self) -> None:
        for one in self._sockets:
            one.close()


def _received(one: socket.socket) -> Iterator[bytes]:
    with contextlib.suppress(BlockingIOError):
        while True:
            if one.type == socket.SOCK_DGRAM:
                yield one.recv(1000)
                continue
            caller, _ = one.accept()
            with caller, contextlib.suppress(OSError):
                caller.settimeout(1)
                yield caller.recv(1000) or b"a caller without a word"

"""The one folder in which a portal keeps its state, and the tree the program lies in."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from services.cli.errors import AlreadyRunning, CannotStart

TREE = Path(__file__).resolve().parents[2]
"""The repository: services are started here, `scripts/` and the default home lie here."""


@dataclass(frozen=True, slots=True)
class Home:
    """The layout of the folder; its methods make what they name."""

    folder: Path

    @property
    def record(self) -> Path:
        """What runs, for other commands: see `record.py`."""
        return self.folder / "run" / "supervisor.json"

    @property
    def ports(self) -> Path:
        """The loopback ports chosen at the first start."""
        return self.folder / "ports.json"

    @property
    def broker(self) -> Path:
        """The private RabbitMQ node's folder."""
        return self.folder / "broker"

    @property
    def local_key(self) -> Path:
        """What the command line shows the portal of this home; the ui makes it."""
        return self.folder / "local.key"

    @property
    def seeded(self) -> Path:
        """Exists once the sample job was made, so that deleting it is final."""
        return self.folder / "sample-seeded"

    def executor(self, name: str) -> Path:
        """Return the folder of one executor's journal and spool."""
        return self.folder / "executors" / name

    def secret(self, name: str) -> Path:
        """Return the file of a secret, 64 hexadecimal digits made at the first use, readable by us only."""
        path = self.folder / "secrets" / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(32))
        return path

    @property
    def secrets_keys(self) -> Path:
        """The keys that seal what people store as secrets, one a line, the newest first."""
        return self.folder / "secrets" / "secrets.key"

    def broker_password(self, user: str) -> Path:
        """Return the file of a RabbitMQ user's password; the person's has the shorter name."""
        return self.secret("broker.password" if user == "portal" else f"broker.{user}.password")

    def make(self) -> None:
        """Make the folder, for us alone; a home that is there keeps its content and loses other readers.

        Raises CannotStart for a folder that cannot be used, or that others read and that is no home
        yet: closing a shared folder such as /tmp to everybody else would harm them.
        """
        folder = self.folder
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if folder.stat().st_mode & 0o077:
                if any(folder.iterdir()) and not (folder / "secrets").exists():
                    raise CannotStart(
                        f"{folder} is shared and holds other things: choose a new folder with --home"
                    )
                folder.chmod(0o700)
            self.record.parent.mkdir(exist_ok=True)
        except OSError as error:
            raise CannotStart(
                f"{folder} cannot be used ({error.strerror}): choose another with --home"
            ) from error

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the home for one supervisor while inside; raises AlreadyRunning. The kernel frees it."""
        with (self.folder / "run" / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise AlreadyRunning(str(self.folder)) from error
            yield


def chosen(folder: Path | None) -> Home:
    """Return the home given on the command line, else PORTAL_HOME, else `.portal` in the tree."""
    named = folder or os.environ.get("PORTAL_HOME")
    return Home(Path(named).absolute() if named else TREE / ".portal")

"""`portal secrets`: makes passwords and keys, and lays each where only its reader finds it.

A one-shot service of compose.yaml runs this as root; each folder below is a volume of its own and is
all that its service sees of the secrets. What is there is kept: the files are the only copy. Definitions
are written anew from them at each run, so that new rights and policies come with an upgrade.
"""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from services.cli import broker_definitions, keyfile
from services.cli.broker_definitions import CONSOLE_USER
from shared.messages.topology import PERMISSIONS

_URL = "portal_amqp_url"
_GRANT_KEY = "portal_grant_key"
SECRETS_KEYS = "portal_secrets_key"
_DATABASE_PASSWORD = "portal_database_password"  # noqa: S105 - a file's name


@dataclass(frozen=True, slots=True, kw_only=True)
class Owners:
    """The user id, which is the group's too, that each service reads its files as."""

    rabbitmq: int = 999
    postgres: int = 999
    services: int = 10001
    """Scheduler and ui."""
    executor: int = 0
    """Root, who reads them and then drops to another: scripts run as that one, and cannot."""


@dataclass(frozen=True, slots=True)
class _Secret:
    folder: str
    name: str
    text: str


def lay_out(folder: Path, *, broker_host: str = "rabbitmq", owners: Owners | None = None) -> None:
    """Make what is missing below `folder` and write everything, each file at once; repeating it is safe.

    Where this is not root, owners stay as they are. Raises OSError for a folder that cannot be written.
    """
    chosen = owners or Owners()
    owner = {
        "rabbitmq": chosen.rabbitmq,
        "postgres": chosen.postgres,
        "scheduler": chosen.services,
        "ui": chosen.services,
        "executor": chosen.executor,
    }
    for secret in _secrets(folder, broker_host):
        _write(folder / secret.folder / secret.name, secret.text, owner=owner[secret.folder])


def _secrets(folder: Path, broker_host: str) -> list[_Secret]:
    console = _kept(folder, "rabbitmq/console_password") or secrets.token_urlsafe(24)
    users = {name: _password_of(_kept(folder, f"{name}/{_URL}")) for name in PERMISSIONS}
    key = _kept(folder, f"scheduler/{_GRANT_KEY}", f"executor/{_GRANT_KEY}") or secrets.token_hex(32)
    # PostgreSQL takes its password at its first start only: what it was given then has the first word.
    readers = ("postgres/password", f"scheduler/{_DATABASE_PASSWORD}", f"ui/{_DATABASE_PASSWORD}")
    database = _kept(folder, *readers) or secrets.token_urlsafe(24)
    sealing = _kept(folder, f"ui/{SECRETS_KEYS}", f"executor/{SECRETS_KEYS}") or keyfile.new_key()
    definitions = broker_definitions.of_node({CONSOLE_USER: console, **users}, broker_definitions.of_vhost())
    return [
        # The rest of a run that was cut off reads these back: definitions come last.
        _Secret("rabbitmq", "console_password", console),
        *(
            _Secret(user, _URL, f"amqp://{user}:{password}@{broker_host}:5672/")
            for user, password in users.items()
        ),
        _Secret("scheduler", _GRANT_KEY, key),
        _Secret("executor", _GRANT_KEY, key),
        _Secret("ui", SECRETS_KEYS, sealing),
        _Secret("executor", SECRETS_KEYS, sealing),
        _Secret("postgres", "password", database),
        _Secret("scheduler", _DATABASE_PASSWORD, database),
        _Secret("ui", _DATABASE_PASSWORD, database),
        _Secret("rabbitmq", "definitions.json", json.dumps(definitions, indent=1)),
    ]


def _kept(folder: Path, *names: str) -> str | None:
    """Return what the first of these files holds; None where there is none of them."""
    return next((found.read_text("ascii") for name in names if (found := folder / name).exists()), None)


def _password_of(amqp_url: str | None) -> str:
    known = None if amqp_url is None else urlsplit(amqp_url).password
    return known or secrets.token_urlsafe(24)


def _write(path: Path, text: str, *, owner: int) -> None:
    """Replace a file in one step: no reader ever finds half of it, or one that others can read."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.parent.chmod(0o700)
    _give(path.parent, owner)
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(
        os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "w", encoding="ascii"
    ) as file:
        _give(file.fileno(), owner)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _give(place: Path | int, owner: int) -> None:
    if os.geteuid() == 0:
        os.chown(place, owner, owner)

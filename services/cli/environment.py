"""The one place that turns a home and its ports into the environment of the services."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.cli import keyfile
from services.cli.home import TREE, Home
from shared.domain.script import Interpreters, interpreters_of

_DATABASE = ("PORTAL_DATABASE_URL", "PORTAL_LOGS_DATABASE_URL", "PORTAL_DATABASE_PASSWORD")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What all services of one portal share."""

    home: Home
    amqp_urls: Mapping[str, str]
    """Per service: each has a RabbitMQ user of its own, unless the broker was given."""
    ui_port: int
    sandbox: str

    def for_scheduler(self, health_port: int) -> Mapping[str, str]:
        """Return the scheduler's environment."""
        return self._common("scheduler") | {"PORTAL_HEALTH_PORT": str(health_port)}

    def for_executor(self, name: str, health_port: int) -> Mapping[str, str]:
        """Return an executor's environment; it is told no database, it knows none."""
        own = {
            "PORTAL_HEALTH_PORT": str(health_port),
            "PORTAL_EXECUTOR_NAME": name,
            "PORTAL_EXECUTOR_HOME": str(self.home.executor(name)),
            "PORTAL_SCRIPT_PYTHON": script_python(),
            "PORTAL_SANDBOX": self.sandbox,
            "PORTAL_SECRETS_KEY_FILE": str(self._secrets_keys()),
        }
        return {key: value for key, value in self._common("executor").items() if key not in _DATABASE} | own

    def for_ui(self) -> Mapping[str, str]:
        """Return the portal's environment; others reach it by a proxy on this machine."""
        own = {
            "PORTAL_UI_HOST": "127.0.0.1",
            "PORTAL_UI_PORT": str(self.ui_port),
            "PORTAL_SECRETS_KEY_FILE": str(self._secrets_keys()),
        }
        return self._common("ui") | own

    def for_migrate(self) -> Mapping[str, str]:
        """Return the environment in which the database is brought up to date."""
        return self._common("scheduler")

    def _secrets_keys(self) -> Path:
        """Return the key file of secrets, made at the first use; the scheduler is not told of it."""
        keys = self.home.secrets_keys
        if not keys.exists():
            keyfile.write(keys, [keyfile.new_key()])
        return keys

    def _common(self, user: str) -> dict[str, str]:
        # PYTHONPATH came from stage 0; the services start inside the tree and need none.
        inherited = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        defaults = {"PORTAL_SCRIPTS_DIR": str(scripts_dir()), "PORTAL_LOG_FORMAT": "console"}
        fixed = {
            "PORTAL_HOME": str(self.home.folder),
            "PORTAL_AMQP_URL": self.amqp_urls[user],
            "PORTAL_GRANT_KEY_FILE": str(self.home.secret("grant.key")),
            "PYTHONUNBUFFERED": "1",  # their last words must not die in a buffer
            "PYTHONTZPATH": "",  # zones by the pinned package, not by what this machine has
        }
        return defaults | inherited | fixed


def given_amqp_url() -> str | None:
    """Return the broker named by PORTAL_AMQP_URL; None: a private node."""
    return os.environ.get("PORTAL_AMQP_URL") or None


def scripts_dir() -> Path:
    """Return the folder of the scripts: PORTAL_SCRIPTS_DIR, else the tree's."""
    return Path(os.environ.get("PORTAL_SCRIPTS_DIR") or TREE / "scripts").absolute()


def interpreters() -> Interpreters:
    """Return what runs other scripts, by extension: PORTAL_INTERPRETERS.

    Raises:
        ValueError: an entry is wrong; says which.
    """
    return interpreters_of(os.environ.get("PORTAL_INTERPRETERS", ""))


def given_uv() -> Path | None:
    """Return what makes environments: PORTAL_UV; None: the one that is installed beside us."""
    return Path(given) if (given := os.environ.get("PORTAL_UV")) else None


def script_python() -> str:
    """Return the interpreter of `.py` scripts: PORTAL_SCRIPT_PYTHON, else the system's, else our base's.

    Never the portal's own environment: a script must not come to depend on our packages.
    """
    system = Path("/usr/bin/python3")
    return os.environ.get("PORTAL_SCRIPT_PYTHON") or str(
        system if system.exists() else Path(sys.executable).resolve()
    )

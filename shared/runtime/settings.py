"""The settings that services share: environment variables `PORTAL_*`, checked once at the start."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class HomeSettings(BaseSettings):
    """Where state lives and how the service logs."""

    model_config = SettingsConfigDict(env_prefix="PORTAL_", extra="ignore")

    home: Path = Path(".portal")
    log_format: Literal["console", "json"] = "console"
    health_port: int = Field(default=0, ge=0, le=65_535)
    """Loopback port of the health endpoint; 0 means none."""


class BrokerSettings(HomeSettings):
    """How to reach RabbitMQ."""

    amqp_url: SecretStr
    """`amqp://user:password@host:port/vhost`."""


class DatabaseSettings(HomeSettings):
    """Where the ledger and the logs are stored."""

    database_url: str | None = None
    logs_database_url: str | None = None

    @property
    def ledger_url(self) -> str:
        """Return the SQLAlchemy URL of the ledger; by default SQLite in the home."""
        return self.database_url or f"sqlite+aiosqlite:///{self.home.resolve() / 'portal.db'}"

    @property
    def logs_url(self) -> str:
        """Return the URL of the logs: on SQLite a file of their own, so that logs never block promises."""
        if self.logs_database_url is not None:
            return self.logs_database_url
        if not self.ledger_url.startswith("sqlite"):
            return self.ledger_url
        folder, _, _ = self.ledger_url.rpartition("/")
        return f"{folder}/logs.db"


class GrantSettings(HomeSettings):
    """Where the key lies that scheduler and executors share."""

    grant_key_file: Path | None = None

    def grant_key(self) -> bytes:
        """Read the key that signs grants.

        Raises:
            SystemExit: when the file is missing or too short, with what to do.
        """
        path = self.grant_key_file or self.home / "secrets" / "grant.key"
        try:
            key = path.read_text("ascii").strip()
        except OSError as error:
            raise SystemExit(
                f"cannot read the grant key {path}: {error.strerror}. "
                "Set PORTAL_GRANT_KEY_FILE to a file with 64 random hex digits."
            ) from error
        if len(key) < 32:  # noqa: PLR2004 - 128 bits in hex
            raise SystemExit(f"the grant key in {path} is too short: write 64 random hex digits into it.")
        return key.encode("ascii")

"""The settings that services share: environment variables `PORTAL_*`, checked once at the start.

What is secret may come as a file instead: `portal_amqp_url` in /run/secrets, where containers find
theirs, or in the folder that PORTAL_SECRETS_DIR names. A variable wins over a file.
"""

import os
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote, urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

from shared.domain.script import interpreters_of

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
}
"""The scheme as people know it, and with the driver that we use."""


class HomeSettings(BaseSettings):
    """Where state lives and how the service logs."""

    model_config = SettingsConfigDict(env_prefix="PORTAL_", extra="ignore")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Look into the environment, then into the folder of secrets, if there is one."""
        del dotenv_settings, file_secret_settings
        folder = Path(os.environ.get("PORTAL_SECRETS_DIR", "/run/secrets"))  # noqa: TID251 - this is settings
        files = (SecretsSettingsSource(settings_cls, folder),) if folder.is_dir() else ()
        return (init_settings, env_settings, *files)

    home: Path = Path(".portal")
    log_format: Literal["console", "json"] = "console"
    health_port: int = Field(default=0, ge=0, le=65_535)
    """Loopback port of the health endpoint; 0 means none."""


class ScriptSettings(HomeSettings):
    """Where scripts are, and what runs them: the same for who runs them and who lets people choose one."""

    scripts_dir: Path = Path("scripts")
    interpreters: Annotated[dict[str, tuple[str, ...]], NoDecode] = Field(default_factory=dict)
    """`.rb=/usr/bin/ruby,.js=/usr/bin/node`: what runs files besides .py, .sh and executables."""

    @field_validator("interpreters", mode="before")
    @classmethod
    def _by_extension(cls, value: object) -> object:
        return interpreters_of(value) if isinstance(value, str) else value


class BrokerSettings(HomeSettings):
    """How to reach RabbitMQ."""

    amqp_url: SecretStr
    """`amqp://user:password@host:port/vhost`."""


class DatabaseSettings(HomeSettings):
    """Where the ledger and the logs are stored."""

    database_url: str | None = None
    """`postgresql://user@host/name` or `sqlite:////absolute/path.db`."""
    logs_database_url: str | None = None
    database_password: SecretStr | None = None
    """Goes into a URL that names a user and no password."""

    @property
    def ledger_url(self) -> str:
        """Return the SQLAlchemy URL of the ledger; by default SQLite in the home."""
        if self.database_url is None:
            return f"sqlite+aiosqlite:///{self.home.resolve() / 'portal.db'}"
        return self._completed(self.database_url)

    @property
    def logs_url(self) -> str:
        """Return the URL of the logs: on SQLite a file of their own, so that logs never block promises."""
        if self.logs_database_url is not None:
            return self._completed(self.logs_database_url)
        if not self.ledger_url.startswith("sqlite"):
            return self.ledger_url
        folder, _, _ = self.ledger_url.rpartition("/")
        return f"{folder}/logs.db"

    def _completed(self, url: str) -> str:
        scheme, separator, rest = url.partition("://")
        url = f"{_DRIVERS.get(scheme, scheme)}{separator}{rest}"
        parts = urlsplit(url)
        if self.database_password is None or parts.username is None or parts.password is not None:
            return url
        user, _, place = parts.netloc.rpartition("@")
        password = quote(self.database_password.get_secret_value(), safe="")
        return parts._replace(netloc=f"{user}:{password}@{place}").geturl()


class GrantSettings(HomeSettings):
    """The key that scheduler and executors share."""

    grant_key_file: Path | None = None
    signing_key: SecretStr | None = Field(default=None, validation_alias="PORTAL_GRANT_KEY")
    """The key itself, from the secret file `portal_grant_key`; wins over the other file."""

    def grant_key(self) -> bytes:
        """Return the key that signs grants; read from its file unless it was given.

        Raises:
            SystemExit: when the file is missing or the key too short, with what to do.
        """
        if self.signing_key is not None:
            return _long_enough(self.signing_key.get_secret_value(), "portal_grant_key")
        path = self.grant_key_file or self.home / "secrets" / "grant.key"
        try:
            key = path.read_text("ascii")
        except OSError as error:
            raise SystemExit(
                f"cannot read the grant key {path}: {error.strerror}. "
                "Set PORTAL_GRANT_KEY_FILE to a file with 64 random hex digits."
            ) from error
        return _long_enough(key, path)


def _long_enough(key: str, place: Path | str) -> bytes:
    key = key.strip()
    if len(key) < 32:  # noqa: PLR2004 - 128 bits in hex
        raise SystemExit(f"the grant key in {place} is too short: write 64 random hex digits into it.")
    return key.encode("ascii")

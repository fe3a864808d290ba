"""What the ui service is told by its environment."""

from functools import cache
from typing import Final

from pydantic import Field, field_validator

from shared.domain.errors import ScheduleError
from shared.domain.retention import LEAST_BYTES, MOST_BYTES
from shared.domain.schedules import checked_zone
from shared.domain.script import MOST_HASHED_BYTES
from shared.runtime.settings import BrokerSettings, DatabaseSettings, HomeSettings, ScriptSettings
from shared.runtime.vault import SecretsSettings

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class ZoneSettings(HomeSettings):
    """The zone of schedules that name none, and of people who chose none; what is stored keeps its own."""

    default_zone: str = "Asia/Hong_Kong"

    @field_validator("default_zone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            return checked_zone(name)
        except ScheduleError as error:
            raise ValueError(f"PORTAL_DEFAULT_ZONE: {error}") from error


@cache
def default_zone() -> str:
    """Return the zone that is meant where none is named, as the environment said first."""
    return ZoneSettings().default_zone


class UiSettings(BrokerSettings, DatabaseSettings, SecretsSettings, ScriptSettings, ZoneSettings):
    """Settings of the ui: where it listens, and where scripts are looked up for suggestions."""

    keep_bytes: int = Field(default=10_000_000_000, ge=LEAST_BYTES, le=MOST_BYTES)
    """So much of what the runs of a job printed is kept at most, unless it says otherwise."""
    upload_bytes: int = Field(default=1_000_000, ge=0, le=MOST_HASHED_BYTES)
    """A script that is uploaded has so many bytes at most; 0: none is."""
    ui_host: str = "127.0.0.1"
    ui_published: str | None = None
    """Where a container's port is published: its own addresses are then nobody's but its network's."""
    ui_port: int = Field(default=8080, ge=0, le=65_535)
    """0 asks the system for a free port."""

    def checked_host(self) -> str:
        """Return the host to listen on.

        Raises:
            SystemExit: where others than this machine could reach it, until there is sign-in.
        """
        reached_at = self.ui_published or self.ui_host
        if reached_at not in LOOPBACK:
            name = "PORTAL_UI_PUBLISHED" if self.ui_published else "PORTAL_UI_HOST"
            raise SystemExit(
                f"{name}={reached_at} is refused: the portal has no sign-in yet, so it is to be reached on "
                "loopback only. Use 127.0.0.1 and an SSH tunnel. In a container whose port is published on "
                "127.0.0.1 of its host, listen on 0.0.0.0 and set PORTAL_UI_PUBLISHED=127.0.0.1."
            )
        return self.ui_host

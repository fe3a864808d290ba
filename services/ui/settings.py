"""What the ui service is told by its environment."""

from pathlib import Path
from typing import Final

from pydantic import Field

from shared.runtime.settings import BrokerSettings, DatabaseSettings

DEFAULT_ZONE: Final = "Asia/Hong_Kong"
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class UiSettings(BrokerSettings, DatabaseSettings):
    """Settings of the ui: where it listens, and where scripts are looked up for suggestions."""

    ui_host: str = "127.0.0.1"
    ui_published: str | None = None
    """Where a container's port is published: its own addresses are then nobody's but its network's."""
    ui_port: int = Field(default=8080, ge=0, le=65_535)
    """0 asks the system for a free port."""
    scripts_dir: Path = Path("scripts")

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

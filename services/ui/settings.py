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
    ui_port: int = Field(default=8080, ge=0, le=65_535)
    """0 asks the system for a free port."""
    scripts_dir: Path = Path("scripts")

    def checked_host(self) -> str:
        """Return the host to listen on.

        Raises:
            SystemExit: for anything but loopback, until there is sign-in.
        """
        if self.ui_host not in LOOPBACK:
            raise SystemExit(
                f"PORTAL_UI_HOST={self.ui_host} is refused: the portal has no sign-in yet, so it listens on "
                "loopback only. Use 127.0.0.1 and reach it through an SSH tunnel."
            )
        return self.ui_host

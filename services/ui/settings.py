"""What the ui service is told by its environment."""

from functools import cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from services.ui.place import LOOPBACK, Place
from shared.domain.errors import ScheduleError
from shared.domain.retention import LEAST_BYTES, MOST_BYTES
from shared.domain.schedules import checked_zone
from shared.domain.script import MOST_HASHED_BYTES
from shared.runtime.settings import BrokerSettings, DatabaseSettings, HomeSettings, ScriptSettings
from shared.runtime.vault import SecretsSettings


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

    public_url: str | None = None
    """Where people reach it, besides loopback: `https://jobs.example.org`, by a proxy that speaks https."""
    proxies: str = ""
    """The addresses of such proxies, with commas between them: who asked is then whom they name."""

    @field_validator("public_url")
    @classmethod
    def _is_an_origin(cls, url: str | None) -> str | None:
        if not url:
            return None
        parts = urlsplit(url.rstrip("/"))
        if (
            parts.scheme != "https"
            or not parts.hostname
            or "@" in parts.netloc
            or url.rstrip("/") != (f"https://{parts.netloc}")
        ):
            raise ValueError(
                f"{url[:200]!r} is no address that people can sign in at: write it like "
                "https://jobs.example.org, without a path, and with https, for passwords travel there"
            )
        return url.rstrip("/").lower()

    @field_validator("proxies")
    @classmethod
    def _are_addresses(cls, text: str) -> str:
        for one in filter(None, map(str.strip, text.split(","))):
            try:
                ip_address(one)
            except ValueError:
                raise ValueError(f"{one[:60]!r} is no IP address of a proxy") from None
        return text

    @property
    def place(self) -> Place:
        """Return where the portal is reached."""
        proxies = frozenset(filter(None, map(str.strip, self.proxies.split(","))))
        return Place(public_url=self.public_url, proxies=proxies)

    @property
    def reached_at(self) -> str:
        """Return the host at which others would reach it directly."""
        return self.ui_published or self.ui_host

    def checked_host(self, *, has_owner: bool) -> str:
        """Return the host to listen on.

        Raises:
            SystemExit: others than this machine could reach it, and nobody has set it up, or passwords
                would travel there in the open.
        """
        if self.reached_at in LOOPBACK:
            return self.ui_host
        name = "PORTAL_UI_PUBLISHED" if self.ui_published else "PORTAL_UI_HOST"
        refused = f"{name}={self.reached_at} is refused: "
        if not has_owner:
            raise SystemExit(
                f"{refused}this portal has no owner yet, so it is to be reached on loopback only. Make one "
                "with `portal user add NAME --role admin` and open the link that it prints once the portal "
                "listens on 127.0.0.1. In a container whose port is published on 127.0.0.1 of its host, "
                "listen on 0.0.0.0 and set PORTAL_UI_PUBLISHED=127.0.0.1."
            )
        if self.public_url is None:
            raise SystemExit(
                f"{refused}say where people reach it, by a proxy that speaks https, such as "
                "PORTAL_PUBLIC_URL=https://jobs.example.org."
            )
        return self.ui_host

"""Where the portal is reached: on loopback, and at the one public address that it was given."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The hosts and origins that are the portal's own, and who may say for whom they speak."""

    public_url: str | None = None
    """Such as https://jobs.example.org; None: it is reached on loopback alone."""
    proxies: frozenset[str] = frozenset()
    """The addresses of proxies that are believed when they say who asked them."""

    def is_own(self, host: str) -> bool:
        """Say whether this `Host` header names the portal."""
        return _hostname(host) in LOOPBACK or self.is_public(host)

    def is_public(self, host: str) -> bool:
        """Say whether it names its public address, which is reached by https alone."""
        return self.public_url is not None and host.lower() == urlsplit(self.public_url).netloc.lower()

    def origins(self, host: str) -> frozenset[str]:
        """Return the origins of pages that are the portal's own under this host."""
        if self.is_public(host):
            return frozenset({(self.public_url or "").lower()})
        return frozenset({f"http://{host}".lower(), f"https://{host}".lower()})

    def address(self, peer: str, forwarded: Iterable[str]) -> str:
        """Return who asked: the peer, or of a proxy that is believed whom it names last."""
        named = [one.strip() for header in forwarded for one in header.split(",")]
        for one in reversed(named):
            if peer not in self.proxies:
                break
            peer = one
        return peer[:64]


def _hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None

"""The cookie of a session: which name it has, and when only https may carry it."""

from typing import Final

from services.ui.access.access import LONGEST

_NAME: Final = "portal_session"


def cookie_name(host: str, *, secure: bool) -> str:
    """Return the name of the cookie for a `Host` header.

    Browsers give cookies to every port of a host: two portals on one machine are told apart by it. What is
    secure carries the prefix that lets nobody but this very host set it (RFC 6265bis, section 4.1.3.2).
    """
    if secure:
        return f"__Host-{_NAME}"
    port = host.rpartition(":")[2]
    return f"{_NAME}_{port}" if port.isdigit() else _NAME


def session_in(cookie_header: str, name: str) -> str | None:
    """Return what the cookie of this name holds; None where there is none."""
    for pair in cookie_header.split(";"):
        key, _, value = pair.strip().partition("=")
        if key == name and value:
            return value
    return None


def session_cookie(name: str, secret: str, *, secure: bool) -> str:
    """Return the value of `Set-Cookie` that keeps a session; an empty secret forgets it."""
    age = int(LONGEST.total_seconds()) if secret else 0
    return f"{name}={secret}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{'; Secure' if secure else ''}"

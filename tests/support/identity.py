"""How the tests' programs and browsers are known to a real portal."""

import sqlite3
from collections.abc import Generator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypedDict
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx

from shared.runtime.credentials import hashed, new_secret

NAME, PASSWORD = "tester", "five words that tell nothing"
_WHEN = "%Y-%m-%d %H:%M:%S.%f"


class Cookie(TypedDict):
    """What Playwright calls a cookie."""

    name: str
    value: str
    url: str


def bearer(home: Path) -> dict[str, str]:
    """Return the header of this machine's command line."""
    return {"authorization": f"Bearer {(home / 'local.key').read_text().strip()}"}


@dataclass(frozen=True, slots=True)
class Seen:
    """A portal as somebody sees it who is let in, by a program and by a browser."""

    url: str
    known: dict[str, str]
    session: str

    @property
    def cookie(self) -> Cookie:
        """Return what lets a browser in."""
        return cookie(self.session, self.url)


class LocalAuth(httpx.Auth):
    """Shows the key of a home, which may be made only when its portal starts."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        with suppress(FileNotFoundError):
            request.headers.update(bearer(self._home))
        yield request


def cookie(secret: str, url: str) -> Cookie:
    """Return the cookie of a session as a browser at this address has it; browsers share them over ports."""
    return {"name": f"portal_session_{urlsplit(url).port}", "value": secret, "url": url}


def new_session(home: Path, *, role: str = "admin", name: str | None = None) -> str:
    """Write a user without a password and their session into the ledger of a home; return its secret."""
    secret, user, now = new_secret(), uuid4().hex, datetime.now(UTC)
    called, then = name or f"tester {user[:8]}", now + timedelta(days=1)
    with closing(sqlite3.connect(home / "portal.db", timeout=15)) as ledger, ledger:
        ledger.execute(
            "INSERT INTO users (id, name, name_key, role, created_at) VALUES (?, ?, ?, ?, ?)",
            (user, called, called.casefold(), role, now.strftime(_WHEN)),
        )
        ledger.execute(
            "INSERT INTO sessions (hash, user_id, created_at, seen_at, expires_at, address, agent) "
            "VALUES (?, ?, ?, ?, ?, '127.0.0.1', 'a test')",
            (hashed(secret), user, *(at.strftime(_WHEN) for at in (now, now, then))),
        )
    return secret


def session_of(url: str, home: Path) -> str:
    """Sign in to a portal as a person does, as an admin who is made where they are not there yet."""
    with httpx.Client(base_url=url, timeout=30, headers=bearer(home)) as api:
        users = api.get("/api/v1/users").raise_for_status().json()["items"]
        known = [user["id"] for user in users if user["name"] == NAME]
        if known:
            made = api.post(f"/api/v1/users/{known[0]}/link")
        else:
            made = api.post("/api/v1/users", json={"name": NAME, "role": "admin"})
        code = parse_qs(urlsplit(made.raise_for_status().json()["link"]).query)["code"][0]
    joined = httpx.post(f"{url}/join", data={"code": code, "password": PASSWORD}, timeout=30)
    assert joined.status_code == 303, joined.text
    return joined.headers["set-cookie"].partition(";")[0].partition("=")[2]

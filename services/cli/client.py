"""The only module of the command line that speaks HTTP: one portal, by its REST API.

Names never become a path as they are: `client.post("/executors/{}/drain", name)` percent-encodes each into
its place. What the portal refuses is told by `CannotDo`, with its words and an exit code.
"""

# ruff: noqa: PLC0415 - httpx takes longer to import than all the rest: only who asks a portal pays for it

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from services.cli import home as homes
from services.cli.errors import CannotDo, Exit, Unreachable
from services.cli.home import Home

if TYPE_CHECKING:
    import httpx

_ANSWERS_WITHIN_S: Final = 60.0
_CONNECTS_WITHIN_S: Final = 10.0
_LONGEST: Final = 4_000
"""Characters of one name or parameter: servers refuse longer addresses without a word."""
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_AWAY: Final = frozenset({502, 503, 504})
_CODES: Final[Mapping[int, Exit]] = {
    400: Exit.WRONG,
    401: Exit.REFUSED,
    403: Exit.REFUSED,
    404: Exit.NOT_THERE,
    413: Exit.WRONG,
    422: Exit.WRONG,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A portal that can be asked while `open` is inside its block. Every method raises CannotDo."""

    url: str
    token: str | None
    http: "httpx.Client"

    @staticmethod
    @contextmanager
    def open(
        home: Path | None = None, url: str | None = None, token: str | None = None
    ) -> Iterator["Client"]:
        """Find the portal: the one at `url`, else the one that runs in `home` (None: the usual home).

        Without a token the one in `home` is asked with the home's own key, which no other address ever gets.

        Raises:
            CannotDo: nothing runs there, or this is no address.
        """
        if url:
            base = _checked_url(url)
        else:
            base, token = _local(homes.chosen(home), token)
        import httpx

        with httpx.Client(
            base_url=base,
            headers=_headers(token),
            timeout=httpx.Timeout(_ANSWERS_WITHIN_S, connect=_CONNECTS_WITHIN_S),
            trust_env=urlsplit(base).hostname not in _LOOPBACK,
        ) as http:
            yield Client(url=base, token=token or None, http=http)

    @property
    def is_local(self) -> bool:
        """Say whether it is on this machine: no proxy knows our loopback."""
        return urlsplit(self.url).hostname in _LOOPBACK

    @contextmanager
    def signed_in(self, name: str, password: str) -> Iterator["Client"]:
        """Give a client of the same portal that is signed in as this person, until the block ends.

        Raises:
            CannotDo: the portal does not let them in.
        """
        import httpx

        with httpx.Client(base_url=self.url, headers=_headers(None), trust_env=not self.is_local) as http:
            person = Client(url=self.url, token=None, http=http)
            answer = person._send("POST", "/login", data={"name": name, "password": password})
            if not answer.has_redirect_location:
                minutes = -(-int(answer.headers.get("retry-after", "0")) // 60)
                later = f" Too many were tried: wait {minutes} minutes." if minutes else ""
                raise CannotDo(f"The portal does not know {name!r} with this password.{later}", Exit.REFUSED)
            try:
                yield person
            finally:
                person._send("POST", "/logout")

    def get(self, path: str, *names: str, **params: object) -> Any:
        """Return the JSON at this path below `/api/v1`; a parameter that is None is left out."""
        return _json(self._ask("GET", path, names, params))

    def text(self, path: str, *names: str, **params: object) -> str:
        """Return what stands at this path as text."""
        return self._ask("GET", path, names, params).text

    def post(self, path: str, *names: str, body: object = None, **params: object) -> Any:
        """Send the body as JSON, or a text as it is, in UTF-8; return the JSON that is answered."""
        return _json(self._ask("POST", path, names, params, body))

    def put(self, path: str, *names: str, body: object = None, **params: object) -> Any:
        """Do as `post` does."""
        return _json(self._ask("PUT", path, names, params, body))

    def patch(self, path: str, *names: str, body: object = None, **params: object) -> Any:
        """Do as `post` does."""
        return _json(self._ask("PATCH", path, names, params, body))

    def delete(self, path: str, *names: str, **params: object) -> Any:
        """Delete what stands there; return the JSON that is answered."""
        return _json(self._ask("DELETE", path, names, params))

    def pages(self, path: str, *names: str, limit: int, **params: object) -> dict[str, Any]:
        """Return a list of at most so many items as one page, however many pages they take."""
        page: dict[str, Any] = {"items": [], "next": None}
        while True:
            wanted = min(limit - len(page["items"]), 200)
            part = self.get(path, *names, **params, limit=wanted, after=page["next"])
            # How many there are is told with the first page only.
            page = {**part, **page, "items": page["items"] + part["items"], "next": part["next"]}
            if page["next"] is None or len(page["items"]) >= limit:
                return page

    def _ask(
        self,
        method: str,
        path: str,
        names: tuple[str, ...],
        params: Mapping[str, object],
        body: object = None,
    ) -> "httpx.Response":
        try:
            place = "/api/v1" + path.format(*map(_segment, names))
            given = {name: _values(value) for name, value in params.items() if value is not None}
            answer = self._send(method, place, params=given, **_sent(body))
        except UnicodeEncodeError as error:
            raise CannotDo(f"{error.object[:60]!r} is no text in UTF-8.", Exit.WRONG) from error
        if not answer.is_success:
            raise _refusal(answer, has_token=self.token is not None)
        return answer

    def _send(self, method: str, place: str, **more: Any) -> "httpx.Response":
        import httpx

        try:
            return self.http.request(method, place, **more)
        except httpx.TimeoutException as error:
            raise Unreachable(
                f"{self.url} did not answer in time. Try again, or look at `portal status`."
            ) from error
        except (httpx.ConnectError, httpx.UnsupportedProtocol) as error:
            raise Unreachable(f"No portal answers at {self.url}: {error}.", Exit.NOT_THERE) from error
        except httpx.HTTPError as error:
            raise Unreachable(f"The connection to {self.url} broke: {error}. Try again.") from error


def _local(home: Home, token: str | None) -> tuple[str, str | None]:
    """Return the address of the portal that runs in this home, and what to say who asks."""
    from services.cli import record

    running = record.running(home.record)
    if running is None:
        raise CannotDo(
            f"No portal runs in {home.folder}. Start one with `portal up`, or name one by --url.",
            Exit.NOT_THERE,
        )
    if token:
        return running.portal_url, token
    try:
        return running.portal_url, home.local_key.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return running.portal_url, None  # not ours to read: the portal says what it wants instead


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        has_place = bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, has_place = urlsplit(""), False
    if (
        not has_place
        or parts.scheme not in {"http", "https"}
        or parts.username
        or parts.query
        or parts.fragment
    ):
        raise CannotDo(
            f"{url[:200]!r} is no address of a portal, such as https://jobs.example.org.", Exit.WRONG
        )
    return url.rstrip("/")


def _headers(token: str | None) -> dict[str, str]:
    if not token:
        return {"user-agent": "portal"}
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise CannotDo("The token holds characters that no token has: copy it again.", Exit.WRONG)
    return {"user-agent": "portal", "authorization": f"Bearer {token}"}


def _segment(name: str) -> str:
    # Encoded or not, servers and proxies take these two for a folder and the one above it.
    if name in {"", ".", ".."} or len(name) > _LONGEST:
        raise CannotDo(f"{name[:60]!r} is no name.", Exit.WRONG)
    return quote(name, safe="")


def _values(value: object) -> str | list[str]:
    return [_value(one) for one in value] if isinstance(value, list) else _value(value)


def _value(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if len(text) > _LONGEST:
        raise CannotDo(f"{text[:60]!r}... is too long: {_LONGEST:,} characters at most.", Exit.WRONG)
    return text


def _sent(body: object) -> dict[str, Any]:
    if isinstance(body, str):
        return {"content": body.encode(), "headers": {"content-type": "text/plain; charset=utf-8"}}
    return {} if body is None else {"json": body}


def _json(answer: "httpx.Response") -> Any:
    try:
        return answer.json() if answer.content else None
    except ValueError as error:
        kind = answer.headers.get("content-type", "something without a type")
        raise CannotDo(f"{answer.url} answered with {kind}, not JSON: is a portal there?") from error


def _refusal(answer: "httpx.Response", *, has_token: bool) -> CannotDo:
    code = _CODES.get(answer.status_code, Exit.FAILED)
    try:
        problem = answer.json()
        words, field = str(problem["detail"]), problem.get("field")
    except (ValueError, KeyError, TypeError, AttributeError):
        words, field = f"{answer.url} answered {answer.status_code} {answer.reason_phrase}.", None
    # Of a conflict the field is the version: its words say more.
    if field not in {None, "version"} and str(field) not in words:
        words = f"{field}: {words}"
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        asks = "does not know this token, or no longer" if has_token else "wants to know who asks"
        words = f"The portal {asks}: set PORTAL_TOKEN to what `portal tokens create` makes."
    return (Unreachable if answer.status_code in _AWAY else CannotDo)(words, code)

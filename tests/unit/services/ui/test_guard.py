"""Who may speak to the portal."""

from typing import Any

import pytest

from services.ui import guard
from services.ui.guard import Guard
from services.ui.place import Place

PUBLIC = Place(public_url="https://jobs.example.org")


def refused(scope: dict[str, Any], place: Place = PUBLIC) -> str | None:
    return guard.refused(scope, place)


def a_scope(kind: str = "http", method: str = "GET", **headers: str) -> dict[str, Any]:
    named = {"host": "127.0.0.1:8080", **{name.replace("_", "-"): value for name, value in headers.items()}}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in named.items()]
    return {"type": kind, "method": method, "path": "/", "headers": raw}


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8080", "localhost", "LOCALHOST:1", "[::1]", "[::1]:8080"]
)
def test_loopback_names_are_answered(host: str) -> None:
    assert refused(a_scope(host=host)) is None


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.test",
        "evil.test:8080",
        "127.0.0.1.evil.test",
        "localhost.evil.test",
        "localhost@evil.test",
        "10.0.0.1",
        "0.0.0.0",
        "[::2]",
        "[::1",
        "127.0.0.1:x@evil.test",
        "2130706433",
    ],
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_every_other_name_is_refused(kind: str, host: str) -> None:
    assert refused(a_scope(kind, host=host)) is not None


def test_the_public_name_is_answered_for_its_own_pages_alone() -> None:
    host = "jobs.example.org"

    assert refused(a_scope(host=host)) is None
    assert refused(a_scope(host=host), Place()) is not None
    assert refused(a_scope(host=host, origin=f"https://{host}", method="POST")) is None
    for evil in (f"http://{host}", f"https://evil.{host}", "https://evil.test", "http://127.0.0.1:8080"):
        assert refused(a_scope(host=host, origin=evil, method="POST")) is not None
        assert refused(a_scope("websocket", host=host, origin=evil)) is not None


def test_no_host_at_all_is_refused() -> None:
    assert refused({"type": "http", "method": "GET", "headers": []}) is not None


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "origin", ["http://evil.test", "null", "http://127.0.0.1:3000", "http://localhost:8080"]
)
def test_another_origin_is_refused(method: str, origin: str) -> None:
    assert refused(a_scope(method=method, origin=origin)) is not None
    assert refused(a_scope("websocket", origin=origin)) is not None


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_another_site_sends_is_refused_and_what_it_links_to_is_not(site: str) -> None:
    assert refused(a_scope(method="POST", sec_fetch_site=site)) is not None
    assert refused(a_scope("websocket", sec_fetch_site=site)) is not None
    assert refused(a_scope(method="GET", sec_fetch_site=site)) is None


def test_ones_own_pages_and_programs_are_answered() -> None:
    own = "http://127.0.0.1:8080"

    assert refused(a_scope(method="POST", origin=own, sec_fetch_site="same-origin")) is None
    assert refused(a_scope("websocket", origin=own, sec_fetch_site="same-origin")) is None
    assert refused(a_scope(method="DELETE")) is None


async def answered(body: list[bytes], kind: bytes) -> tuple[dict[bytes, bytes], bytes]:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        headers = [(b"content-type", kind), (b"content-length", str(len(b"".join(body))).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for at, piece in enumerate(body):
            await send({"type": "http.response.body", "body": piece, "more_body": at + 1 < len(body)})

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError

    await Guard(app)(a_scope(), receive, send)
    return dict(sent[0]["headers"]), b"".join(message["body"] for message in sent[1:])


async def test_every_script_of_a_page_gets_the_nonce_even_across_pieces() -> None:
    headers, page = await answered(
        [b"<p><scr", b"ipt>1</script><SCRIPT src=x></script><scripty>"], b"text/html; charset=utf-8"
    )

    nonce = headers[b"content-security-policy"].split(b"'nonce-")[1].split(b"'")[0]
    assert page.count(b'<script nonce="' + nonce + b'"') == 2
    assert page.endswith(b"<scripty>")
    assert int(headers[b"content-length"]) == len(page)


async def test_what_is_no_page_goes_out_untouched_with_the_headers() -> None:
    headers, body = await answered([b"<script>", b"x"], b"text/plain")

    assert body == b"<script>x"
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert b"frame-ancestors 'none'" in headers[b"content-security-policy"]
    assert b"'unsafe-inline'" not in headers[b"content-security-policy"].split(b"style-src")[0]

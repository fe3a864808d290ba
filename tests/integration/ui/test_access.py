"""Coming in, going out, and being shut out: through the guard, the gate and the doors, on both databases."""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from services.ui import app
from services.ui.access.signing_in import MOST_TRIES
from services.ui.app import Parts
from services.ui.gate import SIGNED_OUT
from services.ui.settings import UiSettings
from shared.db.engine import Database
from shared.domain.access import Role
from tests.integration.ui.actors import COOKIE, a_session, a_token, a_user
from tests.integration.ui.stage import ClockFromNow, a_client, a_job, eventually, serving

PASSWORD = "seven grey herons wait"
ONE_DATABASE = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


@pytest.fixture
async def browser(parts: Parts) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that nobody has signed in with."""
    async with a_client(parts.portal, accept="text/html") as client:
        yield client


async def owner(parts: Parts, browser: httpx.AsyncClient, name: str = "Ann") -> dict[str, str]:
    """Set the portal up by its link, as the first person does; return their session's header."""
    code = await parts.portal.sign_in.link(None)
    answer = await browser.post("/setup", data={"code": code, "name": name, "password": PASSWORD})
    assert answer.status_code == 303, answer.text
    return session_in(answer, browser)


def session_in(answer: httpx.Response, browser: httpx.AsyncClient) -> dict[str, str]:
    browser.cookies.clear()
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly; SameSite=Lax" in cookie
    return {"cookie": cookie.partition(";")[0]}


async def sign_in(browser: httpx.AsyncClient, password: str = PASSWORD, **fields: str) -> httpx.Response:
    return await browser.post("/login", data={"name": "Ann", "password": password, **fields})


async def invited(parts: Parts, admin: dict[str, str], **body: Any) -> tuple[str, str]:
    """Make a user by the API; return their id and the code of their link."""
    async with a_client(parts.portal, **admin) as api:
        made = (await api.post("/api/v1/users", json=body)).raise_for_status().json()
    return made["id"], parse_qs(urlsplit(made["link"]).query)["code"][0]


async def me(browser: httpx.AsyncClient, headers: dict[str, str]) -> httpx.Response:
    return await browser.get("/api/v1/me", headers=headers)


async def kinds(parts: Parts) -> list[tuple[str, str, str]]:
    page = await parts.portal.history.activity(limit=200)
    return [(one.kind.value, one.by, one.subject) for one in page.items]


async def test_the_first_link_makes_the_owner_once_and_every_other_link_ends(
    parts: Parts, browser: httpx.AsyncClient
) -> None:
    other = await parts.portal.sign_in.link(None)
    short = await browser.post("/setup", data={"code": other, "name": "Ann", "password": "short"})
    unset = await browser.get("/login")
    known = await owner(parts, browser)

    late = await browser.post("/setup", data={"code": other, "name": "Eve", "password": PASSWORD})
    made_up = await browser.get("/setup?code=x")
    user = (await me(browser, known)).json()["user"]

    assert (short.status_code, late.status_code, made_up.status_code) == (422, 409, 409)
    assert "start it again" in unset.text
    assert user == {"name": "Ann", "role": "admin", "grants": {}, "via": "session"}
    assert ("user-created", "Ann", "Ann") in await kinds(parts)


async def test_a_session_is_made_anew_by_each_sign_in_and_a_stolen_cookie_is_worth_nothing_afterwards(
    parts: Parts, browser: httpx.AsyncClient
) -> None:
    first = await owner(parts, browser)
    again = await browser.post(
        "/login", data={"name": " ANN ", "password": PASSWORD, "next": "/runs?q=1"}, headers=first
    )
    second = session_in(again, browser)
    before = [(await me(browser, one)).status_code for one in (first, second)]
    out = await browser.post("/logout", headers=second)
    after = [(await me(browser, one)).status_code for one in (second, {"cookie": f"{COOKIE}=made-up"})]

    assert (again.status_code, again.headers["location"]) == (303, "/runs?q=1")
    assert (before, after) == ([401, 200], [401, 401])
    assert (out.status_code, out.headers["location"]) == (303, "/login")
    assert "Max-Age=0" in out.headers["set-cookie"]
    assert [kind for kind, _, _ in await kinds(parts)][:2] == ["signed-out", "signed-in"]


async def test_the_sixth_wrong_password_is_not_looked_at_and_nobody_else_is_hindered(
    parts: Parts, browser: httpx.AsyncClient
) -> None:
    known = await owner(parts, browser)
    _, code = await invited(parts, known, name="Bob", role="viewer")
    await browser.post("/join", data={"code": code, "password": PASSWORD})
    browser.cookies.clear()

    async with from_elsewhere(parts, "10.0.0.9") as attacker:
        wrong = [await sign_in(attacker, "wrong") for _ in range(MOST_TRIES + 1)]
        unknown = await sign_in(attacker, PASSWORD, name="Nobody")
    right = await sign_in(browser)
    bob = await sign_in(browser, name="Bob")

    assert [one.status_code for one in wrong] == [401] * MOST_TRIES + [429]
    assert 0 < int(wrong[-1].headers["retry-after"]) <= 15 * 60
    assert unknown.status_code == 429  # from that address nobody is
    assert (right.status_code, bob.status_code) == (429, 303)
    assert ("sign-in-refused", "", "Ann") in await kinds(parts)


def from_elsewhere(parts: Parts, address: str) -> httpx.AsyncClient:
    site = app.guarded(app.machine_side(parts.portal), parts.portal)
    transport = httpx.ASGITransport(site, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080")


async def test_a_wrong_name_and_a_wrong_password_are_told_alike(
    parts: Parts, browser: httpx.AsyncClient
) -> None:
    await owner(parts, browser)
    wrong, unknown = await sign_in(browser, "wrong"), await sign_in(browser, "wrong", name="Eve")

    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert wrong.text.replace("Ann", "Eve") == unknown.text


@ONE_DATABASE
@pytest.mark.parametrize(
    ("wanted", "to"),
    [
        ("/jobs?q=a&state=failing", "/jobs?q=a&state=failing"),
        ("//evil.test", "/"),
        ("/\\evil.test", "/"),
        ("\\\\evil.test", "/"),
        ("https://evil.test/", "/"),
        ("javascript:alert(1)", "/"),
        ("/\t/evil.test", "/"),
        ("/jobs\r\nset-cookie: a=b", "/"),
        ("jobs", "/"),
        ("/login?next=/login", "/"),
        ("", "/"),
    ],
)
async def test_after_signing_in_one_goes_on_within_the_portal_only(
    parts: Parts, browser: httpx.AsyncClient, wanted: str, to: str
) -> None:
    await owner(parts, browser)
    answer = await sign_in(browser, next=wanted)

    assert (answer.status_code, answer.headers["location"]) == (303, to)


async def test_a_link_sets_a_password_once_and_ends_what_was_open(
    parts: Parts, browser: httpx.AsyncClient
) -> None:
    known = await owner(parts, browser)
    bob, code = await invited(parts, known, name="Bob", role="viewer", grants={"finance/": "editor"})
    named = await browser.get(f"/join?code={code}")
    joined = session_in(await browser.post("/join", data={"code": code, "password": PASSWORD}), browser)
    again = await browser.post("/join", data={"code": code, "password": PASSWORD})
    user = (await me(browser, joined)).json()["user"]
    async with a_client(parts.portal, **known) as api:
        link = (await api.post(f"/api/v1/users/{bob}/link")).json()["link"]
    other = parse_qs(urlsplit(link).query)["code"][0]
    await browser.post("/join", data={"code": other, "password": f"{PASSWORD} more"})
    browser.cookies.clear()

    assert 'value="Bob"' in named.text
    assert (user["role"], user["grants"]) == ("viewer", {"finance": "editor"})
    assert again.status_code == 409
    assert (await me(browser, joined)).status_code == 401
    assert (await sign_in(browser, name="Bob")).status_code == 401
    assert (await sign_in(browser, f"{PASSWORD} more", name="Bob")).status_code == 303


async def test_ones_own_password_and_sessions(parts: Parts, browser: httpx.AsyncClient) -> None:
    first = await owner(parts, browser)
    second = session_in(await sign_in(browser), browser)
    listed = (await browser.get("/api/v1/me/sessions", headers=second)).json()["items"]
    wrong = await browser.put(
        "/api/v1/me/password", json={"old": "wrong", "password": f"{PASSWORD}!"}, headers=second
    )
    body = {"old": PASSWORD, "password": f"{PASSWORD}!"}
    third = session_in(await browser.put("/api/v1/me/password", json=body, headers=second), browser)
    known = [(await me(browser, one)).status_code for one in (first, second, third)]
    everywhere = await browser.delete("/api/v1/me/sessions", headers=third)

    assert [one["is_this"] for one in listed].count(True) == 1 == len(listed) - 1
    assert (wrong.status_code, wrong.json()["field"]) == (422, "old")
    assert known == [401, 401, 200]
    assert (everywhere.status_code, (await me(browser, third)).status_code) == (204, 401)


async def test_a_token_never_has_more_than_its_owner_now(parts: Parts, browser: httpx.AsyncClient) -> None:
    known = await owner(parts, browser)
    job = await a_job(parts)
    user = await a_user(parts, Role.OPERATOR)
    session = await a_session(parts, user)
    body = {"name": "deploy", "role": "operator"}
    made = (await browser.post("/api/v1/tokens", json=body, headers=session)).json()
    too_much = await browser.post("/api/v1/tokens", json={"name": "x", "role": "editor"}, headers=session)
    shown = {"authorization": f"Bearer {made['token']}"}

    runs = [(await browser.post(f"/api/v1/jobs/{job}/run", headers=shown)).status_code]
    named = (await me(browser, shown)).json()["user"]
    by_itself = await browser.post("/api/v1/tokens", json=body, headers=shown)
    listed = (await browser.get("/api/v1/tokens", headers=session)).json()["items"]
    await browser.patch(f"/api/v1/users/{user.id}", json={"role": "viewer"}, headers=known)
    runs.append((await browser.post(f"/api/v1/jobs/{job}/run", headers=shown)).status_code)
    await browser.delete(f"/api/v1/tokens/{made['id']}", headers=known)
    runs.append((await browser.post(f"/api/v1/jobs/{job}/run", headers=shown)).status_code)

    assert (too_much.status_code, by_itself.status_code, runs) == (403, 403, [202, 403, 401])
    assert (named["name"], named["role"]) == (f"{user.name} (deploy)", "operator")
    assert "token" not in listed[0]
    assert made["token"].startswith(listed[0]["prefix"])


async def test_a_token_of_a_folder_reaches_no_further(parts: Parts, browser: httpx.AsyncClient) -> None:
    job = await a_job(parts)
    admin = await a_user(parts, Role.ADMIN)
    there = await a_token(parts, admin, Role.EDITOR, "elsewhere")

    assert (await browser.get(f"/api/v1/jobs/{job}", headers=there)).status_code == 200
    refused = [
        await browser.post(f"/api/v1/jobs/{job}/run", headers=there),
        await browser.delete(f"/api/v1/jobs/{job}", headers=there),
        await browser.put("/api/v1/secrets/NAME", json={"value": "x"}, headers=there),
        await browser.get("/api/v1/users", headers=there),
    ]
    assert [one.status_code for one in refused] == [403] * 4
    # Once, however often it asks.
    await browser.post(f"/api/v1/jobs/{job}/run", headers=there)
    asked = [subject for kind, _, subject in await kinds(parts) if kind == "refused"]
    assert sorted(asked) == sorted({f"{one.request.method} {one.request.url.path}" for one in refused})


async def test_the_last_admin_stays_one(parts: Parts, browser: httpx.AsyncClient) -> None:
    known = await owner(parts, browser)
    users = (await browser.get("/api/v1/users", headers=known)).json()["items"]
    for change in ({"role": "editor"}, {"disabled": True}):
        answer = await browser.patch(f"/api/v1/users/{users[0]['id']}", json=change, headers=known)
        assert answer.status_code == 409


async def test_a_session_that_nobody_used_for_a_week_is_over(
    parts: Parts, browser: httpx.AsyncClient
) -> None:
    user, now = await a_user(parts, Role.VIEWER), parts.portal.clock.now()
    fresh = await a_session(parts, user, seen_at=now - timedelta(days=6, hours=23))
    stale = await a_session(parts, user, seen_at=now - timedelta(days=7, minutes=1))

    assert [(await me(browser, one)).status_code for one in (fresh, stale)] == [200, 401]


@ONE_DATABASE
async def test_the_key_of_the_home_is_for_this_machine_alone(parts: Parts) -> None:
    key = {"authorization": f"Bearer {parts.portal.access.local.key}"}
    async with from_elsewhere(parts, "10.0.0.9") as there, from_elsewhere(parts, "127.0.0.1") as here:
        assert [(await me(one, key)).status_code for one in (there, here)] == [401, 200]


@ONE_DATABASE
@pytest.mark.parametrize("deed", ["sign out", "disable", "other role", "revoke"])
async def test_an_open_stream_ends_with_the_right_to_it(
    settings: UiSettings, parts: Parts, deed: str
) -> None:
    user = await a_user(parts, Role.OPERATOR)
    if deed == "revoke":
        known = await a_token(parts, user, Role.VIEWER)
    else:
        known = await a_session(parts, user)
    async with serving(settings, parts) as address, a_client(parts.portal) as local:
        stream = f"ws://{address}/api/v1/stream"
        # The cookie's name tells by the port whose it is.
        known = {name: value.replace("8080", address.rpartition(":")[2]) for name, value in known.items()}
        async with connect(stream, origin=f"http://{address}", additional_headers=known) as socket:
            await socket.recv()
            if deed == "sign out":
                async with httpx.AsyncClient(base_url=f"http://{address}", headers=known) as there:
                    await there.post("/logout")
            elif deed == "revoke":
                (token,) = (await local.get("/api/v1/tokens?everybody=true")).json()["items"]
                await local.delete(f"/api/v1/tokens/{token['id']}")
            else:
                change = {"disabled": True} if deed == "disable" else {"role": "viewer"}
                (await local.patch(f"/api/v1/users/{user.id}", json=change)).raise_for_status()
            with suppress(ConnectionClosed):
                while True:
                    await socket.recv()
        assert socket.close_code == SIGNED_OUT
        await eventually(lambda: nobody_watches(parts))
        if deed != "other role":
            with pytest.raises(InvalidStatus) as refused:
                async with connect(stream, additional_headers=known):
                    pass
            assert refused.value.response.status_code == 403


async def nobody_watches(parts: Parts) -> bool:
    return not parts.portal.live._subscribers


@ONE_DATABASE
async def test_what_is_written_by_other_sites_or_without_being_known_opens_no_socket(
    settings: UiSettings, parts: Parts
) -> None:
    known = await a_session(parts, await a_user(parts, Role.ADMIN))
    async with serving(settings, parts) as address:
        known = {name: value.replace("8080", address.rpartition(":")[2]) for name, value in known.items()}
        for headers, origin in ((known, "http://evil.test"), ({}, f"http://{address}"), ({}, None)):
            with pytest.raises(InvalidStatus) as refused:
                async with connect(
                    f"ws://{address}/api/v1/stream", origin=origin, additional_headers=headers
                ):
                    pass
            assert refused.value.response.status_code == 403


@ONE_DATABASE
@pytest.mark.parametrize(
    "path",
    [
        "/static/../api/v1/jobs",
        "/static/%2e%2e/api/v1/jobs",
        "/api/v1/jobs/healthz",
        "/api/v1/jobs;/static/x.css",
        "/api/v1/jobs?x=/login",
        "/login/../api/v1/jobs",
        "//api/v1/jobs",
        "/api/v1/jobs%00.css",
        "/API/v1/jobs",
        "/_nicegui/",
    ],
)
async def test_no_way_of_writing_an_address_leads_round_the_gate(
    parts: Parts, browser: httpx.AsyncClient, path: str
) -> None:
    await a_job(parts)
    answer = await browser.get(path)

    assert answer.status_code in {303, 401, 404}
    assert "hello" not in answer.text


@ONE_DATABASE
async def test_under_its_public_name_a_cookie_is_for_https_and_this_host_alone(
    settings: UiSettings, database: Database
) -> None:
    public = settings.model_copy(update={"public_url": "https://jobs.example.org"})
    parts = app.compose(public, database, ClockFromNow())
    async with a_client(parts.portal, host="jobs.example.org", origin="https://jobs.example.org") as there:
        code = await parts.portal.sign_in.link(None)
        answer = await there.post("/setup", data={"code": code, "name": "Ann", "password": PASSWORD})
        cookie = answer.headers["set-cookie"]
        there.cookies.clear()
        secret = cookie.partition(";")[0].partition("=")[2]
        as_secure = await me(there, {"cookie": f"__Host-portal_session={secret}"})
        as_plain = await me(there, {"cookie": f"portal_session={secret}"})

    assert cookie.startswith("__Host-portal_session=")
    assert cookie.endswith("; HttpOnly; SameSite=Lax; Secure")
    assert (as_secure.status_code, as_plain.status_code) == (200, 401)

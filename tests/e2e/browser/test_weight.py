"""What a page costs the network: bytes are the same on every machine. And that all of it comes from here."""

import re
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import CDPSession, Page, expect

from services.ui.theme import STATIC
from tests.e2e.browser.chromium import Watched
from tests.e2e.browser.conftest import is_foreign
from tests.e2e.browser.screenshots import pages_of
from tests.support.stack import Stack

MOST_COLD = 450 * 1024
MOST_WARM = 15 * 1024
MOST_REQUESTS = 20


def transferred(page: Page, cdp: CDPSession, path: str) -> dict[str, float]:
    """Open a list of jobs; return the bytes that came over the network, by address."""
    addresses: dict[str, str] = {}
    sizes: dict[str, float] = {}

    def on_response(event: dict[str, Any]) -> None:
        addresses[event["requestId"]] = event["response"]["url"]

    def on_end(event: dict[str, Any]) -> None:
        sizes[addresses.get(event["requestId"], "")] = event["encodedDataLength"]

    cdp.on("Network.responseReceived", on_response)
    cdp.on("Network.loadingFinished", on_end)
    page.goto(path)
    expect(page.locator("[data-job]").first).to_be_visible()
    expect(page.get_by_text(re.compile("^Live"))).to_be_visible()
    page.wait_for_load_state("networkidle")
    cdp.remove_listener("Network.responseReceived", on_response)
    cdp.remove_listener("Network.loadingFinished", on_end)
    return {url: size for url, size in sizes.items() if size > 0 and not url.startswith("data:")}


def test_a_list_costs_little_cold_and_hardly_anything_warm(watched: Watched, stack: Stack) -> None:
    stack.create("weighed", "hello.py")
    page = watched.page
    cdp = page.context.new_cdp_session(page)
    cdp.send("Network.enable")

    cold = transferred(page, cdp, "/jobs?q=weighed")
    page.goto("about:blank")
    warm = transferred(page, cdp, "/jobs?q=weighed")

    assert MOST_WARM < sum(cold.values()) <= MOST_COLD, cold
    assert len(cold) <= MOST_REQUESTS, sorted(cold)
    assert sum(warm.values()) <= MOST_WARM, warm


def test_every_route_asks_only_its_own_host_also_by_socket(watched: Watched, stack: Stack) -> None:
    stack.ended(stack.run_now(stack.create("for every route", "fails.py")))
    page = watched.page
    sockets: list[str] = []
    page.on("websocket", lambda one: sockets.append(one.url))

    for path in pages_of(stack.seen()).values():
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()

    assert watched.foreign == []
    assert len(sockets) > len(pages_of(stack.seen()))
    assert [one for one in sockets if is_foreign(one, stack)] == []


def test_no_asset_names_a_foreign_host() -> None:
    texts = [*STATIC.rglob("*.js"), *STATIC.rglob("*.css"), *(STATIC.parent / "components").glob("*.js")]

    named = {
        (path.name, url)
        for path in texts
        for url in re.findall(r"(?:https?:)?//[\w-]+(?:\.[\w-]+)+[^\s\"'`)]*", path.read_text())
    }

    assert {one for one in named if not is_only_a_name(one[1])} == set()


def is_only_a_name(url: str) -> bool:
    """Say whether this is the name of a markup language, which nobody fetches."""
    return urlsplit(url).hostname == "www.w3.org"

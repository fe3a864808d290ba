"""What others bring does not run in the portal's pages, and other sites' pages get no hold of it."""

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.e2e.browser.chromium import Watched
from tests.support.identity import bearer
from tests.support.stack import Stack

# Each as markup that got into a page, or as what a script that got in would do next.
ATTEMPTS = {
    "script-src-attr": "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"hit = 1\">')",
    "script-src-elem": "append('script', { textContent: 'hit = 2' })",
    "script-src-elem, javascript:": "append('a', { href: 'javascript:hit = 3' }).click()",
    "script-src-elem, foreign": "append('script', { src: 'http://evil.test/x.js' })",
    "connect-src": "fetch('http://evil.test/').catch(() => {})",
    "img-src": "append('img', { src: 'http://evil.test/x.png' })",
    "style-src-elem": "append('link', { rel: 'stylesheet', href: 'http://evil.test/x.css' })",
    "object-src": "append('object', { data: 'http://evil.test/x' })",
    "base-uri": "append('base', { href: 'http://evil.test/' })",
    "form-action": "append('form', { action: 'http://evil.test/', method: 'post' }).submit()",
    "frame-src": "append('iframe', { src: 'http://evil.test/' })",
}
TRIED = """(attempt) => {
  globalThis.hit = 0;
  const append = (tag, what) => document.body.appendChild(Object.assign(document.createElement(tag), what));
  return new Promise((blocked) => {
    document.addEventListener("securitypolicyviolation", (event) => blocked(event.effectiveDirective));
    %s;
  });
}"""


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_nothing_that_got_into_a_page_runs_or_leaves_it(watched: Watched, attempt: str) -> None:
    page = watched.page
    page.goto("/jobs")

    assert page.evaluate(TRIED % ATTEMPTS[attempt]) == attempt.partition(",")[0]
    assert page.evaluate("hit") == 0
    assert page.evaluate("document.baseURI") == page.url


@pytest.mark.parametrize("of", ["http://evil.test", "null", None])
def test_the_pages_own_socket_is_for_pages_of_the_portal_only(stack: Stack, of: str | None) -> None:
    origin = stack.url if of is None else of
    path = "/_nicegui_ws/socket.io/?EIO=4&transport="
    answered = httpx.get(
        f"{stack.url}{path}polling", headers={"origin": origin, **bearer(stack.home)}
    ).status_code

    assert (answered, opened(stack, path + "websocket", origin)) == ((200, 101) if of is None else (403, 403))


def opened(stack: Stack, path: str, origin: str) -> int:
    """Ask for a websocket in the name of a page of this origin; return the status of the answer."""
    try:
        address = stack.url.replace("http", "ws", 1) + path
        with connect(address, origin=origin, additional_headers=bearer(stack.home)):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code

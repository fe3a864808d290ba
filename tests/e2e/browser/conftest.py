"""One browser for all browser tests, a fresh profile for each, and an ear for every complaint."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, ViewportSize, expect

from tests.e2e.browser.chromium import Watched, chromium
from tests.support.stack import Stack

HARMLESS = ("404 (Not Found)", "closed before the connection is established")
"""What Chromium calls errors: a page that is not found, as a test asked for, and one that was left early."""
DESK: ViewportSize = {"width": 1440, "height": 900}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def watched(browser: Browser, stack: Stack) -> Iterator[Watched]:
    context = browser.new_context(viewport=DESK, base_url=stack.url, reduced_motion="reduce")
    context.add_cookies([stack.cookie()])
    context.set_default_timeout(20_000)
    expect.set_options(timeout=20_000)
    page = context.new_page()
    seen = Watched(page)

    def on_console(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not any(one in message.text for one in HARMLESS):
            seen.complaints.append(message.text)

    page.on("console", on_console)
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.on(
        "request",
        lambda request: seen.foreign.append(request.url) if is_foreign(request.url, stack) else None,
    )
    yield seen
    context.close()


def is_foreign(url: str, stack: Stack) -> bool:
    return not url.startswith((stack.url, stack.url.replace("http", "ws", 1), "data:", "blob:"))

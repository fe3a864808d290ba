"""Two replicas of the ui behind a sticky proxy: one dies, and those whose pages it served lose nothing."""

import re
import signal
from pathlib import Path
from urllib.parse import urlsplit

from anyio.from_thread import start_blocking_portal
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser.test_first_light import EVERY_ROW
from tests.support.replicas import another_ui
from tests.support.stack import Stack
from tests.support.sticky import COOKIE, sticky_proxy

LINES = 6_000
PRINTS = f"""import pathlib, time
for number in range(1, {LINES + 1}):
    print(f"line {{number}}", flush=number % 50 == 0)
    if number % 50 == 0: time.sleep(0.02)
    while number == 1000 and not pathlib.Path(__file__).with_name("to-the-end").exists(): time.sleep(0.05)
"""


def page_on(browser: Browser, stack: Stack, url: str, replica: int, path: str) -> Page:
    """Open a page in a fresh profile that the proxy gives to this replica."""
    context = browser.new_context(base_url=url, viewport={"width": 1440, "height": 900})
    context.add_cookies([{"name": COOKIE, "value": str(replica), "url": url}, stack.cookie(url)])
    page = context.new_page()
    page.goto(path)
    return page


def test_a_replica_dies_and_no_line_or_state_is_lost_doubled_or_stale(
    browser: Browser, stack: Stack, scripts: Path
) -> None:
    expect.set_options(timeout=30_000)
    (scripts / "prints.py").write_text(PRINTS)
    job = stack.create("read by two", "prints.py")
    run = stack.run_now(job)
    own = urlsplit(stack.url).port or 0
    with (
        another_ui(stack) as dying,
        start_blocking_portal() as loop,
        loop.wrap_async_context_manager(sticky_proxy([own, dying.port])) as url,
    ):
        staying = page_on(browser, stack, url, 0, f"/runs/{run}")
        moving = page_on(browser, stack, url, 1, f"/runs/{run}")
        listing = page_on(browser, stack, url, 1, "/jobs?q=read+by")
        for page in (staying, moving):
            expect(page.get_by_text(re.compile(r"1\s000\slines · live"))).to_be_visible()

        # It stands still with what it has taken from the queue and not stored, then it is gone.
        dying.process.send_signal(signal.SIGSTOP)
        (scripts / "to-the-end").touch()
        stack.ended(run)
        held_back = stack.http.get(f"/api/v1/runs/{run}/log.txt").text
        expect(moving.get_by_role("alert")).to_contain_text("The connection to the portal is lost")
        for page in (moving, listing):
            page.evaluate("window.isOfTheDead = true")
        dying.process.kill()

        for page in (moving, listing):  # its page is not known where they are now: they load it anew
            page.wait_for_function("!window.isOfTheDead", timeout=30_000)
        for page in (staying, moving):
            expect(page.get_by_text(re.compile(r"6\s000\slines · complete"))).to_be_visible()
            expect(page.locator(".jp-head").get_by_text("Succeeded")).to_be_visible()
            expect(page.get_by_role("alert")).to_have_count(0)
        row = listing.get_by_role("row").filter(has=listing.get_by_role("link", name="read by two"))
        expect(row).to_contain_text("Succeeded")
        shown = dict(moving.evaluate(EVERY_ROW))
        is_at = {one["name"]: one["value"] for one in moving.context.cookies()}[COOKIE]
        for page in (staying, moving, listing):
            page.context.close()

    printed = [f"line {number}" for number in range(1, LINES + 1)]
    assert len(held_back.splitlines()) < LINES
    assert stack.http.get(f"/api/v1/runs/{run}/log.txt").text.splitlines() == printed
    assert shown == dict(enumerate(printed, 1))
    assert (is_at, urlsplit(listing.url).query) == ("0", "q=read+by")

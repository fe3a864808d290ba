"""What a person and a program see when the portal itself is at fault, and that the log has the rest."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from playwright.sync_api import expect

from tests.e2e.browser.chromium import Watched
from tests.e2e.browser.test_accessibility import objected_to
from tests.support.stack import Stack

INCIDENT = re.compile(r"under ([0-9a-f]{8})\.")


@contextmanager
def changed(stack: Stack, change: str, back: str) -> Iterator[None]:
    """Change the database behind everybody's back while inside."""
    with closing(sqlite3.connect(stack.home / "portal.db", timeout=15, isolation_level=None)) as ledger:
        ledger.execute(change)
        try:
            yield
        finally:
            ledger.execute(back)


def incident_in(text: str | None) -> str:
    found = INCIDENT.search(text or "")
    assert found, text
    return found.group(1)


def test_what_nobody_expected_is_told_with_its_place_in_the_log_and_a_way_on(
    watched: Watched, stack: Stack
) -> None:
    page = watched.page
    page.goto("/jobs")
    with page.expect_response("**/api/v1/me"):
        page.evaluate("fetch('/api/v1/me', { method: 'PUT', headers: { 'content-type': 'application/json' }, "
                      "body: JSON.stringify({ theme: 'dark' }) })")  # fmt: skip

    # As a newer version may have left it. It is this browser's own row: nobody else is touched.
    with changed(stack, "UPDATE people SET theme = 'sepia'", "UPDATE people SET theme = 'dark'"):
        answer = page.goto("/jobs")
        assert answer is not None
        sent = answer.text()
        body = page.locator("body")
        expect(page.get_by_role("heading", name="Something went wrong")).to_be_visible()
        shown = incident_in(body.text_content())
        assert objected_to(page) == {}
        missing = page.goto("/no/such/page")
        assert missing is not None
        refused = page.request.get("/api/v1/me")
        page.goto(f"{stack.url}//example.org/jobs")
        again = page.get_by_role("link", name="Try again")
        assert again.evaluate("link => link.href") == f"{stack.url}//example.org/jobs"
        page.goto("/jobs")
    page.get_by_role("link", name="Try again").click()
    expect(page.get_by_role("heading", level=1, name="Jobs")).to_be_visible()

    assert (answer.status, missing.status) == (500, 500)
    assert (refused.status, refused.headers["content-type"]) == (500, "application/problem+json")
    told = incident_in(refused.json()["detail"])
    log = (stack.home.parent / "up.log").read_text()
    assert all(log.count(f"incident={each}") == 1 for each in (shown, told))
    assert "sepia" in log
    assert not any("sepia" in each or "Traceback" in each for each in (sent, refused.text()))


def test_without_its_tables_the_portal_says_so_and_comes_back_by_itself(
    watched: Watched, stack: Stack
) -> None:
    page = watched.page
    with changed(stack, "ALTER TABLE people RENAME TO away", "ALTER TABLE away RENAME TO people"):
        page.context.add_cookies([{"name": "portal_person", "value": "0" * 32, "url": stack.url}])
        broken = page.goto("/")
        expect(page.get_by_role("heading", name="Something went wrong")).to_be_visible()
        answer = page.request.get("/api/v1/me")
    page.get_by_role("link", name="Try again").click()

    expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    assert broken is not None
    assert (broken.status, answer.status) == (500, 503)
    assert "The database does not answer." in answer.json()["detail"]

"""The runs list searched by job: typed, kept by the address, and part of what is done to all that match."""

import re

from playwright.sync_api import expect

from tests.e2e.browser.chromium import Watched
from tests.support.eventually import eventually
from tests.support.stack import Stack


def test_runs_are_found_by_their_job_and_run_again_together(watched: Watched, stack: Stack) -> None:
    page = watched.page
    wanted, other = (stack.create(name, "fails.py") for name in ("Quarterly levy", "Weekly mail"))
    for job in (wanted, wanted, other):
        stack.ended(stack.run_now(job))
    page.goto("/runs?state=failed,timed_out,lost")
    expect(page.get_by_role("link", name="Weekly mail", exact=True)).to_be_visible()

    page.keyboard.press("/")
    page.keyboard.type("LEVY quart")
    expect(page.get_by_role("link", name="Weekly mail", exact=True)).to_have_count(0)
    expect(page.get_by_role("link", name="Quarterly levy", exact=True)).to_have_count(2)
    expect(page.locator("p[aria-live]").filter(has_text="2 runs on this page")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"\?q=LEVY\+quart&state="))

    page.reload()
    expect(page.get_by_role("searchbox", name="Search runs by their job")).to_have_value("LEVY quart")
    expect(page.get_by_role("link", name="Quarterly levy", exact=True)).to_have_count(2)
    page.get_by_role("button", name="Run all again…").click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("Run again 2")).click()
    expect(page.locator(".jp-toast")).to_be_visible()

    def again(job: str) -> int:
        return len(stack.ask("GET", f"/runs?job={job}&cause=rerun")["items"])

    eventually(lambda: again(wanted) == 2, within_s=30, what="both are run again")
    assert again(other) == 0

    page.get_by_role("searchbox", name="Search runs by their job").fill("there is none")
    expect(page.get_by_role("heading", name="No run matches")).to_be_visible()
    page.get_by_role("button", name="Show all runs").click()
    expect(page.get_by_role("link", name="Weekly mail", exact=True)).to_be_visible()

    page.goto("/runs?from=2001-01-01T00:00:00Z&to=2001-01-02T00:00:00Z")
    page.get_by_role("button", name="Show all runs").click()
    expect(page.get_by_role("link", name="Weekly mail", exact=True)).to_be_visible()
    assert watched.complaints == []

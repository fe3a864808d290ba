"""Getting anywhere by the keyboard."""

import re

from playwright.sync_api import expect

from tests.e2e.browser.chromium import Watched
from tests.e2e.browser.test_accessibility import objected_to
from tests.support.stack import Stack


def test_a_job_is_found_opened_run_and_paused_without_a_pointer(watched: Watched, stack: Stack) -> None:
    page = watched.page
    job = stack.create("weigh the whales", "hello.py", every_s=3600)
    other = stack.create("count the crabs", "hello.py")
    page.goto("/")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Search jobs, pages and actions")
    expect(field).to_be_focused()
    assert objected_to(page) == {}
    page.keyboard.type("no such thing at all")
    expect(page.get_by_role("status").filter(has_text="Nothing matches")).to_be_visible()
    field.fill("")
    page.keyboard.type("crabs")
    page.keyboard.press("Control+Enter")  # before anything is found
    expect(page.get_by_text("Asked for a run of count the crabs.")).to_be_visible()
    run = str(page.get_by_role("status").get_by_role("link", name="Open").get_attribute("href"))
    assert stack.ended(run.removeprefix("/runs/"))["job_id"] == other

    page.keyboard.press("Control+k")
    expect(page.get_by_role("option").first).to_be_visible()
    page.keyboard.type("whales")
    page.keyboard.press("Enter")  # while the list still shows what the empty text found
    expect(page).to_have_url(re.compile(f"/jobs/{job}$"))
    expect(page.get_by_role("heading", name="weigh the whales")).to_be_visible()
    page.keyboard.press("r")
    expect(page.get_by_text("Asked for a run of weigh the whales.")).to_be_visible()
    page.keyboard.press("p")
    expect(page.get_by_role("button", name="Resume", exact=True)).to_be_visible()
    page.keyboard.press("Control+k")
    page.keyboard.type("versions")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("tab=versions$"))
    assert watched.complaints == []


def test_lists_are_gone_through_and_pages_reached_by_keys(watched: Watched, stack: Stack) -> None:
    page = watched.page
    for name in ("a first one", "a second one"):
        stack.create(name, "hello.py")
    page.goto("/jobs")
    expect(page.get_by_role("link", name="a second one")).to_be_visible()
    names = page.locator(".jp-table__name").all_text_contents()
    page.keyboard.press("k")
    expect(page.get_by_role("link", name=names[-1], exact=True)).to_be_focused()
    page.keyboard.press("k")
    expect(page.get_by_role("link", name=names[-2], exact=True)).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.get_by_role("link", name=names[-1], exact=True)).to_be_focused()
    page.keyboard.press("g")
    page.keyboard.press("a")
    expect(page).to_have_url(re.compile("/activity$"))
    assert watched.complaints == []

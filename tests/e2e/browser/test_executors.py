"""How busy executors are and were, from the list of them to the page of one."""

import re

from playwright.sync_api import Browser, expect

from tests.e2e.browser.chromium import Watched
from tests.e2e.browser.test_accessibility import objected_to
from tests.support.stack import Stack


def test_from_a_run_to_its_executor_and_what_that_did_by_keyboard(watched: Watched, stack: Stack) -> None:
    page = watched.page
    run = stack.ended(stack.run_now(stack.create("kept a slot busy", "slow.py", args=["2"])))
    name = run["executor"]
    page.goto("/executors")
    bars = page.get_by_role("slider", name=f"Slots busy of {name}, the last 24 hours")
    bars.focus()
    said = re.compile(r"^\d\d:\d\d.\d\d:\d\d: \d.* of \d\sslots? busy$")
    expect(bars).to_have_attribute("aria-valuetext", said)
    page.keyboard.press("Home")
    expect(bars).to_have_attribute("aria-valuenow", "1")
    expect(page.locator(".jp-busy .jp-hint")).to_contain_text(f"{name}, ")
    expect(page.locator(".jp-busy .jp-hint")).to_contain_text(": 0 of ")
    page.keyboard.press("Alt+ArrowRight")  # the browser's own: forward
    expect(bars).to_have_attribute("aria-valuenow", "1")
    row = page.locator(".jp-busy__row").filter(has=bars)
    expect(row.locator(".jp-busy__bars")).to_have_attribute("d", re.compile("^M"))

    page.goto(f"/runs/{run['id']}")
    page.locator(".jp-head").get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    expect(page.get_by_text("portal.due.default.urgent")).to_be_visible()
    expect(page.get_by_role("link", name="kept a slot busy")).to_be_visible()

    page.get_by_role("button", name="Drain").click()
    expect(page.locator(".jp-notice")).to_contain_text("takes nothing more until somebody resumes it")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator(".jp-head .jp-chip")).to_have_text("Online")
    assert objected_to(page) == {}

    alone = page.get_by_role("slider", name=f"Slots busy of {name}, the last 24 hours")
    alone.focus()
    page.keyboard.press("Enter")
    # Whatever took a slot then is there, however long before it was due.
    expect(page).to_have_url(re.compile(rf"/runs\?executor={name}&to="))
    expect(page.get_by_role("link", name="kept a slot busy")).to_be_visible()
    assert watched.complaints == []


def test_a_touch_says_what_its_bar_holds_and_only_then_leads_there(browser: Browser, stack: Stack) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, base_url=stack.url, has_touch=True)
    context.add_cookies([stack.cookie()])
    page = context.new_page()
    page.goto("/executors")
    bars = page.get_by_role("slider").first
    expect(page.locator(".jp-busy")).to_have_attribute("aria-busy", "false")
    bars.tap(position={"x": 1, "y": 16})

    expect(bars).to_have_attribute("aria-valuenow", "1")
    page.locator(".jp-busy .jp-hint").get_by_role("link", name=re.compile("of \\d slots? busy$")).tap()
    expect(page).to_have_url(re.compile(r"/runs\?executor=executor-\d&to="))
    context.close()


def test_an_executor_that_never_was_is_not_found(watched: Watched) -> None:
    page = watched.page
    answer = page.goto("/executors/nobody")

    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_text("There is no executor of this name.")).to_be_visible()

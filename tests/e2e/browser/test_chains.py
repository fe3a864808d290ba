"""Chains as a person makes and sees them: the form, the graph, the runs that lead to each other."""

import re

from playwright.sync_api import Page, expect

from tests.e2e.browser.chromium import Watched
from tests.e2e.browser.test_accessibility import objected_to
from tests.support.stack import Stack


def save(page: Page) -> None:
    page.get_by_role("button", name="Save changes").click()


def test_a_chain_is_made_in_the_form_and_followed_through_its_runs(watched: Watched, stack: Stack) -> None:
    first = stack.create("fetch the prices", "hello.py")
    second = stack.create("load the prices", "hello.py")
    page = watched.page

    page.goto(f"/jobs/{second}/edit")
    page.locator("summary").filter(has_text="Runs after").click()
    page.get_by_role("button", name="Add a job").click()
    page.get_by_role("combobox", name="Job 1").fill("fetch the")
    page.get_by_role("option", name="fetch the prices").click()
    expect(page.get_by_text("Starts when fetch the prices has succeeded.", exact=True)).to_be_visible()
    assert objected_to(page) == {}
    save(page)

    graph = page.get_by_role("region", name="Chain")
    expect(graph.get_by_role("link")).to_have_count(2)
    run = stack.ended(stack.run_now(first))
    expect(graph.get_by_role("link", name=re.compile("load the prices Succeeded"))).to_be_visible()
    assert objected_to(page) == {}

    page.goto(f"/runs/{run['id']}")
    page.get_by_role("link", name="#1 of load the prices").click()
    expect(page.get_by_text(re.compile(r"Started by #1 of fetch the prices \(succeeded\)"))).to_be_visible()
    page.get_by_role("link", name="#1 of fetch the prices").click()
    expect(page).to_have_url(re.compile(run["id"]))

    page.goto(f"/jobs/{first}/edit")
    page.locator("summary").filter(has_text="Runs after").click()
    page.get_by_role("button", name="Add a job").click()
    page.get_by_role("combobox", name="Job 1").fill("load the prices")
    save(page)
    circle = "fetch the prices → load the prices → fetch the prices"
    expect(page.get_by_role("alert").get_by_text(circle)).to_be_visible()
    # The refused save is the one complaint: the browser tells of every 422.
    assert [one for one in watched.complaints if "422" not in one] == []

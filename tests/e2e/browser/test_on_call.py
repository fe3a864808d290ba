"""Whoever is called for a failure, with a phone in one hand: three taps, and the rest sleeps on."""

import re

from playwright.sync_api import expect

from tests.e2e.browser.chromium import Watched
from tests.e2e.browser.test_accessibility import objected_to
from tests.support.stack import Stack


def test_three_taps_from_a_failure_to_its_last_lines_a_repeat_and_silence(
    watched: Watched, stack: Stack
) -> None:
    job_id = stack.create("wakes somebody", "fails.py")
    stack.ended(stack.run_now(job_id))
    page = watched.page
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/")
    attention = page.get_by_role("region", name="Needs attention")
    failure = attention.get_by_role("listitem").filter(
        has_text=re.compile("wakes somebody.*Failed", re.DOTALL)
    )
    expect(failure).to_contain_text("Exit code 3 means: nothing to do.")
    expect(failure.get_by_text("Failed", exact=True)).to_be_in_viewport()

    failure.get_by_role("link", name="wakes somebody").click()
    expect(page.get_by_text("ERROR: there is no report").first).to_be_in_viewport()
    page.get_by_role("button", name="Run again as it was").click()
    expect(page.get_by_role("button", name="Asked for")).to_be_disabled()
    page.get_by_role("button", name="Mute 1 h").click()
    expect(page.get_by_text(re.compile("The job is muted by tester .* until"))).to_be_visible()
    assert objected_to(page) == {}

    runs = stack.ask("GET", "/runs", params={"job": job_id})["items"]
    assert [one["cause"] for one in runs] == ["rerun", "api"]
    page.goto("/")
    muted = page.get_by_role("list", name="Muted").get_by_role("listitem")
    expect(muted.filter(has_text=re.compile("wakes somebody is muted by tester .* until"))).to_be_visible()
    expect(failure).to_have_count(0)
    assert objected_to(page) == {}

    page.get_by_role("button", name="Unmute wakes somebody").click()
    expect(failure).to_be_visible()
    page.get_by_role("button", name="Mute 1 h: wakes somebody").click()
    expect(failure).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(failure).to_be_visible()
    page.goto("/activity")
    expect(page.get_by_role("listitem").filter(has_text="Muted wakes somebody for 1 h").first).to_be_visible()
    assert watched.complaints == []

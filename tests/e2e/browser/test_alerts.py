"""Alerts as a person meets them: a channel, a rule, and a failure that is told while nobody looks."""

import re

from playwright.sync_api import expect

from tests.e2e.browser.chromium import Watched
from tests.e2e.browser.test_accessibility import objected_to
from tests.support.eventually import eventually
from tests.support.receiver import Receiver
from tests.support.stack import Stack


def test_a_failure_is_told_where_somebody_said(watched: Watched, stack: Stack) -> None:
    page = watched.page
    job = stack.create("told of", "fails.py")
    with Receiver().listening() as receiver:
        page.goto("/alerts")
        expect(page.get_by_role("button", name="New rule")).to_be_disabled()
        page.get_by_role("button", name="New channel").first.click()
        page.get_by_label("Name", exact=True).fill("Hook")
        page.get_by_label("Kind").select_option("webhook")
        page.get_by_label("Address").fill("ftp://nowhere")
        page.get_by_role("button", name="Store the channel").click()
        expect(page.get_by_text("A webhook's address begins with https://")).to_be_visible()
        assert objected_to(page) == {}
        watched.complaints.clear()  # of what was refused just now
        page.get_by_label("Address").fill(receiver.url)
        page.get_by_role("button", name="Store the channel").click()
        expect(page.get_by_role("textbox", name="Secret")).to_have_value(re.compile("^whsec_"))
        page.get_by_role("button", name="I have it").click()
        page.get_by_role("button", name="Try Hook").click()
        expect(page.get_by_text("Delivered")).to_be_visible()

        page.goto(f"/jobs/{job}?tab=alerts")
        page.get_by_role("link", name="Add an alert").click()
        expect(page.get_by_role("combobox", name="Job", exact=True)).to_have_value("told of")
        assert objected_to(page) == {}
        page.get_by_role("button", name="Make the rule").click()
        expect(page.get_by_role("heading", name="A run fails")).to_be_visible()
        run = stack.ended(stack.run_now(job))
        eventually(lambda: len(receiver.requests) == 2, within_s=90, what="the failure is told")

    said = receiver.requests[1].said
    assert said["title"] == "told of failed"
    assert said["alerts"][0]["run_id"] == run["id"]
    assert "  | " in said["text"]
    page.goto(f"/jobs/{job}?tab=alerts")
    expect(page.get_by_text("for this job → Hook")).to_be_visible()
    expect(page.get_by_text("told of failed, told")).to_be_visible()
    assert "hidden-in-the-address" not in page.content()
    assert watched.complaints == []

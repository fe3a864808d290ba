"""Versions of a job, the way back, and two people who edit one job."""

import re

from playwright.sync_api import expect

from tests.e2e.browser.chromium import Watched
from tests.e2e.browser.test_accessibility import objected_to
from tests.support.stack import Stack


def test_a_job_goes_back_to_an_earlier_version_and_activity_says_so(watched: Watched, stack: Stack) -> None:
    page = watched.page
    job = stack.create("an edited one", "hello.py", every_s=3600)
    stack.ask("PATCH", f"/jobs/{job}", json={"version": 1, "timeout_s": 60, "policy": {"keep_days": 9}})
    stack.ask("PATCH", f"/jobs/{job}", json={"version": 2, "schedule": {"kind": "daily", "at": "09:30"}})
    page.goto(f"/jobs/{job}")
    page.get_by_role("link", name="Versions").click()
    versions = page.get_by_role("region", name="Versions")

    expect(versions.locator("#v2")).to_contain_text(
        re.compile(r"Timeout.*5.m.*1.m.*Keep its runs for, days.*none.*9", re.DOTALL)
    )
    expect(versions.locator("#v3")).to_contain_text(re.compile(r"Every hour.*Every day at 09:30", re.DOTALL))
    assert objected_to(page) == {}
    versions.get_by_role("button", name="Go back to version 1").click()
    dialog = page.get_by_role("dialog", name="Go back to version 1?")
    expect(dialog).to_contain_text(re.compile(r"Every day at 09:30.*Every hour", re.DOTALL))
    assert objected_to(page) == {}
    dialog.get_by_role("button", name="Go back").click()
    expect(versions.locator("#v4")).to_contain_text("Went back to version 1")
    now = stack.ask("GET", f"/jobs/{job}")
    assert (now["version"], now["timeout_s"], now["schedules"][0]["schedule"]["kind"]) == (4, 300, "interval")

    page.goto(f"/activity?job={job}")
    newest = page.get_by_role("listitem").filter(has_text="Went back")
    expect(newest).to_contain_text(re.compile(r"an edited one.*Timeout", re.DOTALL))
    assert objected_to(page) == {}
    assert watched.complaints == []


def test_the_way_back_overwrites_nothing_that_came_after_it_was_shown(watched: Watched, stack: Stack) -> None:
    page = watched.page
    job = stack.create("gone back from by two", "hello.py")
    stack.ask("PATCH", f"/jobs/{job}", json={"version": 1, "timeout_s": 60})
    page.goto(f"/jobs/{job}?tab=versions")
    page.get_by_role("button", name="Go back to version 1").click()
    dialog = page.get_by_role("dialog", name="Go back to version 1?")
    expect(dialog).to_contain_text("Timeout")
    stack.ask("PATCH", f"/jobs/{job}", json={"version": 2, "description": "theirs"})
    expect(page.locator("#v3")).to_contain_text("Description")

    dialog.get_by_role("button", name="Go back").click()

    expect(dialog.get_by_role("alert")).to_contain_text("changed")
    expect(dialog).to_contain_text("theirs")
    dialog.get_by_role("button", name="Go back").click()
    expect(page.locator("#v4")).to_contain_text("Went back to version 1")
    # The complaint is Chromium's own word on what was refused.
    assert [text for text in watched.complaints if "409" not in text] == []


def test_who_saves_second_sees_what_changed_and_saves_on_top_of_it(watched: Watched, stack: Stack) -> None:
    page = watched.page
    job = stack.create("edited by two", "hello.py")
    page.goto(f"/jobs/{job}/edit")
    page.get_by_label("Description").fill("what mine is")
    page.locator("summary", has_text="Rules").click()
    page.get_by_label("Keep its runs for, days").fill("30")
    theirs = {"keep_runs": 50, "keep_days": 7}
    stack.ask("PATCH", f"/jobs/{job}", json={"version": 1, "timeout_s": 60, "policy": theirs})

    page.get_by_role("button", name="Save changes").click()

    notice = page.get_by_role("alert").filter(has_text="Somebody changed this job")
    days = notice.get_by_role("listitem").filter(has_text="Keep its runs for, days")
    expect(days).to_contain_text("you changed it, too")
    expect(notice.get_by_role("listitem").filter(has_text="Timeout")).not_to_contain_text("you changed it")
    assert objected_to(page) == {}
    notice.get_by_role("button", name="Save mine on top of it").click()
    expect(page.get_by_role("heading", name="edited by two", exact=True)).to_be_visible()
    now = stack.ask("GET", f"/jobs/{job}")
    assert (now["description"], now["timeout_s"]) == ("what mine is", 60)
    assert (now["policy"]["keep_days"], now["policy"]["keep_runs"]) == (30, 50)
    # The complaint is Chromium's own word on the refused save.
    assert [text for text in watched.complaints if "409" not in text] == []


def test_nothing_is_saved_on_top_of_what_cannot_be_told(watched: Watched, stack: Stack) -> None:
    page = watched.page
    job = stack.create("edited unseen", "hello.py")
    page.goto(f"/jobs/{job}/edit")
    page.get_by_label("Description").fill("what mine is")
    stack.ask("PATCH", f"/jobs/{job}", json={"version": 1, "timeout_s": 60})
    page.route("**/changes?since=*", lambda route: route.abort())

    page.get_by_role("button", name="Save changes").click()

    notice = page.get_by_role("alert").filter(has_text="What changed cannot be told")
    expect(notice.get_by_role("link", name="load the newest version")).to_be_visible()
    expect(notice.get_by_role("button", name="Save mine on top of it")).to_be_hidden()
    page.unroute_all()
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("button", name="Save mine on top of it")).to_be_visible()


def test_insights_of_a_job_say_its_days_durations_and_delays(watched: Watched, stack: Stack) -> None:
    page = watched.page
    job = stack.create("a measured one", "hello.py")
    page.goto(f"/jobs/{job}?tab=insights")
    expect(page.get_by_role("heading", name="Nothing to tell yet")).to_be_visible()
    run = stack.ended(stack.run_now(job))
    expect(page.get_by_text("1 of 1 started").first).to_be_visible()
    durations = page.get_by_role("slider", name="Durations, oldest run first")
    expect(durations).to_have_attribute("aria-valuetext", re.compile("^#1 succeeded after "))
    today = page.get_by_role("link", name=re.compile("1 succeeded$"))
    expect(today).to_be_visible()
    assert objected_to(page) == {}
    today.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=re.compile("Only runs due from .* until"))).to_be_visible()
    expect(page.get_by_role("link", name="#1", exact=True)).to_be_visible()
    page.goto(f"/runs?job={job}&to=2020-01-01T00:00:00Z")
    expect(page.get_by_text("Shown are runs due until")).to_be_visible()
    page.get_by_role("button", name=re.compile("Only runs due until")).click()
    expect(page.get_by_role("link", name="#1", exact=True)).to_be_visible()
    page.goto(f"/jobs/{job}?tab=insights")
    durations.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/runs/{run['id']}$"))
    assert watched.complaints == []

"""Cancelling, draining, pausing and freezing as a person does it, with a browser."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.browser.chromium import Watched
from tests.e2e.browser.screenshots import opened
from tests.e2e.browser.test_accessibility import objected_to
from tests.support.eventually import eventually
from tests.support.stack import Stack

WAITS = "import time\nprint('ready', flush=True)\ntime.sleep(600)\n"


def test_a_run_is_cancelled_from_its_page(watched: Watched, stack: Stack, scripts: Path) -> None:
    (scripts / "waits.py").write_text(WAITS)
    page = watched.page
    run_id = stack.run_now(stack.create("cancelled by hand", "waits.py"))
    page.goto(f"/runs/{run_id}")
    expect(page.locator(".jp-head .jp-chip")).to_have_text("Running")

    page.get_by_role("button", name="Cancel run").click()
    dialog = page.get_by_role("dialog", name="Cancel run #1 of cancelled by hand?")
    dialog.get_by_role("button", name="Keep it").click()
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Cancel run").click()
    dialog.get_by_role("button", name="Cancel run").click()

    expect(page.locator(".jp-head .jp-chip")).to_have_text(re.compile("Stopping…|Cancelled"))
    expect(page.locator(".jp-head .jp-chip")).to_have_text("Cancelled")
    expect(page.locator(".jp-notice")).to_contain_text("Cancelled by tester")
    assert watched.complaints == []


def test_a_stubborn_run_is_shown_as_stopping_in_the_list_of_another_browser(
    watched: Watched, stack: Stack, scripts: Path
) -> None:
    ignores = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    (scripts / "ignores.py").write_text(ignores + WAITS)
    page = watched.page
    job = stack.create("deaf to its end", "ignores.py", kill_grace_s=60)
    run_id = stack.run_now(job)
    page.goto(f"/jobs/{job}")
    chip = page.locator(".jp-table .jp-chip")
    expect(chip).to_have_text("Running")
    eventually(
        lambda: stack.ask("GET", f"/runs/{run_id}/log")["items"], within_s=60, what="it ignores SIGTERM"
    )

    stack.ask("POST", f"/runs/{run_id}/cancel")

    expect(chip).to_have_text("Stopping…")
    expect(page.get_by_role("button", name="Cancel run deaf to its end #1")).to_have_count(0)
    assert watched.complaints == []


def test_what_waits_of_a_job_is_cancelled_from_its_menu(watched: Watched, stack: Stack) -> None:
    page = watched.page
    job = stack.create("nobody serves it", "hello.py", pool="nobody", overlap="allow")
    runs = [stack.run_now(job) for _ in range(3)]
    page.goto(f"/jobs/{job}")
    expect(page.locator("#jp-banner")).to_contain_text("No executor serves nobody: 3 runs wait.")

    page.locator(".jp-head__do").get_by_role("button", name="More").click()
    page.get_by_role("button", name="Cancel waiting runs…").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel 3 runs").click()

    assert {stack.ended(run)["state"] for run in runs} == {"cancelled"}
    expect(page.locator(".jp-table .jp-chip")).to_have_text(["Cancelled"] * 3)
    assert watched.complaints == []


def test_a_freeze_is_begun_with_an_end_told_on_every_page_and_lifted(watched: Watched, stack: Stack) -> None:
    page = watched.page
    job = stack.create("asked for in a freeze", "hello.py")
    page.goto("/executors")
    page.get_by_role("button", name="Freeze everything…").click()
    page.get_by_role("radio", name="15 minutes").check()
    page.get_by_role("dialog").get_by_role("button", name="Freeze").click()

    try:
        page.goto(f"/jobs/{job}")
        expect(page.locator("#jp-banner")).to_contain_text("Everything is frozen until")
        expect(page.locator(".jp-health")).to_have_text("Frozen")
        page.get_by_role("button", name="Run now").click()
        expect(page.locator(".jp-toast")).to_contain_text("It waits: everything is frozen until")
        expect(page.locator(".jp-why h2")).to_contain_text("Everything is frozen by tester")

        page.get_by_role("button", name="Lift the freeze").click()

        expect(page.locator(".jp-banner--frozen")).to_have_count(0)
        expect(page.locator(".jp-table .jp-chip")).to_have_text("Succeeded")
    finally:
        stack.ask("DELETE", "/freeze")

    page.goto("/activity")
    page.locator(".jp-deeds p").filter(has_text="Froze everything by").first.get_by_role("link").click()
    expect(page).to_have_url(re.compile("/executors$"))
    assert watched.complaints == []


def test_an_executor_is_drained_and_a_pool_paused_and_both_resumed(watched: Watched, stack: Stack) -> None:
    page = watched.page
    page.goto("/executors")

    page.get_by_role("button", name="Drain executor-2").click()
    row = page.get_by_role("row").filter(has_text="executor-2")
    expect(row.locator(".jp-chip")).to_have_text(re.compile("Drain(ing|ed)"))
    page.get_by_role("button", name="Resume executor-2").click()
    expect(page.get_by_role("button", name="Drain executor-2")).to_be_visible()

    page.get_by_role("button", name="Pause pool default").click()
    pool = page.get_by_role("row").filter(has_text="default").last
    expect(pool.locator(".jp-chip")).to_have_text("Paused")
    page.get_by_role("button", name="Resume pool default").click()
    expect(pool.locator(".jp-chip")).to_have_text("Open")
    assert watched.complaints == []


@pytest.mark.parametrize(("theme", "size"), [("light", "1440"), ("dark", "390")])
def test_axe_objects_to_nothing_while_everything_is_held_back(
    browser: Browser, stack: Stack, theme: str, size: str
) -> None:
    stack.ask("POST", "/freeze", json={"for_s": 600})
    stack.ask("POST", "/pools/default/pause")
    stack.ask("POST", "/executors/executor-1/drain")
    try:
        with opened(browser, stack.seen(), "/executors", theme=theme, size=size) as page:
            assert objected_to(page) == {}
            page.get_by_role("button", name="Change the freeze…").click()
            page.get_by_label("Until a time").check()
            assert objected_to(page) == {}
    finally:
        stack.ask("DELETE", "/freeze")
        stack.ask("POST", "/pools/default/resume")
        stack.ask("POST", "/executors/executor-1/resume")

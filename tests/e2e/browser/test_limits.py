"""Shared limits and the brake as a person meets them, with a browser."""

import re
from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.browser.chromium import Watched
from tests.e2e.browser.test_accessibility import objected_to
from tests.support.eventually import eventually
from tests.support.stack import Stack

WAITS = "import time\nprint('ready', flush=True)\ntime.sleep(600)\n"


def test_jobs_take_turns_and_a_higher_maximum_lets_the_next_one_in(
    watched: Watched, stack: Stack, scripts: Path
) -> None:
    (scripts / "waits.py").write_text(WAITS)
    page = watched.page
    first, second = (stack.create(f"{name} of the archive", "waits.py") for name in ("copy", "check"))
    for job, choose in ((first, False), (second, True)):
        page.goto(f"/jobs/{job}/edit")
        page.locator("summary", has_text="Limits").click()
        page.get_by_label("Shared limit", exact=True).press_sequentially("arch" if choose else "archive-disk")
        if choose:
            page.get_by_role("option", name="archive-disk").click()
            assert objected_to(page) == {}
        page.get_by_role("button", name="Save changes").click()
        expect(page.get_by_role("link", name="archive-disk")).to_be_visible()

    running = stack.run_now(first)
    eventually(lambda: state_of(stack, running) == "running", within_s=60, what="the first one runs")
    waiting = stack.run_now(second)
    page.goto(f"/jobs/{second}")
    said = "It waits for archive-disk: 1 of 1 in use by #1 of copy of the archive, position 1"
    expect(page.locator("#jp-why-title")).to_have_text(said)

    page.get_by_role("link", name="Open executors").click()
    row = page.get_by_role("row", name=re.compile("^archive-disk"))
    expect(row).to_contain_text("1/1")
    expect(row).to_contain_text("copy of the archive #1")
    row.get_by_role("button", name="Change the maximum of archive-disk").click()
    page.get_by_label("At most at once").fill("none")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Type a whole number, at least 1.")).to_be_visible()
    assert objected_to(page) == {}
    page.get_by_label("At most at once").fill("2")
    page.get_by_role("button", name="Save").click()

    expect(row).to_contain_text("2/2")
    assert state_of(stack, waiting) == "running"
    for run in (running, waiting):
        stack.ask("POST", f"/runs/{run}/cancel")
    assert watched.complaints == []


def test_a_job_that_its_brake_slows_down_is_told_of(watched: Watched, stack: Stack) -> None:
    page = watched.page
    policy = {"starts_per_minute": 1}
    job = stack.create("a runaway", "hello.py", overlap="allow", policy=policy, every_s=1)

    page.goto("/")
    item = page.locator(".jp-attention li", has_text="a runaway")
    expect(item.locator(".jp-chip")).to_have_text("Braked", timeout=60_000)

    item.get_by_role("link", name="a runaway").click()
    expect(page.locator(".jp-notice")).to_contain_text("It starts too often")
    stack.ask("DELETE", f"/jobs/{job}")
    assert watched.complaints == []


def state_of(stack: Stack, run_id: str) -> str:
    return str(stack.ask("GET", f"/runs/{run_id}")["state"])

"""What a run may use: set in the form, and told where it was too little."""

import re
from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.browser.chromium import Watched
from tests.e2e.browser.test_accessibility import objected_to
from tests.support.stack import Stack

HOG = """
import time
held = []
for _ in range(100):
    held.append(b"x" * 4_000_000)
    time.sleep(0.02)
"""


def test_a_run_that_needs_more_than_its_job_allows_says_so(
    watched: Watched, stack: Stack, scripts: Path
) -> None:
    (scripts / "hog.py").write_text(HOG)
    page = watched.page
    job = stack.create("a hungry one", "hog.py")
    page.goto(f"/jobs/{job}/edit")
    page.locator("summary", has_text="Resources").click()
    memory = page.get_by_label("Memory", exact=True)
    memory.fill("2")
    page.get_by_role("button", name="Save changes").click()
    expect(memory).to_be_focused()
    expect(page.get_by_text("Choose between 16 MB and 1,000 GB of memory")).to_be_visible()
    assert objected_to(page) == {}
    memory.fill("64")
    page.get_by_label("CPU time").fill("5")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("At most 64 MB of memory, 5 m of CPU time")).to_be_visible()

    run = stack.ended(stack.run_now(job))
    page.goto(f"/runs/{run['id']}")

    expect(page.get_by_text("Used more than its 64 MB of memory")).to_be_visible()
    assert run["reason"] == "memory-limit"

    stack.ask("PATCH", f"/jobs/{job}", json={"version": 2, "resources": {"memory_bytes": 700_000_000}})
    run = stack.ended(stack.run_now(job))
    page.goto(f"/runs/{run['id']}")
    curve = page.get_by_role(
        "slider", name=re.compile("^Memory over time, seen up to [34].. MB · limit 700 MB")
    )
    curve.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(curve).to_have_attribute("aria-valuetext", re.compile("MB after 500.ms$"))
    expect(page.get_by_role("slider", name=re.compile("^CPU over time, .* on average"))).to_be_visible()
    assert objected_to(page) == {}
    # The complaint is Chromium's own word on the answer that the test asked for.
    assert [text for text in watched.complaints if "422" not in text] == []

"""A failing night without a mouse: a job is found, run, watched and stopped by keys that everybody knows."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.browser.chromium import Watched
from tests.support.stack import Stack

WAITS = "import time\nprint('at work', flush=True)\ntime.sleep(600)\n"

# What has the focus, by its words, once it can be seen to have it: drawn, in sight and ringed.
FOCUSED = """() => {
  const one = document.activeElement;
  const { outlineStyle, boxShadow } = getComputedStyle(one);
  const rings = [outlineStyle, boxShadow, getComputedStyle(one.parentElement).boxShadow];
  const { left, right, top, bottom } = one.getBoundingClientRect();
  const isIn = right > left && right > 0 && left < innerWidth && bottom > 0 && top < innerHeight;
  const words = one.ariaLabel ?? one.labels?.[0]?.innerText ?? one.innerText ?? "";
  return rings.some((ring) => ring !== "none") && isIn && [words.trim().replace(/\\s+/g, " ")];
}"""


def test_a_run_is_started_watched_and_cancelled_by_the_keyboard_alone(
    watched: Watched, stack: Stack, scripts: Path
) -> None:
    (scripts / "awaits_its_end.py").write_text(WAITS)
    stack.create("kept by keys", "awaits_its_end.py")
    page = watched.page
    page.goto("/")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()

    # First the way past the navigation, then the navigation, from top to bottom.
    order = [pressed(page, "Tab") for _ in range(13)]
    assert order[:3] == ["Skip to the content", "Job Trigger Portal", "Go to… Ctrl K"]
    pages = [
        "Overview",
        "Jobs",
        "Runs",
        "Week",
        "Calendars",
        "Scripts",
        "Secrets",
        "Alerts",
        "Activity",
        "Executors",
    ]
    assert [words.split()[0] for words in order[3:]] == pages
    tab_to(page, "^Jobs", "Shift+Tab")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Jobs")).to_be_visible()
    pressed(page, "Tab")
    page.keyboard.press("Enter")  # past the navigation
    tab_to(page, "^Search jobs$")
    page.keyboard.type("kept by keys")
    expect(page.locator("tbody tr[data-job]")).to_have_count(1)
    tab_to(page, "^Select this page$")
    assert [pressed(page, "Tab") for _ in range(3)] == ["Job", "Next run", "Ran"]
    assert pressed(page, "Tab") == "Select kept by keys"
    assert pressed(page, "Tab") == "kept by keys"
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="kept by keys")).to_be_visible()
    tab_to(page, "^Run now$")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Open", exact=True)).to_be_visible()
    tab_to(page, "^Open$", "Shift+Tab")
    page.keyboard.press("Enter")

    expect(page.get_by_role("region", name="Output")).to_contain_text("at work")
    tab_to(page, "^Cancel run$")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Cancel run #1 of kept by keys?")
    expect(dialog).to_be_visible()
    tab_to(page, "^Cancel run$")
    page.keyboard.press("Enter")

    expect(page.locator(".jp-head .jp-chip")).to_have_text("Cancelled")
    tab_to(page, "^Output$")
    assert watched.complaints == []


def pressed(page: Page, key: str) -> str:
    """Press a key that moves the focus, and return the words of where it is then: where it can be seen."""
    page.keyboard.press(key)
    words: list[str] = page.wait_for_function(FOCUSED).json_value()
    return words[0]


def tab_to(page: Page, words: str, key: str = "Tab") -> None:
    """Move the focus on until it is on what these words name."""
    passed = []
    for _ in range(60):
        passed.append(pressed(page, key))
        if re.search(words, passed[-1]):
            return
    raise AssertionError(f"{words} is not within reach of {key}: {passed}")

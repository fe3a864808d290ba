"""Pages with all of it unfolded have nothing that axe (deque.com/axe) objects to; see `test_every_page`."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.browser.screenshots import opened
from tests.support.stack import Stack

AXE = Path(__file__).parent / "axe" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.mark.parametrize(("theme", "size"), [("dark", "1440"), ("light", "390")])
def test_axe_objects_to_nothing_in_the_editor_when_all_of_it_is_seen(
    browser: Browser, stack: Stack, theme: str, size: str
) -> None:
    with opened(browser, stack.seen(), "/jobs/new", theme=theme, size=size) as page:
        page.get_by_role("radio", name="Weekly").click()
        page.get_by_role("button", name="Add another schedule").click()
        page.get_by_role("radio", name="Cron").click()
        page.get_by_label("Cron expression").fill("*/15 9-25 13 * FRI")
        page.get_by_role("combobox", name="Time zone").fill("HKT")
        page.get_by_label("Arguments of its own").check()
        page.get_by_text("Rules", exact=True).click()
        page.get_by_label("If the previous run is still going").select_option("allow")
        page.get_by_text("Retries", exact=True).click()
        page.get_by_label("Try a failed run again").fill("3")
        page.wait_for_selector(".jp-cron__part--wrong")

        assert objected_to(page) == {}

        page.get_by_label("Cron expression").fill("*/15 2 13 * FRI")
        page.get_by_role("combobox", name="Time zone").fill("Europe/London")
        page.wait_for_selector(".jp-says--warn")

        assert objected_to(page) == {}


@pytest.mark.parametrize(("theme", "size"), [("light", "1440"), ("dark", "390")])
def test_axe_objects_to_nothing_in_a_run_of_several_attempts(
    browser: Browser, stack: Stack, theme: str, size: str
) -> None:
    policy = {"retries": 1, "retry_delay_s": 0}
    job = stack.create(f"tried for axe, {theme} {size}", "fails.py", policy=policy)
    run = stack.ended(stack.run_now(job))
    with opened(browser, stack.seen(), f"/runs/{run['id']}", theme=theme, size=size) as page:
        page.get_by_role("tab", name="Attempt 1").click()

        assert objected_to(page) == {}

        page.get_by_role("button", name="Run again…").click()
        page.get_by_label("Arguments").fill("another")

        assert objected_to(page) == {}


@pytest.mark.parametrize(("theme", "size"), [("dark", "1440"), ("light", "390")])
def test_axe_objects_to_nothing_in_a_full_week(browser: Browser, stack: Stack, theme: str, size: str) -> None:
    rules = [
        {"kind": "hourly", "minute": 0},
        {"kind": "daily", "at": "07:00"},
        {"kind": "interval", "every_s": 600},
    ]
    for n, rule in enumerate(rules):
        job = {"name": f"in the week {n}, {theme} {size}", "script": "hello.py", "schedule": rule}
        stack.ask("POST", "/jobs", json=job)
    with opened(browser, stack.seen(), "/week", theme=theme, size=size) as page:
        page.locator(".jp-week__cell").last.click()
        page.wait_for_selector(".jp-week__jobs")

        assert objected_to(page) == {}


def test_in_forced_colours_what_is_chosen_is_told_from_what_is_not(browser: Browser, stack: Stack) -> None:
    stack.create("chosen in forced colours", "hello.py")
    with opened(browser, stack.seen(), "/jobs", theme="light", size="1440") as page:
        page.emulate_media(forced_colors="active")
        ground = "(one) => getComputedStyle(one).backgroundColor"
        pressed, other = (
            page.locator(f".jp-filter[aria-pressed={on}]").first.evaluate(ground) for on in ("true", "false")
        )
        assert pressed != other
        here, there = (
            page.locator(f".jp-nav__item{on}").first for on in ("[aria-current]", ":not([aria-current])")
        )
        assert here.evaluate(ground) != there.evaluate(ground)
        # The boxes are the system's: nothing of ours lies on its tick.
        box = page.get_by_role("checkbox", name="Select this page")
        box.check()
        box = page.get_by_role(
            "checkbox", name=re.compile("Select chosen in forced colours|Select this page")
        ).first
        assert box.evaluate("(one) => getComputedStyle(one, '::before').content") == "none"


def objected_to(page: Page, rules: list[str] = RULES) -> dict[str, list[str]]:
    """Return what axe objects to on a page, with the places; `rules` are axe's tags or names of rules."""
    page.evaluate(AXE.read_text())
    found = page.evaluate(
        "(rules) => axe.run(document, { runOnly: rules, resultTypes: ['violations'] })", rules
    )
    return {each["id"]: [node["html"] for node in each["nodes"]][:3] for each in found["violations"]}

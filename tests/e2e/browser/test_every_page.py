"""What holds on every page there is: for every reader, on every screen, whatever its names are made of."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from services.ui import pages as site
from tests.e2e.browser.chromium import Watched
from tests.e2e.browser.screenshots import SETTLED, SIZES, opened, pages_of
from tests.e2e.browser.test_accessibility import objected_to
from tests.support.stack import Stack

# Colours are all that a theme changes; the other rules need not be asked twice.
COLOURS = ["color-contrast", "link-in-text-block"]

# The marks of a picture and the numbers of log lines are as large as what they show; what they lead to is
# reached by the lane, the table and the keys as well. Hidden may be the other screen's navigation, and what
# is shut.
TOO_SMALL = """() => {
  const shut = "[popover]:not(:popover-open), dialog:not([open]), details:not([open]) > :not(summary)";
  const elsewhere = ".jp-side, .jp-bottom";
  const found = new Set();
  const pressed = "a[href], button, summary, input, select, textarea, [role=tab]";
  for (const one of document.querySelectorAll(pressed)) {
    if (one.closest(".jp-tl__bar, .jp-heat, .jp-log__n") || one.hidden) continue;
    const shown = one.checkVisibility({ visibilityProperty: true });
    const box = ((one.matches("input") && one.closest("label")) || one).getBoundingClientRect();
    const least = (one.closest(".jp-bottom") ? 44 : 24) - 0.1;
    if (shown ? box.width < least || box.height < least : !one.closest(shut) && !one.closest(elsewhere))
      found.add(`${Math.round(box.width)} x ${Math.round(box.height)}: ${one.outerHTML.slice(0, 120)}`);
  }
  return [...found];
}"""

# As CSS pixels: the narrowest phone, and a desk's window of 1280 at 200 %.
NARROW, ZOOMED = 320, 640

NAMES = {
    "markup": "<img src=x onerror=alert(1)><script>alert(2)</script>"
    "{{ constructor.constructor('alert(3)')() }}",
    "without a gap": "W" * 200,
    "right to left": "تقرير المبيعات 7",
    "emoji": "\U0001f469‍\U0001f469‍\U0001f467‍\U0001f466\U0001f680 每日報表",
}


@pytest.fixture(scope="module")
def named(stack: Stack) -> dict[str, tuple[str, str]]:
    """A job, and a run of it that failed, for each kind of name."""
    jobs = {kind: stack.create(name, "fails.py", every_s=86_400) for kind, name in NAMES.items()}
    return {kind: (job, stack.ended(stack.run_now(job))["id"]) for kind, job in jobs.items()}


@pytest.mark.usefixtures("named")
@pytest.mark.parametrize(("size", "first", "then"), [("1440", "light", "dark"), ("390", "dark", "light")])
def test_every_page_can_be_read_and_pressed(
    watched: Watched, stack: Stack, size: str, first: str, then: str
) -> None:
    page = watched.page
    page.set_viewport_size(SIZES[size])
    found: dict[str, object] = {}
    for name, path in pages_of(stack.seen()).items():
        themed(page, first)
        show(page, path)
        found[f"{name}, {first}"] = objected_to(page)
        found[f"{name}, boxes"] = page.evaluate(TOO_SMALL)
        themed(page, then)
        found[f"{name}, {then}"] = objected_to(page, COLOURS)

    assert {where: wrong for where, wrong in found.items() if wrong} == {}


@pytest.mark.usefixtures("named")
def test_no_page_asks_a_foreign_host_complains_or_scrolls_by_itself(watched: Watched, stack: Stack) -> None:
    page = watched.page
    moved = []
    for name, path in pages_of(stack.seen()).items():
        resized(page, NARROW)
        show(page, path)
        if page.evaluate("scrollY"):  # what is read first lies at the top
            moved.append(f"{name}, opened elsewhere")
        for width in (NARROW, ZOOMED):
            resized(page, width)
            if page.evaluate("document.documentElement.scrollWidth") > width:
                moved.append(f"{name}, {width}")

    assert (moved, watched.complaints, watched.foreign) == ([], [], [])


def test_there_is_no_page_that_these_tests_do_not_open(stack: Stack) -> None:
    stack.ended(stack.run_now(stack.create("to have pages of its own", "fails.py")))
    opened_paths = [path.partition("?")[0] for path in pages_of(stack.seen()).values()]

    for module in Path(site.__file__).parent.glob("*.py"):
        for route in re.findall(r'@ui\.page\("([^"]+)"', module.read_text()):
            shape = re.sub(r"\{[^}]+\}", "[^/]+", route)
            assert any(re.fullmatch(shape, path) for path in opened_paths), route


@pytest.mark.parametrize("kind", NAMES)
def test_a_name_is_shown_as_it_is_and_nothing_else(
    watched: Watched, stack: Stack, named: dict[str, tuple[str, str]], kind: str
) -> None:
    page = watched.page
    job, run = named[kind]
    page.on("dialog", lambda dialog: watched.complaints.append(dialog.message))
    resized(page, NARROW)

    for path in (f"/jobs/{job}", f"/jobs/{job}/edit", f"/runs/{run}"):
        show(page, path)
        expect(page.locator("#jp-main")).to_contain_text(NAMES[kind].strip())
        assert page.evaluate("document.documentElement.scrollWidth") == NARROW, path

    page.goto(f"/jobs/{job}")
    page.get_by_role("button", name="Run now").click()
    expect(page.locator(".jp-toast")).to_contain_text(NAMES[kind])
    assert page.evaluate("document.documentElement.scrollWidth") == NARROW
    assert watched.complaints == []


def test_what_follows_a_name_that_reads_from_right_to_left_stays_on_its_side(
    watched: Watched, stack: Stack, named: dict[str, tuple[str, str]]
) -> None:
    page = watched.page
    job, run = named["right to left"]
    resized(page, 390)
    page.goto(f"/runs?job={job}")
    link = page.locator(f".jp-cards__name[href='/runs/{run}']")
    expect(link).to_have_text(f"{NAMES['right to left']} #1")

    assert is_right_of(page, f".jp-cards__name[href='/runs/{run}']", "#1", "تقرير")


def is_right_of(page: Page, selector: str, after: str, before: str) -> bool:
    """Say whether the first text is drawn right of the second, within one element."""
    script = """([selector, ...texts]) => {
      const boxes = texts.map((text) => {
        const walker = document.createTreeWalker(document.querySelector(selector), NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
          const at = walker.currentNode.data.indexOf(text);
          if (at < 0) continue;
          const range = document.createRange();
          range.setStart(walker.currentNode, at);
          range.setEnd(walker.currentNode, at + text.length);
          return range.getBoundingClientRect();
        }
      });
      return boxes[0].left >= boxes[1].right;
    }"""
    return bool(page.evaluate(script, [selector, after, before]))


def test_on_the_narrowest_phone_a_jobs_state_and_next_run_are_seen(
    browser: Browser, stack: Stack, named: dict[str, tuple[str, str]]
) -> None:
    with opened(browser, stack.seen(), f"/jobs?q={'W' * 20}", theme="dark", size="390") as page:
        resized(page, NARROW)
        card = page.locator("li").filter(has=page.locator(f"a[href='/jobs/{named['without a gap'][0]}']"))

        for part in (card.locator(".jp-chip"), card.locator("time")):
            box = part.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= NARROW


def test_axe_objects_to_nothing_that_opens_fails_or_still_loads(watched: Watched, stack: Stack) -> None:
    stack.create("opened for axe", "hello.py")
    page = watched.page
    page.goto("/jobs?q=opened+for+axe")
    page.get_by_role("button", name="Actions for opened for axe").click()
    found = {"menu": objected_to(page)}
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    found["toast"] = objected_to(page)
    page.get_by_role("button", name="Asia/Hong_Kong").click()
    found["preferences"] = objected_to(page)
    page.get_by_role("button", name="Keyboard shortcuts").click()
    found["keys"] = objected_to(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("link", name="opened for axe")).to_be_visible()

    page.context.set_offline(True)
    page.get_by_role("searchbox", name="Search jobs").fill("unreachable")
    expect(page.get_by_role("heading", name="The jobs cannot be shown")).to_be_visible()
    found["error"] = objected_to(page)
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", name="No job matches")).to_be_visible()

    page.route("**/api/v1/jobs?*", lambda _: None)  # never answered
    page.goto("/jobs", wait_until="domcontentloaded")
    expect(page.locator(".jp-ghostrow").first).to_be_visible()
    found["loading"] = objected_to(page)

    assert {state: wrong for state, wrong in found.items() if wrong} == {}


def show(page: Page, path: str) -> None:
    """Open a page and wait until it shows what it is about."""
    page.goto(path)
    page.wait_for_selector("h1")
    page.wait_for_load_state("networkidle")  # a component that is not drawn yet is not busy either
    page.wait_for_function(SETTLED)


def themed(page: Page, theme: str) -> None:
    """Change what the reader prefers, and wait until a page that is shown has changed its colours."""
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    if page.locator(".jp-shell").count():
        page.wait_for_function(f"document.body.classList.contains('body--{theme}')")


def resized(page: Page, width: int) -> None:
    """Give the page another width, and wait until it has taken it."""
    page.set_viewport_size({"width": width, "height": 844})
    page.wait_for_function(f"innerWidth === {width}")
    page.wait_for_function(SETTLED)
    page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")

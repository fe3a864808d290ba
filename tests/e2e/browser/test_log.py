"""The log as people read it: a long one from its middle, what scripts print against it, on a phone."""

import re
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser.chromium import Watched
from tests.e2e.browser.screenshots import opened
from tests.e2e.browser.test_accessibility import objected_to
from tests.support.stack import Stack

# Colours that stay on, a prompt and a group without an end, then a wait: whoever comes now comes late.
LONG = """import pathlib, sys, time
out = lambda text: print(text, end="", flush=True)
out("::group::Count\\n\\x1b[31m")
for number in range(2, 30_001): print(f"line {number} is red")
out("prompt: ")
while not pathlib.Path(__file__).with_name("go-on").exists(): time.sleep(0.05)
out("answered\\n::endgroup::\\n")
for number in range(30_003, 60_001): print(f"line {number} is red")
"""

# What a script may print to break a page, or to hide something from who reads.
NASTY = """import sys, time
out = lambda text: print(text, end="", flush=True)
out("<img src=x onerror=alert(1)>\\n\\x1b[31mred\\x1b[0m\\n 1 %\\r50 %\\r100 %\\n")
out("::group::Install\\nfirst thing\\nsecond thing\\n::endgroup::\\n::group::Build\\n" + "compiled\\n" * 40)
time.sleep(0.3)
print("no such header\\u65e9\\u5b89 \\uff21\\uff22", file=sys.stderr, flush=True)
time.sleep(0.3)
out("::endgroup::\\n\\x1b]8;;javascript:alert(1)\\x07a link\\x1b]8;;\\x07\\x1b[2J\\x1b[1;1Hmoved\\n")
sys.stdout.buffer.write(b"\\xff and \\x00\\n" + b"y" * 999_999 + b"z\\n")
out("\\u202eright to left \\u05e9\\u05dc\\u05d5\\u05dd\\n")
sys.exit(3)
"""

# Groups that fold at the moment in which more comes: what is shown shrinks and grows at once.
FOLDS = """import time
for group in range(40):
    print(f"::group::Part {group}", flush=True)
    for number in range(40): print("a step of it", flush=True)
    time.sleep(0.02)
    print("::endgroup::\\n" + "said after it\\n" * 60, end="", flush=True)
    time.sleep(0.1)
"""


SHOWN = """() => {
  if (document.querySelector('.jp-log__row--away')) return null;
  const part = (row, name) => row.querySelector('.jp-log__' + name)?.textContent;
  const rows = [...document.querySelectorAll('.jp-log__row')];
  return rows.map((row) => [Number(part(row, 'n')), part(row, 'text') ?? part(row, 'group')]);
}"""


def texts(page: Page) -> dict[int, str]:
    """Return the lines that are drawn, by number, when all of them have come."""
    return dict(page.wait_for_function(SHOWN).json_value())


def test_a_long_log_is_opened_while_it_grows_and_read_anywhere(
    watched: Watched, stack: Stack, scripts: Path
) -> None:
    (scripts / "long.py").write_text(LONG)
    page = watched.page
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url.partition("/log/")[2]) if "/log" in one.url else None)
    run = stack.run_now(stack.create("a long one", "long.py"))
    page.goto(f"/runs/{run}")
    expect(page.get_by_text(re.compile(r"30\s001\slines · live"))).to_be_visible()

    page.reload()  # comes late
    log = page.get_by_role("region", name="Output")
    expect(log).to_contain_text("prompt: ")
    asked.clear()
    (scripts / "go-on").touch()
    expect(page.get_by_text(re.compile(r"60\s000\slines · complete"))).to_be_visible()

    expect(log).to_contain_text("line 60000 is red")
    assert len(asked) <= 3  # nearly everything came over the stream
    last = log.locator(".jp-log__row", has_text="line 60000").locator(".jp-log__text span")
    expect(last).to_have_attribute("style", re.compile("--jp-ansi-1"))
    # The group has ended and is folded: its name and the lines that follow are what is left of it.
    page.keyboard.press("g")
    expect(page.get_by_role("button", name="Count")).to_have_attribute("aria-expanded", "false")
    assert list(texts(page))[:3] == [1, 30_003, 30_004]
    page.get_by_role("button", name="Count").press("Enter")
    expect(log).to_contain_text("line 2 is red")
    page.get_by_label("Search the log").fill("LINE 299")
    expect(page.locator(".jp-log__hits")).to_have_text("1/111")
    page.get_by_label("Search the log").press("Shift+Enter")
    expect(page.locator(".jp-log__row--hit")).to_contain_text("line 29999 is red")
    expect(page.locator(".jp-log__sticky")).to_have_text("Count")
    page.get_by_label("Search the log").fill("prompt: answered")
    expect(page.locator(".jp-log__row--hit")).to_have_text(re.compile("30001.*prompt: answered"))
    assert page.locator(".jp-log *").count() <= 600
    assert (watched.complaints, watched.foreign) == ([], [])


def test_what_is_followed_stays_followed_while_groups_end(
    watched: Watched, stack: Stack, scripts: Path
) -> None:
    (scripts / "folds.py").write_text(FOLDS)
    page = watched.page
    page.goto(f"/runs/{stack.run_now(stack.create('one that folds', 'folds.py'))}")
    log = page.get_by_role("region", name="Output")
    expect(log).to_contain_text("said after it")
    expect(page.get_by_text(re.compile(r"4\s080\slines · complete"))).to_be_visible()

    expect(page.get_by_label("Follow")).to_be_checked()
    assert max(texts(page)) == 4_080
    log.hover()
    page.mouse.wheel(0, -8)
    expect(page.get_by_label("Follow")).not_to_be_checked()
    assert (watched.complaints, watched.foreign) == ([], [])


def test_nothing_that_a_script_prints_acts_and_everything_is_within_reach(
    watched: Watched, stack: Stack, scripts: Path
) -> None:
    (scripts / "nasty.py").write_text(NASTY)
    run = stack.ended(stack.run_now(stack.create("a nasty one", "nasty.py")))
    page = watched.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"/runs/{run['id']}")
    log = page.get_by_role("region", name="Output")
    expect(page.get_by_role("button", name="Install")).to_have_attribute("aria-expanded", "false")
    expect(page.get_by_role("button", name=re.compile("Build 41"))).to_have_attribute("aria-expanded", "true")
    shown = texts(page)
    assert (shown[1], shown[3]) == ("<img src=x onerror=alert(1)>", "100 %")
    assert 5 not in shown

    assert page.locator(".jp-log__text a").count() == 0
    page.get_by_role("heading", name="Log").click()
    page.keyboard.press("Shift+G")
    expect(log).to_contain_text("right to left")
    by_number = texts(page)
    end = max(by_number)
    assert by_number[end] == "\u202eright to left \u05e9\u05dc\u05d5\u05dd"
    assert [by_number[end - 3], by_number[end - 2]] == ["a linkmoved", "\ufffd and \ufffd"]
    # A megabyte in one line: its beginning until all of it is wanted, and nothing of it is ever changed.
    assert by_number[end - 1] == "y" * 16_384 + "show all 1.0\u00a0MB"
    page.get_by_role("button", name="show all 1.0\u00a0MB").click()
    expect(page.get_by_role("button", name="show all")).to_have_count(0)
    assert texts(page)[end - 1] == "y" * 999_999 + "z"
    raw = stack.http.get(f"/api/v1/runs/{run['id']}/log.txt").text
    assert " 1 %\r50 %\r100 %\n" in raw
    assert "\ufffd and \ufffd\n" + "y" * 999_999 + "z\n" in raw
    assert (watched.complaints, watched.foreign) == ([], [])


def test_a_log_is_searched_filtered_wrapped_and_copied_by_keys(
    watched: Watched, stack: Stack, scripts: Path
) -> None:
    (scripts / "keys.py").write_text(NASTY)
    run = stack.ended(stack.run_now(stack.create("for its keys", "keys.py")))
    page = watched.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"/runs/{run['id']}")
    log = page.get_by_role("region", name="Output")
    expect(log).to_contain_text("compiled")

    # What is found is unfolded; letters are found however they are capitalised, wide ones, too.
    search = page.get_by_label("Search the log")
    search.fill("SECOND")
    expect(page.locator(".jp-log__row--hit")).to_have_text(re.compile("6.*second thing"))
    search.fill("\u65e9\u5b89 \uff41\uff42")
    expect(page.locator(".jp-log__row--hit mark")).to_have_text("\u65e9\u5b89 \uff21\uff22")
    search.fill("")
    page.get_by_role("heading", name="Log").click()
    page.keyboard.press("e")
    expect(log.locator(".jp-log__row")).to_have_count(1)
    assert list(texts(page).values()) == ["no such header\u65e9\u5b89 \uff21\uff22"]
    page.keyboard.press("e")
    page.keyboard.press("Shift+G")
    assert objected_to(page) == {}
    height = log.evaluate("scroll => scroll.scrollHeight")
    page.keyboard.press("w")
    expect(log.locator(".jp-log__row").last).to_contain_text("right to left")
    grown = "height => document.querySelector('.jp-log__scroll').scrollHeight > height + 2_000"
    page.wait_for_function(grown, arg=height)

    page.keyboard.press("g")
    page.get_by_role("link", name="Line 1", exact=True).click()
    page.get_by_role("link", name="Line 3", exact=True).click(modifiers=["Shift"])
    expect(page).to_have_url(re.compile("#L1-L3$"))
    page.keyboard.press("f")
    expect(page.locator("[inert] .jp-side")).to_have_count(1)  # out of reach
    page.get_by_role("button", name="Copy text").click()
    expect(page.get_by_text(re.compile(r"Copied 3\slines"))).to_have_count(1)
    assert page.evaluate("navigator.clipboard.readText()") == "<img src=x onerror=alert(1)>\nred\n100 %\n"
    page.keyboard.press("Escape")
    expect(page.locator("[inert]")).to_have_count(0)
    assert (watched.complaints, watched.foreign) == ([], [])


def test_on_a_phone_the_last_words_of_a_failed_run_are_a_tap_away(browser: Browser, stack: Stack) -> None:
    run = stack.ended(stack.run_now(stack.create("for the phone", "fails.py")))
    with opened(browser, stack.seen(), "", theme="dark", size="390") as page:
        page.locator(f"a[href='/runs/{run['id']}']").first.click()

        words = page.locator(".jp-quote pre")
        expect(words).to_be_in_viewport(ratio=1)
        page.get_by_role("link", name="Open the log").click()
        expect(page.locator(".jp-log__row").last).to_be_in_viewport()
        page.get_by_role("button", name="How the log is shown").click()
        expect(page.get_by_label("Wrap")).to_be_visible()
        assert objected_to(page) == {}
        page.get_by_role("button", name="Full screen").click()
        expect(page.get_by_role("region", name="Output")).to_be_in_viewport()
        assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_the_end_of_a_log_is_within_reach_however_its_lines_wrap(
    watched: Watched, stack: Stack, scripts: Path
) -> None:
    (scripts / "tabbed.py").write_text('for number in range(200): print("\\t" * 60 + f"row {number}")\n')
    run = stack.ended(stack.run_now(stack.create("one with tabs", "tabbed.py")))
    page = watched.page
    page.goto(f"/runs/{run['id']}")
    expect(page.get_by_text("200 lines · complete")).to_be_visible()
    page.get_by_label("Wrap").check()

    page.wait_for_function(SCROLLED_TO_THE_END)


# As somebody does who keeps the key pressed: until it scrolls no further, and all is drawn for it.
SCROLLED_TO_THE_END = """() => {
  const scroll = document.querySelector(".jp-log__scroll");
  const before = scroll.scrollTop;
  scroll.scrollTop = scroll.scrollHeight;
  window.stood = scroll.scrollTop === before ? (window.stood ?? 0) + 1 : 0;
  const row = [...document.querySelectorAll(".jp-log__row")].at(-1);
  const isSeen = row.getBoundingClientRect().bottom <= scroll.getBoundingClientRect().bottom + 1;
  return window.stood > 5 && row.textContent.includes("row 199") && isSeen;
}"""

"""The portal in Chinese, as a browser that asks for it is served."""

import re

from playwright.sync_api import Browser, expect

from services.ui.words import chinese
from services.ui.words.places import PLACE
from tests.e2e.browser.chromium import Watched
from tests.e2e.browser.screenshots import opened, pages_of
from tests.support.stack import Stack

# What is read and what is heard of a page, one line each.
LINES = """() => [
  ...document.body.innerText.split("\\n"), document.title,
  ...[...document.querySelectorAll("[aria-label], [title], [placeholder]")].flatMap((one) =>
    ["aria-label", "title", "placeholder"].map((name) => one.getAttribute(name) ?? "")),
].map((line) => line.trim()).filter(Boolean)"""
# The same in both languages: keys, file names, an example of a name.
SAME = {english for english, words in chinese().texts.items() if english == words}


def test_no_page_says_in_english_what_it_has_in_chinese(browser: Browser, stack: Stack) -> None:
    job = stack.create("一項工作", "fails.py")
    stack.ended(stack.run_now(job))
    english = {
        text for text in chinese().texts if not PLACE.search(text) and text not in SAME and len(text) > 3
    }

    left = {}
    for name, path in pages_of(stack.url).items():
        with opened(browser, stack.url + path, theme="light", size="1440", language="zh") as page:
            assert page.locator("html").get_attribute("lang") == "zh-Hant-HK"
            lines = set(page.evaluate(LINES))
            if found := lines & english:
                left[name] = found

    assert left == {}


def test_a_person_chooses_a_language_and_keeps_it(watched: Watched, stack: Stack) -> None:
    page = watched.page
    page.goto("/jobs")
    expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()
    page.get_by_role("button", name=re.compile("Hong_Kong")).click()
    page.get_by_role("button", name="繁體中文").click()

    expect(page.get_by_role("heading", name="工作", exact=True)).to_be_visible()
    expect(page).to_have_title("工作 · 工作觸發平台")
    page.goto("/runs")
    expect(page.get_by_role("heading", name="執行記錄", exact=True)).to_be_visible()

    page.get_by_role("button", name=re.compile("Hong_Kong")).click()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible()
    assert (watched.complaints, watched.foreign) == ([], [])

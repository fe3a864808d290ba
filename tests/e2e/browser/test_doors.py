"""Signing in by hand and out again, choosing a password, and a page whose session is over."""

import re
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser.conftest import DESK
from tests.e2e.browser.screenshots import LANGUAGES, SIZES
from tests.e2e.browser.test_accessibility import objected_to
from tests.support.identity import PASSWORD
from tests.support.stack import Stack


def invited(stack: Stack, name: str) -> str:
    """Make a user; return the path of the link that lets them choose a password."""
    parts = urlsplit(stack.ask("POST", "/users", json={"name": name, "role": "editor"})["link"])
    return f"{parts.path}?{parts.query}"


def stranger(browser: Browser, stack: Stack, size: str, locale: str) -> Page:
    """Open a browser that nobody has signed in with, without any script."""
    context = browser.new_context(
        viewport=SIZES[size], base_url=stack.url, java_script_enabled=False, locale=locale
    )
    return context.new_page()


def test_by_keyboard_one_signs_in_goes_on_where_one_wanted_to_and_signs_out(
    browser: Browser, stack: Stack
) -> None:
    link = invited(stack, "Key Board")
    code = parse_qs(urlsplit(link).query)["code"][0]
    httpx.post(f"{stack.url}/join", data={"code": code, "password": PASSWORD})
    page = browser.new_context(viewport=DESK, base_url=stack.url, reduced_motion="reduce").new_page()

    page.goto("/jobs?q=nothing-of-that-name")
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type("key board")
    page.keyboard.press("Tab")
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("The name or the password is not right.")
    expect(page.get_by_label("Password")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/jobs\?q=nothing-of-that-name$"))
    expect(page.get_by_text("Key Board · Editor")).to_be_visible()

    other = page.context.new_page()
    other.goto("/")
    expect(other.get_by_text(re.compile("^Live"))).to_be_visible()
    page.locator(".jp-me").click()
    page.get_by_role("button", name="Sign out Key Board").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    # The other tab is told, and leads to the door as well.
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    page.context.close()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_doors_need_no_script_and_hinder_nobody(
    browser: Browser, stack: Stack, size: str, theme: str
) -> None:
    """As everybody's browser shows them, and as one that asks for Chinese and runs nothing."""
    link = invited(stack, f"Door {size} {theme}")
    context = browser.new_context(viewport=SIZES[size], base_url=stack.url, color_scheme=theme)
    page = context.new_page()
    foreign: list[str] = []
    page.on("request", lambda one: foreign.append(one.url) if not one.url.startswith(stack.url) else None)
    for path in ("/login", link, "/setup?code=none"):
        page.goto(path)
        assert objected_to(page) == {}
        assert page.evaluate("document.scripts.length") == 0
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert [one for one in foreign if not one.startswith("data:")] == []
    context.close()

    page = stranger(browser, stack, size, locale=LANGUAGES["zh"])
    page.goto(link)
    expect(page.get_by_role("heading", name="選擇密碼")).to_be_visible()
    page.get_by_label("密碼").fill(PASSWORD)
    page.get_by_role("button", name="設定密碼").click()
    assert page.context.cookies()[0]["httpOnly"]
    page.context.close()

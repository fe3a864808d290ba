"""People and their tokens as they meet them, with a browser: invited, let in, held back, sent away."""

from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.browser.chromium import Watched
from tests.e2e.browser.conftest import DESK
from tests.e2e.browser.test_accessibility import objected_to
from tests.support.identity import session_of
from tests.support.stack import Stack

FIRST, SECOND = "a lamp and three stones", "three lamps and a stone"


@pytest.fixture
def elsewhere(browser: Browser, stack: Stack) -> BrowserContext:
    """Return another browser, of somebody who is not known, of a portal that has an owner."""
    session_of(stack.url, stack.home)
    context = browser.new_context(viewport=DESK, base_url=stack.url, reduced_motion="reduce")
    context.set_default_timeout(20_000)
    return context


def invited(page: Page, name: str) -> str:
    """Make a viewer on the Users page; return the link that is shown once."""
    page.goto("/users")
    page.get_by_role("button", name="New user").click()
    page.get_by_role("button", name="Create user").click()
    expect(page.get_by_text("Give the user a name.")).to_be_visible()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Add a folder").click()
    page.get_by_label("Folder, line 1").fill("../etc")
    page.get_by_role("button", name="Create user").click()
    expect(page.get_by_text("Name a folder of the scripts directory")).to_be_visible()
    assert objected_to(page) == {}
    page.get_by_label("Folder, line 1").fill("finance")
    page.get_by_role("button", name="Create user").click()
    link = page.get_by_label(f"Link for {name}").last.input_value()
    assert objected_to(page) == {}
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_text("Viewer · Operator in scripts/finance")).to_be_visible()
    return link


def test_who_is_invited_chooses_a_password_and_is_offered_what_they_may_do(
    watched: Watched, stack: Stack, scripts: Path, elsewhere: BrowserContext
) -> None:
    (scripts / "finance").mkdir(exist_ok=True)
    (scripts / "finance" / "close.py").write_text("print(1)\n")
    theirs, ours = stack.create("not hers", "hello.py"), stack.create("hers", "finance/close.py")
    link = invited(watched.page, "Vera")
    with elsewhere:
        page = elsewhere.new_page()
        page.goto(link)
        page.get_by_label("Password").fill(FIRST)
        page.get_by_role("button", name="Set the password").click()
        expect(page.get_by_role("heading", name="Overview")).to_be_visible()
        page.goto(f"/jobs/{theirs}")
        expect(page.get_by_role("button", name="Run now")).to_be_disabled()
        expect(page.get_by_role("link", name="Edit", exact=True)).to_have_count(0)
        page.keyboard.press("r")  # what is not offered is refused as well, in words
        expect(page.locator(".jp-toast")).to_contain_text("This needs the role operator")
        page.goto(f"/jobs/{ours}")
        page.get_by_role("button", name="Run now").click()
        expect(page.locator(".jp-toast")).to_contain_text("Asked for a run of hers.")
        page.goto("/users")
        expect(page.get_by_role("heading", name="Only admins see and change users")).to_be_visible()
        expect(page.get_by_role("button", name="New user")).to_have_count(0)

        watched.page.get_by_role("button", name="Disable Vera").click()
        watched.page.get_by_role("button", name="Disable Vera", exact=True).last.click()
        expect(page.get_by_text("You are signed out in this browser.")).to_be_visible()
        assert objected_to(page) == {}
    assert [one for one in watched.complaints if "422" not in one] == []  # a folder was refused


def test_a_token_is_shown_once_works_and_is_revoked(watched: Watched, stack: Stack) -> None:
    page = watched.page
    page.goto("/account")
    page.get_by_role("button", name="New token").click()
    page.get_by_label("Name", exact=True).fill("deploys")
    page.get_by_label("Role", exact=True).select_option("operator")
    page.get_by_role("button", name="Make token").click()
    token = page.get_by_label("Token deploys").last.input_value()
    page.keyboard.press("Escape")
    expect(page.get_by_text("never used")).to_be_visible()
    assert token not in page.content()
    known = {"authorization": f"Bearer {token}"}
    me = httpx.get(f"{stack.url}/api/v1/me", headers=known).json()["user"]

    page.get_by_role("button", name="Revoke deploys").click()
    page.get_by_role("button", name="Revoke it").click()
    expect(page.get_by_text("Revoked deploys.")).to_be_visible()

    assert (me["role"], me["via"]) == ("operator", "token")
    assert httpx.get(f"{stack.url}/api/v1/me", headers=known).status_code == 401
    assert watched.complaints == []


def test_another_password_signs_every_other_browser_out_and_one_can_be_sent_away(
    watched: Watched, stack: Stack, elsewhere: BrowserContext
) -> None:
    made = stack.ask("POST", "/users", json={"name": "Pat", "role": "viewer"})
    page, other = watched.page, elsewhere.new_page()
    page.context.clear_cookies()
    page.goto(made["link"])
    page.get_by_label("Password").fill(FIRST)
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    page.goto("/account")
    with elsewhere:
        signed_in(other, FIRST)
        page.get_by_label("Your password now").fill(FIRST)
        page.get_by_label("New password").fill("short")
        page.get_by_label("The new one again").fill("short")
        page.get_by_role("button", name="Change password").click()
        expect(page.get_by_text("Choose a password of at least 12 characters")).to_be_visible()
        assert objected_to(page) == {}
        page.get_by_label("New password").fill(SECOND)
        page.get_by_label("The new one again").fill(SECOND)
        page.get_by_role("button", name="Change password").click()
        expect(page.get_by_text("Your password is changed.")).to_be_visible()
        expect(other.get_by_text("You are signed out in this browser.")).to_be_visible()

        signed_in(other, SECOND)
        assert urlsplit(other.url).path == "/jobs"  # where they were
        page.reload()
        page.get_by_role("button", name="Sign out Chrome, Linux").click()
        expect(other.get_by_text("You are signed out in this browser.")).to_be_visible()
        expect(page.locator("h3", has_text="Chrome")).to_have_count(1)
    page.get_by_role("button", name="Sign out everywhere…").click()
    page.get_by_role("button", name="Sign out everywhere", exact=True).click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def signed_in(page: Page, password: str) -> None:
    """Sign in as Pat, who wants to see the jobs."""
    if page.url == "about:blank":
        page.goto("/jobs")
    page.get_by_label("Name").fill("Pat")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()

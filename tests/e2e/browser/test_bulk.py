"""Many jobs at once in a real browser: marking them, the preview, the count that is typed, the way back."""

import re

from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser.chromium import Watched
from tests.e2e.browser.screenshots import opened
from tests.e2e.browser.test_accessibility import objected_to
from tests.support.stack import Stack


def paused(stack: Stack, q: str) -> list[str]:
    items = stack.ask("GET", f"/jobs?state=paused&q={q}")["items"]
    return [job["name"] for job in items]


def wish(page: Page, word: str) -> None:
    page.get_by_role("toolbar").get_by_role("button", name=word).click()
    expect(page.get_by_role("dialog")).to_be_visible()


def test_rows_are_marked_by_key_and_range_and_what_was_done_is_undone(watched: Watched, stack: Stack) -> None:
    names = [f"marked {letter}" for letter in "abcd"]
    for name in names:
        stack.create(name, "hello.py")
    page = watched.page
    page.goto("/jobs?q=marked")

    page.get_by_role("link", name="marked a").focus()
    page.keyboard.press("x")
    page.get_by_role("checkbox", name="Select marked c").click(modifiers=["Shift"])
    page.get_by_role("checkbox", name="Select marked b").click()
    expect(page.get_by_text("2 selected")).to_be_visible()
    wish(page, "Pause")
    page.get_by_role("button", name="Pause 2").click()
    expect(page.get_by_text("Paused 2 jobs.")).to_be_visible()

    assert paused(stack, "marked") == ["marked a", "marked c"]
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Undone for 2 jobs.")).to_be_visible()
    assert paused(stack, "marked") == []
    assert watched.complaints == []


def test_all_that_match_are_deleted_when_their_count_is_typed(watched: Watched, stack: Stack) -> None:
    for number in range(21):
        stack.create(f"surplus {number}", "hello.py")
    page = watched.page
    page.goto("/jobs?q=surplus")

    page.get_by_role("checkbox", name="Select surplus 7").check()
    page.get_by_role("button", name="Select all 21 matching").click()
    wish(page, "Delete")
    confirm = page.get_by_role("button", name="Delete 21")
    expect(confirm).to_be_disabled()
    page.get_by_label("Type 21 to delete that many jobs").fill("21")
    confirm.click()

    expect(page.get_by_role("heading", name="No job matches")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("link", name=re.compile("^surplus"))).to_have_count(21)


def test_jobs_are_tagged_and_found_by_their_tag(watched: Watched, stack: Stack) -> None:
    for name in ("for the tag a", "for the tag b", "for the tag c"):
        stack.create(name, "hello.py")
    page = watched.page
    page.goto("/jobs?q=for+the+tag")

    page.get_by_role("checkbox", name="Select for the tag a").check()
    page.get_by_role("checkbox", name="Select for the tag b").check()
    wish(page, "Tag…")
    page.get_by_label("Tag", exact=True).fill("Monthly")
    page.get_by_role("button", name="Add tag to 2").click()
    page.get_by_role("button", name="#monthly").first.click()

    expect(page.get_by_role("link", name=re.compile("^for the tag"))).to_have_count(2)
    expect(page).to_have_url(re.compile("tag=monthly"))
    page.get_by_role("link", name="for the tag a").click()
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Tags").fill("yearly, Weekly")
    page.get_by_role("button", name="Save changes").click()
    expect(page).to_have_url(re.compile(r"/jobs/[0-9a-f-]+$"))
    page.goto("/jobs?tag=weekly,yearly")
    expect(page.get_by_role("link", name=re.compile("^for the tag"))).to_have_text(["for the tag a"])
    stack.create("for the longest tag", "hello.py", tags=["w" * 40])
    page.set_viewport_size({"width": 320, "height": 800})
    page.goto("/jobs")
    expect(page.get_by_label("Filter by tag")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    assert watched.complaints == []


def test_rows_stay_where_they_are_while_somebody_points_at_them(watched: Watched, stack: Stack) -> None:
    stack.create("calm b", "hello.py")
    page = watched.page
    page.goto("/jobs?q=calm")
    page.get_by_role("link", name="calm b").hover()

    stack.create("calm a", "hello.py")
    # How many is not of this test: what became of the first job may still be on its way.
    pill = page.get_by_role("button", name=re.compile(r"^\d changes? · Update order$"))
    expect(pill).to_be_visible()
    expect(page.get_by_role("link", name="calm a")).to_have_count(0)
    pill.click()
    expect(page.get_by_role("link", name=re.compile("^calm"))).to_have_text(["calm a", "calm b"])

    stack.create("calm c", "hello.py")
    expect(pill).to_be_visible()
    page.get_by_role("heading", level=1).hover()
    expect(page.get_by_role("link", name="calm c")).to_be_visible()


def test_a_search_is_kept_under_a_name_and_an_address(
    watched: Watched, browser: Browser, stack: Stack
) -> None:
    stack.create("to be viewed", "hello.py", tags=["viewed"])
    page = watched.page
    page.goto("/jobs?q=to+be&tag=viewed")
    page.get_by_role("button", name="Save view").click()
    page.get_by_label("Name").fill("My view")
    page.get_by_role("button", name="Save", exact=True).click()
    chip = page.get_by_role("button", name="My view", exact=True)
    expect(chip).to_have_attribute("aria-pressed", "true")
    expect(page).to_have_url(re.compile(r"/jobs\?view=[0-9a-f-]{36}$"))
    address = page.url

    page.get_by_role("button", name="Paused", exact=True).click()
    expect(chip).to_have_attribute("aria-pressed", "false")
    with opened(
        browser, stack.seen(), address.removeprefix(stack.url), theme="light", size="390"
    ) as elsewhere:
        expect(elsewhere.get_by_role("link", name="to be viewed")).to_be_visible()
        expect(elsewhere.get_by_role("button", name="My view")).to_be_visible()
        assert objected_to(elsewhere) == {}

    chip.click()
    page.get_by_role("button", name="Actions for the view My view").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(chip).to_have_count(0)
    assert watched.complaints == []


def test_all_that_failed_are_run_again(watched: Watched, stack: Stack) -> None:
    job_id = stack.create("fails for all", "fails.py", overlap="allow")
    for _ in range(2):
        stack.ended(stack.run_now(job_id))
    page = watched.page
    page.goto(f"/runs?job={job_id}&state=failed,timed_out,lost&within=1h")
    expect(page.get_by_role("row")).to_have_count(3)

    page.get_by_role("button", name="Run all again…").click()
    expect(page.get_by_role("dialog")).to_contain_text("2 new runs with the same arguments")
    assert objected_to(page) == {}
    page.get_by_role("button", name="Run again 2").click()

    expect(page.get_by_text("Asked for 2 runs.")).to_be_visible()
    expect(page.get_by_role("row")).to_have_count(5)
    assert watched.complaints == []


def test_on_a_phone_jobs_are_marked_in_a_mode_of_its_own(browser: Browser, stack: Stack) -> None:
    stack.create("on the phone", "hello.py")
    with opened(browser, stack.seen(), "/jobs?q=on+the+phone", theme="dark", size="390") as page:
        page.get_by_role("button", name="Select", exact=True).click()
        page.get_by_role("checkbox", name="on the phone").check()
        assert objected_to(page) == {}
        wish(page, "Run now")
        assert objected_to(page) == {}
        page.get_by_role("button", name="Run now 1").click()
        expect(page.get_by_text("Asked for 1 run.")).to_be_visible()

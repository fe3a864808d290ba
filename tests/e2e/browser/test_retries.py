"""Retries as a person sets and sees them: the form's sentence, attempts as tabs, a run once more."""

import re
from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.browser.chromium import Watched
from tests.e2e.test_retries import FLAKY
from tests.support.stack import Stack


def test_retries_are_set_in_the_form_and_said_in_a_sentence(watched: Watched, stack: Stack) -> None:
    job_id = stack.create("to be retried", "hello.py")
    page = watched.page
    page.goto(f"/jobs/{job_id}/edit")
    page.locator("summary").filter(has_text="Retries").click()
    expect(page.get_by_text("A failure is the end of a run.")).to_be_visible()

    page.get_by_label("Try a failed run again").fill("3")
    page.get_by_label("Only on these exit codes").fill("75, many")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("alert").get_by_text("Give a list of exit codes")).to_be_visible()
    page.get_by_label("Only on these exit codes").fill("75")
    page.get_by_label("Try again after a timeout").uncheck()
    sentence = "Up to 3 more tries, after 10 s, 20 s and 40 s, on exit code 75, not after a timeout."
    expect(page.locator("details").get_by_text(sentence)).to_be_visible()
    page.get_by_role("button", name="Save changes").click()

    expect(page.get_by_role("heading", level=1, name="to be retried", exact=True)).to_be_visible()
    expect(page.locator(".jp-rulelist")).to_contain_text(sentence.rstrip("."))
    saved = stack.ask("GET", f"/jobs/{job_id}")["policy"]
    assert (saved["retries"], saved["retry_exit_codes"], saved["retry_timeouts"]) == (3, [75], False)
    assert saved["retry_delay_s"] == 10
    # The refused save is the one complaint: the browser tells of every 422.
    assert [one for one in watched.complaints if "422" not in one] == []


def test_attempts_are_tabs_each_with_its_own_facts_and_log(
    watched: Watched, stack: Stack, scripts: Path
) -> None:
    (scripts / "tabs.py").write_text(FLAKY)
    policy = {"retries": 2, "retry_delay_s": 0}
    run = stack.ended(stack.run_now(stack.create("has tabs", "tabs.py", policy=policy)))
    page = watched.page
    page.goto(f"/runs/{run['id']}")
    tabs = page.get_by_role("tab")
    exit_code = page.locator(".jp-kpi").filter(has_text="Exit")
    log = page.get_by_role("region", name="Output")

    expect(tabs).to_have_text([re.compile("Failed"), re.compile("Failed"), re.compile("Succeeded")])
    expect(page.get_by_role("tab", selected=True)).to_contain_text("Attempt 3")
    expect(log).to_contain_text("this is try 3")
    tabs.first.click()
    expect(log).to_contain_text("this is try 1")
    expect(exit_code).to_contain_text("75")
    expect(page).to_have_url(re.compile(r"\?attempt=1$"))
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", selected=True)).to_contain_text("Attempt 2")
    expect(log).to_contain_text("this is try 2")
    page.reload()
    expect(page.get_by_role("heading", name="Log of attempt 2")).to_be_visible()
    expect(log).to_contain_text("this is try 2")
    page.keyboard.press("Tab")
    page.get_by_role("tab").last.click()
    expect(log).to_contain_text("this is try 3")

    page.goto("/runs")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="has tabs", exact=True))
    expect(row).to_contain_text("attempt 3")
    assert watched.complaints == []


def test_a_person_sees_the_next_attempt_come(watched: Watched, stack: Stack, scripts: Path) -> None:
    (scripts / "comes.py").write_text(FLAKY)
    policy = {"retries": 2, "retry_delay_s": 4, "retry_factor": 1}
    run_id = stack.run_now(stack.create("comes again", "comes.py", policy=policy))
    page = watched.page
    page.goto(f"/runs/{run_id}")
    log = page.get_by_role("region", name="Output")

    expect(
        page.get_by_text(re.compile(r"Attempt 1 ended with exit code 75\. Attempt 2 of 3 starts"))
    ).to_be_visible()
    expect(log).to_contain_text("this is try 3")
    expect(page.get_by_role("tab", selected=True)).to_contain_text("Attempt 3")
    expect(log).not_to_contain_text("this is try 1")
    assert watched.complaints == []


def test_a_run_is_run_again_with_other_arguments(watched: Watched, stack: Stack, scripts: Path) -> None:
    (scripts / "again.py").write_text("import sys; print(*sys.argv[1:])\n")
    run = stack.ended(stack.run_now(stack.create("once more", "again.py", args=["round one"])))
    page = watched.page
    page.goto(f"/runs/{run['id']}")

    page.get_by_role("button", name="Run again").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Arguments")).to_have_value("round one")
    expect(dialog).to_contain_text("The same as of #1.")
    dialog.get_by_label("Arguments").fill("round two\nand three")
    dialog.get_by_role("button", name="Run again").click()

    expect(page.get_by_role("heading", level=1, name="Run #2")).to_be_visible()
    expect(page.get_by_text("Repeat of #1")).to_be_visible()
    expect(page.get_by_role("region", name="Output")).to_contain_text("round two and three")
    page.get_by_role("link", name="#1", exact=True).click()
    expect(page.get_by_role("heading", level=1, name="Run #1")).to_be_visible()

    page.goto(f"/jobs/{run['job_id']}")
    page.get_by_role("button", name="Run again, once more #1").click()
    page.get_by_role("dialog").get_by_role("button", name="Run again").click()
    expect(page.get_by_role("heading", level=1, name="Run #3")).to_be_visible()
    expect(page.get_by_role("region", name="Output")).to_contain_text("round one")
    assert watched.complaints == []

"""The ledger speaks: why a job does not run, what passed in a pause, what is run after the fact."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.browser.chromium import Watched
from tests.e2e.browser.test_accessibility import AXE, RULES
from tests.support.eventually import eventually
from tests.support.stack import Stack


def menu(page: Page, item: str) -> None:
    """Choose from the job's own menu."""
    page.locator("#jp-main").get_by_role("button", name="More", exact=True).click()
    page.get_by_role("button", name=item).click()


def scopes(stack: Stack, job_id: str) -> list[dict[str, Any]]:
    """Return what was asked for, of this job, to be run after the fact."""
    rows = stack.rows(
        "SELECT scope FROM requests WHERE kind = 'backfill' AND job_id = ? ORDER BY id",
        job_id.replace("-", ""),
    )
    return [json.loads(scope) for (scope,) in rows]


def objections(page: Page) -> list[str]:
    """Return what axe objects to on the page as it stands."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("(rules) => axe.run(document, { runOnly: rules })", RULES)
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found["violations"]]


@pytest.fixture
def paused(stack: Stack) -> str:
    """A job that has been paused for at least two of its instants."""
    job_id = stack.create("paused for a while", "hello.py", every_s=1)
    stack.ask("POST", f"/jobs/{job_id}/pause")
    eventually(
        lambda: stack.ask("GET", f"/jobs/{job_id}/resume")["count"] >= 2,
        within_s=30,
        what="two instants passed in the pause",
    )
    return job_id


def test_a_paused_job_says_by_whom_and_asks_what_to_catch_up(
    watched: Watched, stack: Stack, paused: str
) -> None:
    page = watched.page

    def hold(_: Route) -> None:
        """Leave the question unanswered."""

    page.route("**/why", hold)
    page.goto(f"/jobs/{paused}")
    # It comes with the page: later it would push away what somebody reads.
    expect(page.get_by_role("heading", name=re.compile("^Paused by local since"))).to_be_visible()
    assert objections(page) == []
    page.unroute("**/why")

    page.locator(".jp-why").get_by_role("button", name="Resume").click()
    dialog = page.get_by_role("dialog", name="Resume paused for a while")
    expect(dialog).to_contain_text(re.compile(r"\d+\sinstants passed while it was paused by local"))
    assert objections(page) == []
    dialog.get_by_label("The latest one").check()
    dialog.get_by_role("button", name="Resume").click()

    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    stack.ask("DELETE", f"/jobs/{paused}")
    assert [scope["which"] for scope in scopes(stack, paused)] == ["latest"]
    assert watched.complaints == []


def test_a_pause_can_be_kept(watched: Watched, stack: Stack, paused: str) -> None:
    page = watched.page
    page.goto(f"/jobs/{paused}")

    page.get_by_role("button", name="Resume").first.click()
    page.get_by_role("button", name="Keep it paused").click()

    expect(page.get_by_role("dialog")).to_be_hidden()
    assert stack.ask("GET", f"/jobs/{paused}")["paused_at"] is not None
    assert scopes(stack, paused) == []


def test_any_instant_can_be_asked_about(watched: Watched, stack: Stack) -> None:
    schedule = {"kind": "interval", "every_s": 3_600, "anchor": "2026-01-01T00:00:00Z"}
    job_id = stack.ask(
        "POST", "/jobs", json={"name": "asked about", "script": "hello.py", "schedule": schedule}
    )["id"]
    page = watched.page
    page.goto(f"/jobs/{job_id}")
    expect(page.get_by_role("heading", name="asked about")).to_be_visible()
    expect(page.locator(".jp-why")).to_be_hidden()

    menu(page, "Why did it not run at…?")
    at = page.get_by_label("Why did it not run at")
    expect(at).to_be_focused()
    at.fill("2026-02-01T09:30:00")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("heading", name="Before the job was created")).to_be_visible()
    at.fill("2150-02-01T09:30:00")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("heading", name="Not an instant of this job")).to_be_visible()
    page.get_by_role("button", name="Why at Sun 1 Feb 2150 10:00?").click()
    expect(page.get_by_role("heading", name="Not yet: due in")).to_be_visible()
    expect(at).to_have_value("2150-02-01T10:00")

    page.locator(".jp-why").get_by_role("button", name="Close").click()
    expect(page.locator(".jp-why")).to_be_hidden()
    assert watched.complaints == []


def test_a_run_that_nobody_serves_says_so_while_it_waits(watched: Watched, stack: Stack) -> None:
    job_id = stack.create("too heavy", "hello.py", pool="heavy")
    page = watched.page
    page.goto(f"/jobs/{job_id}")
    expect(page.get_by_role("heading", name="too heavy")).to_be_visible()

    page.get_by_role("button", name="Run now").click()

    expect(page.get_by_role("heading", name="No executor serves heavy")).to_be_visible()
    checks = page.get_by_label("What was asked, in order").get_by_role("listitem")
    expect(checks.last).to_contain_text("Executor")
    expect(checks.last).to_contain_text("Start an executor that serves heavy")
    expect(page.locator(".jp-why").get_by_role("link", name="Open executors")).to_be_visible()
    stack.ask("DELETE", f"/jobs/{job_id}")


def test_a_range_is_previewed_and_run_after_the_fact(watched: Watched, stack: Stack) -> None:
    schedule = {"kind": "interval", "every_s": 3_600, "anchor": "2026-01-01T00:00:00Z"}
    job_id = stack.ask(
        "POST", "/jobs", json={"name": "made up for", "script": "hello.py", "schedule": schedule}
    )["id"]
    page = watched.page
    page.goto(f"/jobs/{job_id}")

    menu(page, "Run missed instants…")
    dialog = page.get_by_role("dialog", name="Run missed instants")
    # The day until now has 25 of them when it is opened on the hour.
    expect(dialog).to_contain_text(re.compile(r"(24|25) of \1\sinstants will run"))
    assert objections(page) == []
    dialog.get_by_label("From").fill("2026-01-10T08:00:00")
    dialog.get_by_label("Until, inclusive").fill("2026-01-10T10:00:00")
    expect(dialog).to_contain_text(re.compile(r"3 of 3\sinstants will run"))
    expect(dialog.get_by_role("listitem")).to_have_count(3)
    dialog.get_by_role("button", name=re.compile(r"Run 3\sinstants")).click()

    expect(page.get_by_text(re.compile(r"Asked for 3\sruns of made up for"))).to_be_visible()
    expect(dialog).to_be_hidden()
    (scope,) = scopes(stack, job_id)
    assert (scope["after"], scope["until"]) == ("2026-01-09T23:59:59Z", "2026-01-10T02:00:00Z")
    assert watched.complaints == []


def test_a_skipped_instant_is_found_by_its_reason_and_run_after_the_fact(
    watched: Watched, stack: Stack
) -> None:
    job_id = stack.create("overlaps itself", "slow.py", every_s=1)
    skipped = eventually(
        lambda: stack.ask("GET", f"/runs?job={job_id}&state=skipped&reason=overlap")["items"],
        within_s=30,
        what="an instant was skipped",
    )[-1]
    stack.ask("POST", f"/jobs/{job_id}/pause")
    page = watched.page
    page.goto(f"/runs?job={job_id}")

    page.get_by_role("button", name="Not run").click()
    page.get_by_label("Filter by reason").select_option(label="Calendar")
    expect(page.get_by_role("heading", name="No run matches")).to_be_visible()
    page.get_by_label("Filter by reason").select_option(label="Overlap")
    expect(page).to_have_url(re.compile("reason=overlap"))
    row = page.get_by_role("row").filter(
        has=page.get_by_role("link", name=f"#{skipped['number']}", exact=True)
    )
    expect(row).to_contain_text(re.compile(r"Run #\d+ was still (going|waiting to start)\."))
    row.get_by_role("button", name="Run it now after the fact").click()

    expect(page.get_by_text("Asked for a run of overlaps itself")).to_be_visible()
    (scope,) = scopes(stack, job_id)
    assert (scope["until"], scope["schedule_id"]) == (skipped["nominal_at"], skipped["schedule_id"])
    stack.ask("DELETE", f"/jobs/{job_id}")
    assert watched.complaints == []


def test_a_calendar_is_made_changed_and_deleted(watched: Watched, stack: Stack) -> None:
    page = watched.page
    page.goto("/calendars")
    page.get_by_role("button", name="New calendar").first.click()
    dialog = page.get_by_role("dialog", name="New calendar")
    dialog.get_by_label("Name", exact=True).fill("Days off")
    dialog.get_by_label("Days, one a line").fill("2026-12-25 Christmas Day\n26 December")
    dialog.get_by_role("button", name="Create calendar").click()
    expect(dialog.get_by_label("Days, one a line")).to_have_accessible_description(re.compile("Date 2"))
    assert objections(page) == []
    dialog.get_by_label("Days, one a line").fill("2026-12-25 Christmas Day\n2026-12-26")
    dialog.get_by_role("button", name="Create calendar").click()
    expect(page.get_by_role("heading", name="Days off")).to_be_visible()

    page.get_by_role("button", name="Edit Days off").click()
    edited = page.get_by_role("dialog", name="Edit Days off")
    edited.get_by_role("button", name="Hours of the week").click()
    edited.get_by_role("button", name="Sat").click()
    assert objections(page) == []
    edited.get_by_role("button", name="Save changes").click()
    expect(edited).to_be_hidden()

    (item,) = [one for one in stack.ask("GET", "/calendars")["items"] if one["name"] == "Days off"]
    assert item["spec"]["windows"][0]["days"] == ["mon", "tue", "wed", "thu", "fri", "sat"]
    page.get_by_role("button", name="Delete Days off").click()
    expect(page.get_by_role("heading", name="Days off")).to_be_hidden()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="Days off")).to_be_visible()


CLOCKS = """async () => {
  const { instantAt, wallTime } = await import("jp_format");
  const zones = ["Asia/Hong_Kong", "America/New_York", "Australia/Lord_Howe", "Europe/London", "UTC"];
  const wrong = [];
  for (const zone of zones) {
    for (let at = Date.UTC(2026, 0, 1); at < Date.UTC(2027, 0, 1); at += 1_800_000) {
      const back = instantAt(wallTime(at, zone), zone);
      const is = Date.parse(back);
      // The second time of a fold is shown as the first one.
      if (is !== at && !(is < at && wallTime(is, zone) === wallTime(at, zone))) wrong.push([zone, new Date(at).toISOString(), back]);
    }
  }
  return {
    wrong, gap: instantAt("2026-03-08T02:30", "America/New_York"), fold: instantAt("2026-11-01T01:30", "America/New_York"),
    plain: instantAt("2026-11-01T01:30:15", "Asia/Hong_Kong"), nonsense: instantAt("", "UTC"),
  };
}"""  # noqa: E501 - as it reads best in a browser


def test_times_are_read_as_the_clocks_of_the_zone_show_them(watched: Watched, stack: Stack) -> None:
    watched.page.goto("/calendars")
    expect(watched.page.get_by_role("heading", name="Calendars", exact=True)).to_be_visible()

    found = watched.page.evaluate(CLOCKS)

    assert found == {
        "wrong": [],
        "gap": None,
        "fold": "2026-11-01T05:30:00.000Z",
        "plain": "2026-10-31T17:30:15.000Z",
        "nonsense": None,
    }

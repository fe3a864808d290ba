"""The schedule editor and the week, as a person types and reads them."""

import re

from playwright.sync_api import Page, expect

from tests.e2e.browser.chromium import Watched
from tests.support.stack import Stack


def open_form(page: Page, kind: str) -> None:
    page.goto("/jobs/new")
    page.get_by_role("radio", name=kind, exact=True).click()


def test_an_expression_is_explained_while_it_is_typed_and_the_wrong_field_is_named(
    watched: Watched, stack: Stack
) -> None:
    page = watched.page
    open_form(page, "Cron")
    expression = page.get_by_label("Cron expression")

    expression.fill("*/15 9-25 * * MONN")
    hour = page.locator(".jp-cron__part").filter(has_text="9-25")
    expect(hour).to_contain_text("25 is outside 0-23")
    expect(page.locator(".jp-cron__part--wrong")).to_have_count(2)
    expect(page.locator(".jp-cron__part").filter(has_text="MONN")).to_contain_text("Did you mean MON?")
    expect(expression).to_have_attribute("aria-invalid", "true")
    expect(expression).to_have_accessible_description(re.compile("Hour: 25 is outside 0-23"))

    expression.fill("*/15 9-17 13 * FRI")
    expect(page.get_by_role("heading", name=re.compile("on the 13th .* or on Friday"))).to_be_visible()
    expect(page.locator(".jp-cron__part").filter(has_text="9-17")).to_contain_text("hours 09 to 17")
    expect(page.locator(".jp-fires tbody tr")).to_have_count(10)
    expect(page.get_by_role("list", name="Worth knowing")).to_contain_text("either day field")
    assert (watched.complaints, watched.foreign) == ([], [])


def test_the_preview_shows_both_zones_and_what_the_clocks_do(watched: Watched, stack: Stack) -> None:
    page = watched.page
    open_form(page, "Daily")
    page.get_by_label("At", exact=True).fill("01:30")
    zone = page.get_by_role("combobox", name="Time zone")
    zone.fill("lond")
    page.get_by_role("option", name="Europe/London").click()

    notes = page.get_by_role("list", name="When the clocks change")
    expect(notes).to_contain_text("01:30 does not exist: runs at 02:00")
    expect(notes).to_contain_text("01:30 comes twice: runs the first time only")
    first = page.locator(".jp-fires tbody tr").first
    expect(first.locator("td").nth(0)).to_have_text(re.compile(r"09:30|08:30"))
    expect(first.locator("td").nth(1)).to_have_text(re.compile("01:30"))
    expect(first.locator("td").nth(2)).to_have_text(re.compile("^in "))
    zone.fill("HKT")
    expect(zone).to_have_accessible_description(re.compile("HKT is an abbreviation: choose Asia/Hong_Kong"))


def test_what_was_typed_of_one_kind_is_there_when_a_person_comes_back_to_it(
    watched: Watched, stack: Stack
) -> None:
    page = watched.page
    open_form(page, "Cron")
    page.get_by_label("Cron expression").fill("5 4 * * SUN")
    kinds = page.get_by_role("radiogroup", name="Kind of schedule")

    kinds.get_by_role("radio", name="Cron").press("ArrowLeft")
    expect(kinds.get_by_role("radio", name="Once")).to_be_focused()
    kinds.get_by_role("radio", name="Weekly").click()
    page.get_by_role("button", name="Sunday").click()
    expect(page.get_by_role("heading", name=re.compile("Sunday"))).to_be_visible()
    kinds.get_by_role("radio", name="Cron").click()

    expect(page.get_by_label("Cron expression")).to_have_value("5 4 * * SUN")


def test_several_schedules_are_saved_and_come_back(watched: Watched, stack: Stack) -> None:
    page = watched.page
    open_form(page, "Daily")
    page.get_by_label("Name").fill("follows several")
    page.get_by_role("combobox", name="Script").fill("hello.py")
    page.get_by_label("At", exact=True).fill("02:15")

    page.get_by_role("button", name="Add another schedule").click()
    page.get_by_role("radio", name="Monthly").click()
    page.get_by_label("Which day of the month").select_option("last")
    page.get_by_label("At", exact=True).fill("18:00")
    page.get_by_role("combobox", name="Time zone").fill("Europe/London")
    page.get_by_label("Arguments of its own").check()
    page.get_by_label("Arguments of this schedule, one per line").fill("--month-end\n--twice")
    page.get_by_text("Rules", exact=True).click()
    page.get_by_label("If the portal was down").select_option("all")
    page.get_by_label("Spread starts over").fill("2")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", level=1, name="follows several")).to_be_visible()
    (job,) = stack.ask("GET", "/jobs?q=follows several")["items"]
    page.goto(f"/jobs/{job['id']}/edit")

    expect(page.get_by_text("2 schedules")).to_be_visible()
    page.get_by_role("button", name=re.compile("last day at 18:00")).click()
    expect(page.get_by_role("combobox", name="Time zone")).to_have_value("Europe/London")
    expect(page.get_by_label("Arguments of this schedule, one per line")).to_have_value(
        "--month-end\n--twice"
    )
    expect(page.locator(".jp-rules__head", has_text="Rules")).to_contain_text(
        "run every missed (at most 100) · 1 more"
    )
    assert [one["args"] for one in job["schedules"]] == [None, ["--month-end", "--twice"]]
    assert (job["policy"]["on_missed"], job["policy"]["jitter_s"]) == ("all", 120)


def test_what_the_portal_refuses_is_shown_at_the_schedule_that_it_is_about(
    watched: Watched, stack: Stack
) -> None:
    page = watched.page
    open_form(page, "Daily")
    page.get_by_label("Name").fill("at no time of day")
    page.get_by_role("combobox", name="Script").fill("hello.py")
    page.get_by_role("button", name="Add another schedule").click()
    page.get_by_label("At", exact=True).fill("9")
    page.get_by_role("button", name="Every day at 09:00").first.click()  # the second may say so still

    page.get_by_role("button", name="Create job").click()

    at = page.get_by_label("At", exact=True)
    expect(at).to_be_focused()
    expect(at).to_have_value("9")
    expect(at).to_have_accessible_description(re.compile("HH:MM"))
    assert stack.ask("GET", "/jobs?q=at+no+time+of+day")["items"] == []


def test_the_week_counts_by_the_hour_and_lists_an_hours_jobs(watched: Watched, stack: Stack) -> None:
    rule = {"kind": "daily", "at": "03:20"}
    for n in range(7):
        stack.ask("POST", "/jobs", json={"name": f"crowd {n}", "script": "hello.py", "schedule": rule})
    page = watched.page
    page.goto("/week")

    page.get_by_role("button", name=re.compile("^7 starts at 03:20 on ")).click()
    jobs = page.locator(".jp-week__jobs")
    expect(jobs.get_by_role("link", name="crowd 6")).to_be_visible()
    expect(jobs.locator("li").filter(has_text="crowd 6")).to_contain_text("03:20")
    expect(page).to_have_url(re.compile("hour=20"))
    page.reload()
    expect(jobs.get_by_role("link", name="crowd 6")).to_be_visible()

    # One cell is in the order of the tab key; the arrows find the others.
    chosen = page.locator(".jp-week__cell[aria-pressed='true']")
    chosen.focus()
    chosen.press("ArrowRight")
    neighbour = page.locator(".jp-week__cell:focus")
    expect(neighbour).to_have_attribute("aria-pressed", "false")
    expect(neighbour).to_have_accessible_name(re.compile(r"03:00: \d+.starts"))
    expect(page.locator(".jp-week__cell[tabindex='0']")).to_have_count(1)
    page.get_by_role("button", name="Next").click()
    expect(page).to_have_url(re.compile(r"start=20\d\d-\d\d-\d\d"))
    assert (watched.complaints, watched.foreign) == ([], [])


def test_a_rule_that_cannot_be_is_told_at_the_rule_and_not_at_the_schedule(
    watched: Watched, stack: Stack
) -> None:
    page = watched.page
    open_form(page, "Interval")
    page.get_by_text("Rules", exact=True).click()

    page.get_by_label("Not before").fill("2127-01-02T00:00")
    page.get_by_label("Not after").fill("2127-01-01T00:00")

    expect(page.get_by_label("Not after")).to_have_accessible_description(re.compile("end before it starts"))
    expect(page.get_by_role("heading", name="Not a rule yet")).to_be_visible()
    expect(page.get_by_label("Every", exact=True)).not_to_have_attribute("aria-invalid", "true")
    page.get_by_label("Not after").fill("2127-01-03T00:00")
    expect(page.get_by_role("heading", name="Every 5 minutes")).to_be_visible()

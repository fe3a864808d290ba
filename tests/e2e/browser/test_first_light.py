"""The main way through the portal in a real browser, against a really running portal."""

import re
from datetime import datetime
from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.browser.chromium import Watched
from tests.support.eventually import eventually
from tests.support.stack import Stack

TALKER = """import sys, time
print("<img src=x onerror=alert(1)> \\x1b[31mred\\x1b[0m", flush=True)
print("first on stderr", file=sys.stderr, flush=True)
for step in range(1, 1201):
    print(f"step {step}", flush=True)
print("10%\\r99%\\rready", flush=True)
while not __import__("pathlib").Path(__file__).with_name("let-go").exists():
    time.sleep(0.05)
print("the last word")
"""


def test_a_person_creates_a_job_runs_it_and_reads_its_log_as_it_arrives(
    watched: Watched, stack: Stack, scripts: Path
) -> None:
    page = watched.page
    script = scripts / "talker.py"
    script.write_text(TALKER)

    page.goto("/jobs")
    page.get_by_role("link", name="New job").first.click()
    page.get_by_label("Name").fill("talks")
    page.get_by_role("combobox", name="Script").fill("talkr.py")
    page.get_by_role("radio", name="Manual").click()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Did you mean talker.py?")).to_be_visible()
    page.get_by_role("combobox", name="Script").fill("talke")
    page.get_by_role("option", name="talker.py").click()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", level=1, name="talks")).to_be_visible()

    page.get_by_role("button", name="Run now").click()
    page.get_by_role("link", name="Open", exact=True).click()
    log = page.get_by_role("region", name="Output")
    expect(log).to_contain_text("ready")
    expect(page.get_by_text(re.compile(r"1\s203\slines · live"))).to_be_visible()
    assert page.locator("*").count() < 1_500

    (scripts / "let-go").touch()
    expect(page.get_by_text(re.compile(r"1\s204\slines · complete"))).to_be_visible()
    expect(log).to_contain_text("the last word")
    expect(page.locator(".jp-head").get_by_text("Succeeded")).to_be_visible()

    page.get_by_label("Search the log").fill("onerror")
    expect(page.locator(".jp-log__hits")).to_have_text("1/1")
    expect(log).to_contain_text("<img src=x onerror=alert(1)> red")
    expect(page).to_have_url(re.compile(r"#L\d+$"))
    page.get_by_label("stderr only").check()
    expect(log).to_have_text(re.compile(r"^\s*\d+\s*first on stderr\s*$"))

    page.goto("/runs")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="talks", exact=True))
    expect(row).to_contain_text("Succeeded")
    assert (watched.complaints, watched.foreign) == ([], [])


def test_a_log_of_ten_thousand_lines_is_shown_exactly_and_in_order(watched: Watched, stack: Stack) -> None:
    run = stack.ended(stack.run_now(stack.create("chatty in a browser", "chatty.py")))
    page = watched.page
    parts: list[str] = []
    page.on("request", lambda one: parts.append(one.url) if "/log/lines" in one.url else None)

    page.goto(f"/runs/{run['id']}#L9990")
    expect(page.get_by_text(re.compile(r"10\s000\slines · complete"))).to_be_visible()
    expect(page.locator(".jp-log__row--picked")).to_contain_text("line  9990 of 10000")
    assert [part.partition("?")[2] for part in parts] == ["from=9501&limit=1000&tail=true"]
    shown = dict(page.evaluate(EVERY_ROW))

    assert shown == {number: f"line {number:5} of 10000" for number in range(1, 10_001)}
    assert page.locator(".jp-log *").count() <= 600


# Scrolls through the whole log and collects what is drawn on the way.
EVERY_ROW = """async () => {
  const scroll = document.querySelector('.jp-log__scroll');
  const rows = new Map();
  for (let top = 0; top < scroll.scrollHeight; top += 800) {
    scroll.scrollTop = top;
    do await new Promise((done) => requestAnimationFrame(done));
    while (document.querySelector('.jp-log__row--away'));
    for (const row of document.querySelectorAll('.jp-log__row')) {
      const [number, text] = ['n', 'text'].map((part) => row.querySelector('.jp-log__' + part).textContent);
      rows.set(Number(number), text);
    }
  }
  return [...rows];
}"""


def test_a_deleted_job_starts_nothing_and_comes_back_whole_by_undo(watched: Watched, stack: Stack) -> None:
    gone = stack.create("soon gone", "hello.py", every_s=1, overlap="allow")
    other = stack.create("goes on meanwhile", "hello.py", every_s=1, overlap="allow")

    def started(job_id: str) -> list[datetime]:
        """Return when the runs of a job were due that a script was started for."""
        runs = stack.ask("GET", f"/runs?job={job_id}&limit=200")["items"]
        return [datetime.fromisoformat(run["due_at"]) for run in runs if run["started_at"]]

    eventually(lambda: started(gone), within_s=60, what="it ran")
    page = watched.page
    page.goto("/jobs?q=soon+gone")
    page.get_by_role("button", name="Actions for soon gone").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="No job matches")).to_be_visible()
    before = started(gone)
    most = len(started(other)) + 3
    eventually(lambda: len(started(other)) >= most, within_s=60, what="others went on for three seconds")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("link", name="soon gone")).to_be_visible()

    deeds = stack.ask("GET", f"/activity?job={gone}")["items"]
    at = {deed["kind"]: datetime.fromisoformat(deed["at"]) for deed in deeds}
    eventually(lambda: max(started(gone)) > at["job-restored"], within_s=60, what="it runs again")
    for job_id in (gone, other):
        stack.ask("POST", f"/jobs/{job_id}/pause")
    after = started(gone)
    assert set(before) <= set(after)
    assert [due for due in after if at["job-deleted"] < due < at["job-restored"]] == []
    assert watched.complaints == []


def test_runs_are_narrowed_by_what_caused_them_and_where_they_ran(watched: Watched, stack: Stack) -> None:
    job = stack.create("narrowed", "hello.py")
    run = stack.ended(stack.run_now(job))
    other = "executor-1" if run["executor"] == "executor-2" else "executor-2"
    page = watched.page
    rows = page.get_by_role("row").filter(has_text="narrowed")
    page.goto(f"/runs?job={job}")

    page.get_by_label("Filter by cause").select_option(run["cause"])
    page.get_by_label("Filter by executor").select_option(run["executor"])
    expect(page).to_have_url(re.compile(f"cause={run['cause']}&executor={run['executor']}"))
    expect(rows).to_have_count(1)
    page.reload()
    page.get_by_label("Filter by executor").select_option(other)
    expect(page.get_by_role("heading", name="No run matches")).to_be_visible()
    page.get_by_role("button", name="Show all runs").click()
    expect(rows).to_have_count(1)

    page.goto("/executors")
    page.get_by_role("row").filter(has_text=run["executor"]).locator("a[href*='within=24h']").click()
    expect(page.get_by_label("Filter by executor")).to_have_value(run["executor"])
    assert watched.complaints == []


def test_a_person_keeps_zone_and_theme(watched: Watched) -> None:
    page = watched.page
    page.goto("/jobs")

    page.get_by_role("button", name="Asia/Hong_Kong").click()
    page.get_by_role("button", name="Dark", exact=True).click()
    expect(page.locator("body")).to_have_class(re.compile("body--dark"))
    hint = page.locator("#jp-zone-hint")
    now = hint.inner_text()
    page.get_by_label("Time zone").fill("Europe/London")
    expect(hint).not_to_have_text(now)  # a second passes, and what was typed stays
    with page.expect_response("**/api/v1/me"):
        page.get_by_label("Time zone").press("Tab")
    page.reload()

    expect(page.get_by_role("button", name="Europe/London")).to_be_visible()
    expect(page.locator("body")).to_have_class(re.compile("body--dark"))

"""What is kept of a job's output: set in the form, seen in the log."""

from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.browser.chromium import Watched
from tests.e2e.browser.test_accessibility import objected_to
from tests.support.stack import Stack

FLOOD = """
import sys
print("y" * 20_000)
for number in range(1, 20_001):
    print(f"line {number} of many", file=sys.stderr if number % 2 else sys.stdout, flush=True)
"""


def test_a_small_cap_keeps_both_ends_of_merged_streams(watched: Watched, stack: Stack, scripts: Path) -> None:
    (scripts / "flood.py").write_text(FLOOD)
    page = watched.page
    job = stack.create("a talkative one", "flood.py")
    page.goto(f"/jobs/{job}/edit")
    page.locator("summary", has_text="Output and network").click()
    cap = page.get_by_label("Keep of each run at most")
    cap.fill("much")
    page.get_by_role("button", name="Save changes").click()
    expect(cap).to_be_focused()
    expect(page.get_by_text("Type a number, such as 10.")).to_be_visible()
    cap.fill("2")
    page.locator("#jp-f-max_output_bytes-unit").select_option("GB")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("Keep between 100 KB and 1 GB")).to_be_visible()
    assert objected_to(page) == {}
    cap.fill("100")
    page.locator("#jp-f-max_output_bytes-unit").select_option("KB")
    page.get_by_label("Merge stderr into stdout").check()
    page.locator("summary", has_text="Rules").click()
    page.get_by_label("Keep of its output at most").fill("0")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_label("Keep of its output at most")).to_be_focused()
    page.get_by_label("Keep of its output at most").fill("50")
    page.get_by_role("button", name="Save changes").click()
    expect(
        page.get_by_text("Up to 100 KB of a run are kept; stdout and stderr are one stream")
    ).to_be_visible()
    expect(page.get_by_text("Keeps at most 50 MB of output")).to_be_visible()
    assert stack.ask("GET", f"/jobs/{job}")["policy"]["keep_bytes"] == 50_000_000

    run = stack.ended(stack.run_now(job))
    page.goto(f"/runs/{run['id']}")

    log = page.get_by_role("region", name="Output")
    expect(log).to_contain_text("show all 20 KB")
    expect(page.locator(".jp-log__dropped")).to_be_visible()
    page.get_by_label("Search the log").fill("bytes dropped")
    expect(log).to_contain_text("bytes dropped ...]")
    page.get_by_label("Search the log").fill("line 20000 of many")
    expect(log).to_contain_text("line 19999 of many")
    expect(log.locator(".jp-log__row--error")).to_have_count(0)
    # The complaint is Chromium's own word on the answer that the test asked for.
    assert [text for text in watched.complaints if "422" not in text] == []


def test_files_are_listed_when_they_are_there_and_are_saved(
    watched: Watched, stack: Stack, scripts: Path
) -> None:
    (scripts / "reports.sh").write_text(
        'cd "$PORTAL_ARTIFACTS"; mkdir -p by/day; echo "<b>1</b>" > "by/day/sums & 5% 早安.html"; : >none\n'
    )
    page = watched.page
    run = stack.run_now(stack.create("reports", "reports.sh"))
    page.goto(f"/runs/{run}")  # watched from its start on: they come by themselves

    files = page.get_by_role("region", name="Files")
    expect(files.get_by_role("listitem")).to_contain_text(["sums & 5% 早安.html", "none"])
    with page.expect_download() as saved:
        files.get_by_role("link").first.click()

    assert saved.value.suggested_filename == "sums & 5% 早安.html"
    assert Path(saved.value.path()).read_text() == "<b>1</b>\n"
    assert objected_to(page) == {}
    assert (watched.complaints, watched.foreign) == ([], [])


def test_a_job_gives_up_the_network_where_scripts_are_fenced_in(watched: Watched, stack: Stack) -> None:
    page = watched.page
    job = stack.create("a lonely one", "hello.py")
    page.goto(f"/jobs/{job}/edit")
    page.locator("summary", has_text="Output and network").click()
    page.get_by_label("No network").check()
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("no network", exact=True)).to_be_visible()

    # The stack's executors run at level process.
    run = stack.ended(stack.run_now(job))

    page.goto(f"/runs/{run['id']}")
    expect(page.get_by_text("level process keeps no script from it")).to_be_visible()
    assert run["reason"] == "start-error"
    assert watched.complaints == []


def test_a_job_that_asks_for_a_level_nobody_offers_says_so_and_waits(watched: Watched, stack: Stack) -> None:
    page = watched.page
    job = stack.create("a guarded one", "hello.py")
    lacking = "No executor of pool default offers isolated"
    page.goto(f"/jobs/{job}/edit")
    page.locator("summary", has_text="Output and network").click()
    page.get_by_label("Sandbox, at least").select_option("Isolated")
    expect(page.locator(".jp-warn")).to_contain_text(lacking)
    assert objected_to(page) == {}
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("isolated only", exact=True)).to_be_visible()
    expect(page.locator(".jp-notice")).to_contain_text(lacking)

    run = stack.run_now(job)

    page.goto(f"/jobs/{job}")
    expect(page.get_by_role("heading", name=lacking)).to_be_visible()
    page.goto(f"/runs/{run}")
    expect(page.locator(".jp-notice")).to_contain_text(lacking)
    page.goto(f"/runs?job={job}")
    expect(page.get_by_role("table")).to_contain_text(lacking)
    stack.ask("POST", f"/runs/{run}/cancel")
    stack.ended(run)
    assert watched.complaints == []

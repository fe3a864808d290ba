"""A script from the folder's page to a job of one version of it, and what changed in it since."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.browser.chromium import Watched
from tests.e2e.browser.test_accessibility import objected_to
from tests.support.stack import Stack

OLD = "import sys\nprint('well')\n"
MARKUP = "</script><img src=x onerror=alert(1)>"
NEW = f"import sys\nprint('{MARKUP}')\nsys.exit(1)\nweekdays\n"


def sees_what_changed(page: Page) -> None:
    since = page.get_by_role("region", name="Since it last succeeded")
    expect(since.get_by_role("link", name="run #1").first).to_be_visible()
    expect(since.get_by_role("listitem").filter(has_text="Timeout")).to_contain_text("is 1 m")
    since.locator("summary", has_text="The script had changed").click()
    expect(since.locator("ins", has_text="sys.exit(1)")).to_be_visible()
    assert objected_to(page) == {}
    # What a script says is not the portal's to tell, be it a word of the portal's own.
    page.context.set_extra_http_headers({"Accept-Language": "zh-HK"})
    page.reload()
    page.locator("summary", has_text="腳本當時已更改").click()
    expect(page.locator("ins", has_text="weekdays")).to_be_visible()
    page.context.set_extra_http_headers({})


def test_a_job_runs_one_version_of_a_script_until_another_is_accepted(
    watched: Watched, stack: Stack, scripts: Path
) -> None:
    script = scripts / "ledger" / "close.py"
    script.parent.mkdir()
    script.write_text(OLD)
    page = watched.page
    page.goto("/scripts")
    page.get_by_role("region", name="ledger/").get_by_role("link", name="close.py").click()
    expect(page.get_by_role("region", name="Text")).to_contain_text("print('well')")
    page.get_by_role("link", name="New job with this script").click()
    expect(page.get_by_label("Script", exact=True)).to_have_value("ledger/close.py")
    page.get_by_label("Name", exact=True).fill("closing")
    page.get_by_label("Run only this version of it").check()
    page.get_by_role("button", name="Create job").click()
    expect(page.get_by_role("heading", name="closing")).to_be_visible()
    address = page.url
    job = address.rpartition("/")[2]
    assert stack.ended(stack.run_now(job))["state"] == "succeeded"

    script.write_text(NEW)
    refused = stack.ended(stack.run_now(job))
    page.goto(address)
    expect(page.get_by_text("Its runs fail, and nothing is started")).to_be_visible()
    page.locator("summary", has_text="The script has changed").click()
    expect(page.locator("ins", has_text="print('")).to_contain_text(MARKUP)
    expect(page.locator("del", has_text="print('well')")).to_be_visible()
    assert page.locator(".jp-diff img").count() == 0
    assert objected_to(page) == {}
    page.get_by_role("button", name="Accept the new script").click()
    expect(page.get_by_text("Its runs fail, and nothing is started")).to_have_count(0)
    version = stack.ask("GET", f"/jobs/{job}")["version"]
    stack.ask("PATCH", f"/jobs/{job}", json={"version": version, "timeout_s": 60})
    failed = stack.ended(stack.run_now(job))

    assert (refused["reason"], refused["started_at"]) == ("script-changed", None)
    assert (failed["reason"], failed["exit_code"]) == (None, 1)
    page.goto(f"/runs/{failed['id']}")
    sees_what_changed(page)
    script.unlink()
    page.goto("/scripts")
    expect(page.get_by_role("region", name="Missing")).to_contain_text("ledger/close.py")
    assert objected_to(page) == {}
    assert watched.complaints == []

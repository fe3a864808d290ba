"""Parameters as a person meets them, with a browser: declared in the editor, asked for by Run now."""

from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.browser.chromium import Watched
from tests.e2e.browser.test_accessibility import objected_to
from tests.support.eventually import eventually
from tests.support.stack import Stack

PRINTS = "import os; print(os.environ['PORTAL_PARAMS'], len(os.environ['PORTAL_PARAM_PIN']))\n"


def test_run_now_asks_for_what_the_editor_declared(watched: Watched, stack: Stack, scripts: Path) -> None:
    (scripts / "prints_parameters.py").write_text(PRINTS)
    page = watched.page
    job = stack.create("has parameters", "prints_parameters.py")
    page.goto(f"/jobs/{job}/edit")
    page.locator("summary", has_text="Parameters").click()
    for name, kind in (("rows", "Number"), ("pin", "Secret"), ("dry", "Yes or no")):
        page.get_by_role("button", name="Add a parameter").click()
        block = page.locator(".jp-param").last
        block.get_by_label("Name").fill(name if name != "dry" else "Dry")
        block.get_by_label("Kind").select_option(kind)
    page.locator(".jp-param").first.get_by_label("Smallest").fill("5")
    page.locator(".jp-param").first.get_by_label("Required").check()
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("A parameter's name has 1 to 40 lower-case letters")).to_be_visible()
    assert objected_to(page) == {}
    page.locator(".jp-param").last.get_by_label("Name").fill("dry")
    page.get_by_role("button", name="Save changes").click()

    page.get_by_role("button", name="Run now…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("rows").fill("4")
    dialog.get_by_label("pin").fill("sentinel-pin")
    dialog.get_by_role("button", name="Run now").click()
    expect(dialog.get_by_text("rows: the smallest value is 5.")).to_be_visible()
    assert objected_to(page) == {}
    dialog.get_by_label("rows").fill("7")
    dialog.get_by_role("button", name="Run now").click()
    expect(dialog).to_be_hidden()

    def newest() -> str | None:
        runs = stack.ask("GET", "/runs", params={"job": job})["items"]
        return str(runs[0]["id"]) if runs else None

    run_id = eventually(newest, within_s=20, what="it was asked for")
    run = stack.ended(str(run_id))
    assert run["state"] == "succeeded", run["detail"]
    page.goto(f"/runs/{run['id']}")
    expect(page.get_by_text("dry=false, pin=set, not shown, rows=7")).to_be_visible()
    expect(page.get_by_text('{"rows": 7, "dry": false} 12')).to_be_visible()
    assert "sentinel-pin" not in page.content()
    # What was refused on purpose is an error to Chromium's console.
    assert [one for one in watched.complaints if "422 (Unprocessable" not in one] == []

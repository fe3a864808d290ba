"""Secrets as a person meets them, with a browser: stored, chosen, given to a script, never shown."""

from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.browser.chromium import Watched
from tests.e2e.browser.test_accessibility import objected_to
from tests.support.stack import Stack

VALUE = "sentinel that was typed\nin two lines"


def test_a_secret_is_stored_chosen_by_a_job_and_given_to_its_script(
    watched: Watched, stack: Stack, scripts: Path
) -> None:
    (scripts / "typed.py").write_text(
        "import os; print(open(os.environ['TYPED_FILE']).read() == os.environ['ALSO'])\n"
    )
    page = watched.page
    page.goto("/secrets")
    page.get_by_role("button", name="New secret").first.click()
    page.get_by_label("Name", exact=True).press_sequentially("typed")
    page.get_by_role("button", name="Store secret").click()
    expect(page.get_by_text("Type the value.")).to_be_visible()
    assert objected_to(page) == {}
    page.locator("#jp-s-value").fill(VALUE)
    page.get_by_role("button", name="Store secret").click()
    expect(page.get_by_role("heading", name="TYPED", exact=True)).to_be_visible()
    stack.ask("PUT", "/secrets/ALSO", json={"value": VALUE})

    job = stack.create("is typed", "typed.py")
    page.goto(f"/jobs/{job}/edit")
    page.locator("summary", has_text="Secrets").click()
    page.get_by_label("TYPED", exact=True).check()
    page.get_by_label("ALSO", exact=True).check()
    page.get_by_label("How TYPED is given").select_option("file")
    assert objected_to(page) == {}
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("link", name="ALSO, TYPED")).to_be_visible()
    run = stack.ended(stack.run_now(job))

    assert run["state"] == "succeeded"
    page.goto(f"/runs/{run['id']}")
    expect(page.get_by_text("True", exact=True)).to_be_visible()
    page.goto("/secrets")
    expect(page.get_by_role("button", name="Delete TYPED")).to_be_disabled()
    page.get_by_role("button", name="Change TYPED").click()
    expect(page.locator("#jp-s-value")).to_have_value("")
    assert "sentinel that was typed" not in page.content()
    assert watched.complaints == []


def test_a_job_whose_secret_is_gone_says_so_where_it_is_edited(watched: Watched, stack: Stack) -> None:
    page = watched.page
    stack.ask("PUT", "/secrets/GONE", json={"value": VALUE})
    job = stack.create("lacks one", "hello.py", secrets=[{"name": "GONE"}])
    stack.ask("DELETE", f"/jobs/{job}")
    stack.ask("DELETE", "/secrets/GONE")
    stack.ask("POST", f"/jobs/{job}/restore")

    page.goto(f"/jobs/{job}/edit")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("There is no secret GONE.")).to_be_visible()
    page.get_by_label("GONE", exact=True).click()  # it leaves the list with its mark
    page.get_by_role("button", name="Save changes").click()

    page.wait_for_url(f"**/jobs/{job}")
    assert stack.ask("GET", f"/jobs/{job}")["secrets"] == []

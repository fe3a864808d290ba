"""A tab that was open while the portal was upgraded: it says so, and nothing that was typed is lost."""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.browser.chromium import Watched
from tests.support.stack import ROOT, Stack, running_stack

# A draft as a release left it whose form had no such fields yet.
OLDER = """
  for (const key of Object.keys(sessionStorage).filter((key) => key.startsWith("jp-draft "))) {
    const kept = JSON.parse(sessionStorage[key]);
    delete kept.form.tags;
    delete kept.form.rules.resources;
    delete kept.form.rules.output.most;
    delete kept.form.schedules[0].cron;
    sessionStorage[key] = JSON.stringify(kept);
  }
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the program, to be changed under its feet."""
    tree = tmp_path_factory.mktemp("tree")
    for name in ("services", "shared", "scripts"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "requirements.lock", "portal"):
        shutil.copy(ROOT / name, tree / name)
    return tree


@pytest.fixture(scope="module")
def stack(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("portal"), executors=1, tree=tree) as running:
        yield running


def test_a_stale_tab_says_so_and_a_reload_keeps_what_was_typed(
    watched: Watched, stack: Stack, tree: Path
) -> None:
    page = watched.page
    # Asked whether to leave what is typed, a person stays: NiceGUI's own reload after a restart waits.
    page.on("dialog", lambda dialog: dialog.dismiss())
    page.goto("/jobs/new")
    page.get_by_label("Name", exact=True).click()
    page.keyboard.type("half a job")
    page.get_by_role("radio", name="Daily").click()
    expect(page.get_by_text("Live", exact=False).first).to_be_visible()

    css = tree / "services" / "ui" / "static" / "portal.css"
    css.write_text(css.read_text() + "\n/* newer */\n")
    stack.restart("ui", signal.SIGTERM)
    page.add_init_script(OLDER)
    page.get_by_role("button", name="Reload").click()

    expect(page.get_by_text("What you typed before the page was loaded again is here.")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_value("half a job")
    expect(page.get_by_role("radio", name="Daily")).to_have_attribute("aria-checked", "true")
    expect(page.get_by_text("The portal was updated.")).to_have_count(0)
    page.get_by_role("radio", name="Cron").click()
    expect(page.locator("#jp-f-max_output_bytes")).to_have_value("10")
    expect(page.locator("#jp-f-tags")).to_have_value("")
    expect(page.get_by_label("Cron expression")).to_have_value("0 9 * * *")

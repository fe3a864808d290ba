"""A portal that has just been set up, in the hands of somebody who has never seen one."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.browser.chromium import Watched
from tests.e2e.browser.first_run import SCRIPT, first_job
from tests.e2e.browser.test_accessibility import objected_to
from tests.support.stack import ROOT, Stack, running_stack

OTHER = "print('another one')\n"
# A file as it comes from the desktop; a browser lets no program drag a real one.
DROP = """([name, text]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([text], name));
  for (const kind of ['dragover', 'drop'])
    document.body.dispatchEvent(
      new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));
}"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A portal of these tests' own: it has no job yet."""
    folder = tmp_path_factory.mktemp("portal")
    shutil.copytree(ROOT / "scripts", folder / "scripts")
    with running_stack(folder, executors=1, scripts=folder / "scripts") as running:
        yield running


def test_a_person_uploads_a_script_and_watches_a_first_job_of_it(
    watched: Watched, stack: Stack, scripts: Path, tmp_path: Path
) -> None:
    script = tmp_path / "count_to_ten.py"
    script.write_text(SCRIPT)
    watched.page.goto("/")
    expect(watched.page.get_by_role("link", name="hello.py")).to_be_visible()
    assert objected_to(watched.page) == {}

    watched.page.locator("input[type=file]").set_input_files(
        [{"name": name, "mimeType": "", "buffer": OTHER.encode()} for name in ("first.py", "hello.py")]
    )
    taken = watched.page.get_by_role("dialog", name="There is already a hello.py")
    taken.get_by_role("button", name="Cancel").click()
    watched.page.wait_for_url("**/jobs/new?script=first.py")
    watched.page.goto("/")

    walk = first_job(watched.page, script, tmp_path)

    assert len(list(tmp_path.glob("0?-*.png"))) == len(walk.seen) == 5
    assert walk.clicks <= 4
    (name, state), *others = stack.rows("SELECT j.name, r.state FROM runs r JOIN jobs j ON j.id = r.job_id")
    assert (name, state, others) == ("My first job", "succeeded", [])
    assert (scripts / "count_to_ten.py").read_text() == SCRIPT
    assert (scripts / "first.py").read_text() == OTHER != (scripts / "hello.py").read_text()
    assert [one for one in watched.complaints if "409 (Conflict)" not in one] == []


def test_a_script_is_dropped_and_what_is_there_is_replaced_only_on_request(
    watched: Watched, scripts: Path
) -> None:
    page = watched.page
    (scripts / "drop.py").write_text(SCRIPT)
    page.goto("/scripts")
    expect(page.get_by_text(f"The scripts folder is {scripts}.")).to_be_visible()

    page.evaluate(DROP, ["drop.py", OTHER])
    taken = page.get_by_role("dialog", name="There is already a drop.py")
    expect(taken.get_by_label("Store yours as")).to_have_value("drop-2.py")
    assert objected_to(page) == {}
    taken.get_by_role("button", name="Store as new").click()
    expect(page.get_by_role("link", name="drop-2.py")).to_be_visible()
    assert (scripts / "drop.py").read_text() == SCRIPT

    page.evaluate(DROP, ["notes.txt", OTHER])
    expect(page.get_by_role("alert")).to_contain_text("notes.txt: Nothing says how to run it.")

    page.goto("/jobs/new")
    expect(page.get_by_role("button", name="Upload a script")).to_be_visible()
    page.evaluate(DROP, ["drop.py", OTHER])
    expect(taken.get_by_label("Store yours as")).to_be_visible()
    (scripts / "drop.py").write_text(f"{SCRIPT}# by somebody else\n")
    taken.get_by_role("button", name="Replace it").click()
    expect(taken.get_by_role("alert")).to_contain_text("was changed after you looked at it")
    taken.get_by_role("button", name="Replace it").click()
    expect(page.get_by_role("combobox", name="Script")).to_have_value("drop.py")
    expect(page.get_by_label("Name", exact=True)).to_have_value("drop")
    assert (scripts / "drop.py").read_text() == OTHER
    page.goto("/activity")  # nothing was saved, and that is asked about before the page is left
    expect(page.get_by_text("Replaced script drop.py")).to_be_visible()
    # The browser notes each refusal by itself.
    assert [one for one in watched.complaints if "409 (Conflict)" not in one and "422 (" not in one] == []

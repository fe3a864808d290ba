"""What only a browser can tell of the components: lines out of chunks, conflicts, a lost connection."""

import os
import re
import signal
from datetime import UTC, datetime

from playwright.sync_api import expect

from services.ui.lines import Splitter, plain
from tests.e2e.browser.chromium import Watched
from tests.support.eventually import eventually
from tests.support.stack import Stack

# A text is fed in pieces of every size: the lines must not depend on where it was cut.
CUT_ANYWHERE = r"""async () => {
  const { LogLines, pieces } = await import("jp_log");
  const { plain } = await import("jp_format");
  const text = "plain\n\x1b[31mred\n still red\x1b[0m\r\n10%\r55%\r100% \u4e2d\n"
    + "\n<b>no markup</b>\x07\n" + "x".repeat(40) + "\nopen";
  const read = (size) => {
    const log = new LogLines();
    for (let at = 0, seq = 1; at < text.length; at += size, seq++) {
      log.add([{ seq, stream: "stdout", at: "2026-01-01T00:00:00Z", text: text.slice(at, at + size) }]);
    }
    return log.lines.map((line) => ({ text: plain(line.text), parts: pieces(line.text, line.style).pieces }));
  };
  const whole = JSON.stringify(read(text.length));
  const sizes = Array.from({ length: text.length - 1 }, (_, index) => index + 1);
  const different = sizes.filter((size) => JSON.stringify(read(size)) !== whole);
  const long = new LogLines();
  const chunk = { stream: "stdout", at: "2026-01-01T00:00:00Z", text: "y".repeat(9_000) };
  long.add([{ ...chunk, seq: 1 }, { ...chunk, seq: 2 }]);
  const open = long.at(1).text.length;
  long.add([{ ...chunk, seq: 3, text: "\n" }]);
  const { text: kept, length } = long.at(1);
  return { text, lines: read(text.length), different, long: [open, kept.length, length] };
}"""


def test_lines_do_not_depend_on_where_chunks_were_cut(watched: Watched, stack: Stack) -> None:
    run = stack.ended(stack.run_now(stack.create("for its page", "hello.py")))
    watched.page.goto(f"/runs/{run['id']}")

    found = watched.page.evaluate(CUT_ANYWHERE)

    assert found["different"] == []
    assert found["long"] == [18_000, 16_384, 18_000]  # of what has ended no more is kept than is drawn
    assert [line["text"] for line in found["lines"]] == [
        "plain", "red", " still red", "100% \u4e2d", "", "<b>no markup</b>\u2407", "x" * 40, "open",
    ]  # fmt: skip
    # The server numbers and searches lines: it must see the same ones.
    splitter = Splitter()
    lines = [*splitter.split(1, "stdout", datetime.now(UTC), found["text"]), *splitter.unended()]
    shown = [line["text"].replace("\u2407", "\x07") for line in found["lines"]]
    assert [plain(line.text) for line in lines] == shown
    assert [part["style"]["fg"] for line in found["lines"][1:3] for part in line["parts"]] == [1, 1]


def test_a_change_made_elsewhere_is_not_overwritten(watched: Watched, stack: Stack) -> None:
    job_id = stack.create("edited twice", "hello.py")
    page = watched.page
    page.goto(f"/jobs/{job_id}/edit")
    page.get_by_label("Description").fill("typed here")
    stack.ask("PATCH", f"/jobs/{job_id}", json={"version": 1, "description": "saved elsewhere"})

    page.get_by_role("button", name="Save changes").click()

    expect(page.get_by_role("alert")).to_contain_text("Somebody changed this job")
    expect(page.get_by_label("Description")).to_have_value("typed here")
    assert stack.ask("GET", f"/jobs/{job_id}")["description"] == "saved elsewhere"


def test_a_taken_name_and_a_bad_interval_are_told_at_their_fields(watched: Watched, stack: Stack) -> None:
    stack.create("called so already", "hello.py")
    page = watched.page
    page.goto("/jobs/new")
    page.get_by_label("Name").fill("called so already")
    page.get_by_role("combobox", name="Script").fill("hello.py")
    page.get_by_label("Every").fill("0")

    page.get_by_role("button", name="Create job").click()
    expect(page.get_by_label("Every")).to_be_focused()
    expect(page.get_by_label("Every")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Every").fill("5")
    expect(page.get_by_role("heading", name="Every 5 minutes")).to_be_visible()
    page.get_by_role("button", name="Create job").click()

    expect(page.get_by_label("Name")).to_be_focused()
    expect(page.get_by_label("Name")).to_have_accessible_description(
        re.compile("Another job is called 'called so already'")
    )


def test_a_page_says_that_the_portal_is_gone_and_heals_by_itself(watched: Watched, stack: Stack) -> None:
    page = watched.page
    page.goto("/jobs?q=meanwhile")
    expect(page.get_by_text(re.compile("^Live"))).to_be_visible()

    page.clock.install()  # stands still from here on: no try to connect again before it was looked at
    os.kill(stack.pid("ui"), signal.SIGKILL)
    expect(page.get_by_role("alert")).to_contain_text("The connection to the portal is lost")
    page.clock.resume()
    eventually(stack.is_ready, within_s=90, what="the ui is back")
    stack.create("made meanwhile", "hello.py")

    expect(page.get_by_role("link", name="made meanwhile")).to_be_visible()
    expect(page).to_have_url(re.compile("q=meanwhile"))

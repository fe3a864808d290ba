"""Walk as a person who has never seen the portal: from its first page to the live run of a first job.

`python -m tests.e2e.browser.first_run --url http://127.0.0.1:8080 --out DIR`, on a portal without jobs that
may write to its scripts directory. It keeps a picture of every step, in order, and says how long it took.
"""

import argparse
import re
import time
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.e2e.browser.chromium import chromium
from tests.e2e.browser.screenshots import SIZES
from tests.support.identity import cookie, session_of

SCRIPT = """import time

for number in range(1, 11):
    print(f"counted to {number}", flush=True)
    time.sleep(0.2)
"""
# Seconds of a practised person (Card, Moran and Newell, 1983): to make up one's mind, to point and press,
# to strike a key.
MIND_S, POINT_S, KEY_S = 1.35, 1.3, 0.28


@dataclass
class Walk:
    """The way of one person: what they did, and what they saw of it."""

    page: Page
    out: Path
    clicks: int = 0
    keys: int = 0
    seen: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def click(self, what: Locator) -> None:
        what.click()
        self.clicks += 1

    def write(self, text: str) -> None:
        """Type into whatever has the focus."""
        self.page.keyboard.type(text)
        self.keys += len(text)

    def see(self, step: str) -> None:
        """Keep a picture of what there is to see."""
        self.seen.append(step)
        self.page.screenshot(path=self.out / f"{len(self.seen):02}-{step}.png")

    def said(self) -> str:
        machine_s = time.monotonic() - self.began
        person_s = self.clicks * (MIND_S + POINT_S) + self.keys * KEY_S
        return (
            f"{len(self.seen)} steps, {self.clicks} clicks, {self.keys} keys, {machine_s:.1f} s; "
            f"by hand some {machine_s + person_s:.0f} s"
        )


def first_job(page: Page, script: Path, out: Path) -> Walk:
    """Upload a script, make a job of it, watch it run; every step is looked for before the next one."""
    walk = Walk(page, out)
    page.goto("/")
    expect(page.get_by_role("heading", name="Make your first job")).to_be_visible()
    upload = page.get_by_role("button", name="Upload a script")
    expect(upload).to_be_visible()
    walk.see("welcome")

    with page.expect_file_chooser() as chooser:
        walk.click(upload)
    chooser.value.set_files(script)
    expect(page.get_by_role("combobox", name="Script")).to_have_value(script.name)
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    walk.see("script-uploaded")

    page.keyboard.press("Control+A")
    walk.write("My first job")
    walk.click(page.get_by_role("radio", name="Daily"))
    expect(page.get_by_role("complementary", name="Preview")).to_contain_text("Every day at 09:00")
    walk.see("three-fields")

    walk.click(page.get_by_role("button", name="Create and run now"))
    log = page.get_by_role("region", name="Output")
    expect(log).to_contain_text("counted to 1")
    expect(page).to_have_url(re.compile("/runs/"))
    walk.see("live-run")
    expect(page.locator(".jp-head").get_by_text("Succeeded")).to_be_visible()
    expect(log).to_contain_text("counted to 10")
    walk.see("succeeded")
    return walk


def main() -> None:
    """Read the arguments, walk, say how long it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--home", type=Path, required=True, help="that of the portal")
    parser.add_argument("--size", choices=SIZES, default="1440")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    script = given.out / "count_to_ten.py"
    script.write_text(SCRIPT)
    with chromium() as browser:
        context = browser.new_context(viewport=SIZES[given.size], base_url=given.url, reduced_motion="reduce")
        context.add_cookies([cookie(session_of(given.url, given.home), given.url)])
        walk = first_job(context.new_page(), script, given.out)
    print(f"{walk.said()}. The pictures are in {given.out}.")  # noqa: T201 - a command's answer


if __name__ == "__main__":
    main()

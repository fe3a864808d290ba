"""Take every page, light and dark, wide and narrow, in English and in Chinese, to look at and judge.

`./portal screenshots DIR` starts a portal of its own, fills it and takes them all; with `--url`, of one
that runs.
"""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import httpx
from playwright.sync_api import Browser, Page, ViewportSize

from tests.e2e.browser.chromium import chromium
from tests.e2e.browser.filled import fill
from tests.support.identity import Seen, bearer, new_session, session_of
from tests.support.stack import ROOT, running_stack

SIZES: dict[str, ViewportSize] = {
    "1440": {"width": 1440, "height": 900},
    "390": {"width": 390, "height": 844},
}
LANGUAGES = {"en": "en-GB", "zh": "zh-HK"}
SETTLED = """() => document.fonts.ready.then(() =>
  ![...document.querySelectorAll('[aria-busy]')].some((each) => each.getAttribute('aria-busy') === 'true'))"""


def main() -> None:
    """Read the arguments, take the pictures, say where they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, metavar="DIR", help="where to put the pictures")
    parser.add_argument("--url", help="of a portal that runs; without it one is started, and ended")
    parser.add_argument("--home", type=Path, default=ROOT / ".portal", help="that of the portal at --url")
    parser.add_argument("--only", default="", help="take only pages whose name holds this")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    with running(given.url, given.home) as seen, chromium() as browser:
        for name, path in pages_of(seen).items():
            if given.only in name:
                take(browser, seen, path, given.out / name)
    print(f"The pictures are in {given.out}.")  # noqa: T201 - a command's answer


@contextmanager
def running(url: str | None, home: Path) -> Iterator[Seen]:
    """Yield the portal of which the pictures are; one of their own is ended afterwards."""
    if url:
        yield Seen(url, bearer(home), session_of(url, home))
        return
    with TemporaryDirectory(prefix="portal-pictures-") as folder, running_stack(Path(folder)) as stack:
        seen = Seen(stack.url, bearer(stack.home), new_session(stack.home, name="Ann Lee"))
        fill(seen)  # never another one: it may be somebody's own
        yield seen


def pages_of(seen: Seen) -> dict[str, str]:
    """Return every page's name and path; a job and runs that exist stand for theirs."""
    pages = {
        "overview": "/",
        "jobs": "/jobs",
        "jobs-none": "/jobs?q=there-is-no-such-job",
        "job-new": "/jobs/new",
        "runs": "/runs",
        "week": "/week",
        "calendars": "/calendars",
        "scripts": "/scripts",
        "secrets": "/secrets",
        "alerts": "/alerts",
        "executors": "/executors",
        "parked": "/parked",
        "activity": "/activity",
        "settings": "/settings",
        "account": "/account",
        "users": "/users",
        "missing": "/no/such/page",
    }
    with httpx.Client(base_url=f"{seen.url}/api/v1", headers=seen.known) as api:
        for job in api.get("/jobs", params={"limit": 1}).json()["items"]:
            path = f"/jobs/{job['id']}"
            pages |= {"job": path, "job-edit": f"{path}/edit", "script": f"/scripts?name={job['script']}"}
            pages |= {f"job-{tab}": f"{path}?tab={tab}" for tab in ("insights", "versions", "alerts")}
        for one in api.get("/executors").json()["items"][:1]:
            pages["executor"] = f"/executors/{one['name']}"
        for state in ("succeeded", "failed", "running", "skipped"):
            for run in api.get("/runs", params={"state": state, "limit": 1}).json()["items"]:
                pages[f"run-{state}"] = f"/runs/{run['id']}"
    # What runs has ended long before all the others are taken.
    return {name: pages[name] for name in sorted(pages, key=lambda name: name != "run-running")}


def take(browser: Browser, seen: Seen, path: str, stem: Path) -> None:
    """Take one page in both languages, both themes and both sizes."""
    for language, (theme, size) in product(LANGUAGES, product(("light", "dark"), SIZES)):
        with opened(browser, seen, path, theme=theme, size=size, language=language) as page:
            page.screenshot(path=stem.with_name(f"{stem.name}-{language}-{theme}-{size}.png"))


@contextmanager
def opened(
    browser: Browser, seen: Seen, path: str, *, theme: str, size: str, language: str = "en"
) -> Iterator[Page]:
    """Open a page in a fresh profile of somebody who is let in; yield it when it shows what it is about."""
    scheme: Literal["dark", "light"] = "dark" if theme == "dark" else "light"
    context = browser.new_context(
        viewport=SIZES[size], color_scheme=scheme, reduced_motion="reduce", locale=LANGUAGES[language]
    )
    try:
        context.add_cookies([seen.cookie])
        page = context.new_page()
        show(page, seen.url + path)
        yield page
    finally:
        context.close()


def show(page: Page, url: str) -> None:
    """Go there and return when the page shows what it is about."""
    page.goto(url)
    page.wait_for_selector("h1")
    page.wait_for_load_state("networkidle")  # a component that is not drawn yet is not busy either
    page.wait_for_function(SETTLED)


if __name__ == "__main__":
    main()

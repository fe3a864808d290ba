"""Take every page of a running portal, light and dark, wide and narrow, to look at and judge.

`python -m tests.e2e.browser.screenshots --url http://127.0.0.1:8080 --out DIR`
"""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import httpx
from playwright.sync_api import Browser, Page, ViewportSize

from tests.e2e.browser.chromium import chromium

SIZES: dict[str, ViewportSize] = {
    "1440": {"width": 1440, "height": 900},
    "390": {"width": 390, "height": 844},
}
SETTLED = """() => document.fonts.ready.then(() =>
  ![...document.querySelectorAll('[aria-busy]')].some((each) => each.getAttribute('aria-busy') === 'true'))"""


def main() -> None:
    """Read the arguments, take the pictures, say where they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", default="", help="take only pages whose name holds this")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        for name, path in pages_of(given.url).items():
            if given.only in name:
                take(browser, given.url + path, given.out / name)
    print(f"The pictures are in {given.out}.")  # noqa: T201 - a command's answer


def pages_of(url: str) -> dict[str, str]:
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
        "executors": "/executors",
        "parked": "/parked",
        "activity": "/activity",
        "missing": "/no/such/page",
    }
    with httpx.Client(base_url=f"{url}/api/v1") as api:
        for job in api.get("/jobs", params={"limit": 1}).json()["items"]:
            path = f"/jobs/{job['id']}"
            pages |= {"job": path, "job-edit": f"{path}/edit", "job-versions": f"{path}?tab=versions"}
        for state in ("succeeded", "failed", "running", "skipped"):
            for run in api.get("/runs", params={"state": state, "limit": 1}).json()["items"]:
                pages[f"run-{state}"] = f"/runs/{run['id']}"
    return pages


def take(browser: Browser, url: str, stem: Path) -> None:
    """Take one page in both themes and both sizes."""
    for theme in ("light", "dark"):
        for size in SIZES:
            with opened(browser, url, theme=theme, size=size) as page:
                page.screenshot(path=stem.with_name(f"{stem.name}-{theme}-{size}.png"))


@contextmanager
def opened(browser: Browser, url: str, *, theme: str, size: str) -> Iterator[Page]:
    """Open a page in a fresh profile and yield it when it shows what it is about."""
    scheme: Literal["dark", "light"] = "dark" if theme == "dark" else "light"
    context = browser.new_context(viewport=SIZES[size], color_scheme=scheme, reduced_motion="reduce")
    try:
        page = context.new_page()
        page.goto(url)
        page.wait_for_selector("h1")
        page.wait_for_load_state("networkidle")  # a component that is not drawn yet is not busy either
        page.wait_for_function(SETTLED)
        yield page
    finally:
        context.close()


if __name__ == "__main__":
    main()

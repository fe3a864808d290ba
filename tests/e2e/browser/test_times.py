"""One instant, read in several places, around a night in which clocks change."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.browser.chromium import Watched
from tests.support.eventually import eventually
from tests.support.stack import Stack

# London leaves summer time on 25 October 2026 at 01:00 UTC; Hong Kong never changes its clocks.
INSTANTS = {
    "2026-10-25T00:30:00Z": {
        "Asia/Hong_Kong": "Sun 25 Oct( 2026)? 08:30",
        "Europe/London": "Sun 25 Oct( 2026)? 01:30",
        "UTC": "Sun 25 Oct( 2026)? 00:30",
    },
    "2026-10-26T01:30:00Z": {
        "Asia/Hong_Kong": "Mon 26 Oct( 2026)? 09:30",
        "Europe/London": "Mon 26 Oct( 2026)? 01:30",
        "UTC": "Mon 26 Oct( 2026)? 01:30",
    },
}


@pytest.fixture(scope="module")
def autumn(stack: Stack) -> dict[str, str]:
    """Runs of a job that is due at half past one in London, by their instants; both clocks show 01:30."""
    daily = {"schedule": {"kind": "daily", "at": "01:30"}, "zone": "Europe/London"}
    job = {"name": "around a change of clocks", "script": "hello.py", "schedules": [daily]}
    job_id = stack.ask("POST", "/jobs", json=job)["id"]
    first, *_, last = INSTANTS
    window = {"after": first.replace("30:00", "29:59"), "until": last}
    stack.ask("POST", f"/jobs/{job_id}/backfill", json=window)

    def runs() -> dict[str, str]:
        items = stack.ask("GET", f"/runs?job={job_id}&state=succeeded")["items"]
        return {run["nominal_at"]: run["id"] for run in items}

    eventually(lambda: len(runs()) == len(INSTANTS), within_s=60, what="both nights were made up for")
    return runs()


@pytest.mark.parametrize("zone", ["Asia/Hong_Kong", "Europe/London", "UTC"])
def test_a_run_shows_its_instant_as_the_reader_s_clocks_showed_it(
    watched: Watched, stack: Stack, autumn: dict[str, str], zone: str
) -> None:
    page = watched.page
    page.request.put("/api/v1/me", data={"zone": zone})

    for instant, run in autumn.items():
        page.goto(f"/runs/{run}")
        shown = page.locator(f"#jp-main dd time[datetime='{instant}']")

        expect(shown).to_have_text(re.compile(rf"^{INSTANTS[instant][zone]}"))
        expect(shown).to_have_attribute("title", instant.replace("T", " ").replace("Z", ".000 UTC"))
    assert watched.complaints == []

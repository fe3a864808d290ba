"""What did not run at its time and is asked for later: from the preview to the scripts that ran."""

from typing import Any

from tests.support.eventually import eventually
from tests.support.stack import Stack

HOURLY = {"kind": "interval", "every_s": 3_600, "anchor": "2026-01-01T00:00:00Z"}
RANGE = {"after": "2026-01-10T07:59:59Z", "until": "2026-01-10T10:00:00Z"}
INSTANTS = ["2026-01-10T08:00:00Z", "2026-01-10T09:00:00Z", "2026-01-10T10:00:00Z"]


def previewed(stack: Stack, job_id: str) -> Any:
    return stack.ask("GET", f"/jobs/{job_id}/backfill", params=RANGE)


def succeeded(stack: Stack, job_id: str) -> list[dict[str, Any]]:
    """Return the job's succeeded runs, the first one first."""
    items: list[dict[str, Any]] = stack.ask("GET", f"/runs?job={job_id}&state=succeeded")["items"]
    return sorted(items, key=lambda run: run["number"])


def test_a_range_that_is_backfilled_runs_to_its_end_once_and_in_order(stack: Stack) -> None:
    job_id = stack.ask("POST", "/jobs", json={"name": "made up", "script": "hello.py", "schedule": HOURLY})[
        "id"
    ]
    before = previewed(stack, job_id)
    assert (before["count"], before["runs"]) == (3, 3)

    for _ in range(2):  # who asks twice gets each instant once
        stack.ask("POST", f"/jobs/{job_id}/backfill", json=RANGE)
    eventually(
        lambda: len(succeeded(stack, job_id)) >= len(INSTANTS), within_s=60, what="the range has succeeded"
    )

    runs = succeeded(stack, job_id)
    assert [(run["nominal_at"], run["cause"]) for run in runs] == [(at, "backfill") for at in INSTANTS]
    starts = [run["started_at"] for run in runs]
    assert starts == sorted(starts)
    after = previewed(stack, job_id)
    assert [(item["happened"], item["runs"]) for item in after["items"]] == [("succeeded", False)] * 3
    assert stack.ask("GET", f"/jobs/{job_id}/why", params={"at": INSTANTS[0]})["verdict"] == "ran"


def test_all_that_passed_in_a_pause_runs_when_that_is_chosen(stack: Stack) -> None:
    job_id = stack.create("paused and made up", "hello.py", every_s=1, overlap="allow")
    stack.ask("POST", f"/jobs/{job_id}/pause")
    eventually(
        lambda: stack.ask("GET", f"/jobs/{job_id}/resume")["count"] >= 2,
        within_s=30,
        what="two instants passed in the pause",
    )
    first = stack.ask("GET", f"/jobs/{job_id}/resume")["first"]

    stack.ask("POST", f"/jobs/{job_id}/resume", json={"catch_up": "all"})

    def made_up() -> list[str]:
        return [run["nominal_at"] for run in succeeded(stack, job_id) if run["cause"] == "backfill"]

    eventually(lambda: len(made_up()) >= 2, within_s=60, what="what passed in the pause has run")
    stack.ask("DELETE", f"/jobs/{job_id}")
    assert made_up()[0] == first

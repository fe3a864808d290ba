"""Fills a portal with what its pages are there to show, over its own API; what is there already stays."""

from typing import Any

import httpx

from tests.support.eventually import eventually
from tests.support.identity import Seen

_DAY_OFF = {"on": "2026-12-25", "label": "Christmas Day"}
_JOBS: tuple[dict[str, Any], ...] = (
    {"name": "Nightly ledger export", "script": "hello.py", "tags": ["billing", "nightly"],
     "description": "Sends yesterday's bookings to the bank.",
     "schedule": {"kind": "daily", "at": "02:30"}},
    {"name": "Reconcile payments", "script": "fails.py", "tags": ["billing"],
     "schedule": {"kind": "weekly", "days": ["mon", "wed", "fri"], "at": "09:00"}},
    {"name": "Refresh exchange rates", "script": "hello.py",
     "schedule": {"kind": "interval", "every_s": 30}},
    {"name": "Monthly statement", "script": "chatty.py",
     "schedule": {"kind": "monthly", "day": 1, "at": "06:00"},
     "policy": {"retries": 2, "retry_delay_s": 600}, "timeout_s": 1800},
    {"name": "Long import", "script": "slow.py", "args": ["120"],
     "schedule": {"kind": "hourly", "minute": 15}},
    {"name": "Quarter-hourly probe", "script": "hello.py",
     "schedules": [{"schedule": {"kind": "cron", "expr": "*/15 8-18 * * MON-FRI"}, "zone": "Europe/London"}]},
    {"name": "Heavy report", "script": "hello.py", "pool": "heavy", "schedule": {"kind": "manual"}},
    {"name": "Clean up exports", "script": "shell.sh", "schedule": {"kind": "daily", "at": "23:45"}},
)  # fmt: skip


def fill(seen: Seen) -> None:
    """Make jobs of every kind, let some of them run, and leave one paused, one waiting and one failed.

    Raises httpx.HTTPStatusError where the portal refuses what this knows: then this is out of date.
    """
    with httpx.Client(base_url=f"{seen.url}/api/v1", timeout=30, headers=seen.known) as api:
        if any(job["name"] == _JOBS[0]["name"] for job in api.get("/jobs").json()["items"]):
            return
        ids = {str(job["name"]): _sent(api, "POST", "/jobs", job)["id"] for job in _JOBS}
        _sent(
            api, "PUT", "/secrets/BANK_TOKEN", {"value": "only a picture", "description": "For the export."}
        )
        hook = {"name": "Operations chat", "kind": "webhook", "address": "http://127.0.0.1:9/told/nobody"}
        night = {"begins": "22:00", "ends": "07:00", "zone": "Asia/Hong_Kong"}
        channel = _sent(api, "POST", "/alerts/channels", {**hook, "quiet": night})["channel"]["id"]
        for rule in (
            {"kind": "failed", "remind_s": 14_400},
            {"kind": "no-success", "scope": "job", "job_id": ids["Nightly ledger export"], "after_s": 93_600},
            {"kind": "slow", "scope": "folder", "folder": "finance/daily", "is_on": False},
            {"kind": "executor-offline", "after_s": 300, "tells_end": False},
        ):
            _sent(api, "POST", "/alerts/rules", {**rule, "channels": [channel]})
        _sent(api, "POST", f"/alerts/channels/{channel}/test", None)
        days = {"kind": "dates", "zone": "Asia/Hong_Kong", "dates": [_DAY_OFF]}
        _sent(api, "POST", "/calendars", {"name": "Office closed", **days})
        runs = [
            _sent(api, "POST", f"/jobs/{ids[name]}/run", None)["run_id"]
            for name in ("Nightly ledger export", "Reconcile payments", "Clean up exports")
            for _ in range(3)
        ]
        for name in ("Long import", "Heavy report"):
            _sent(api, "POST", f"/jobs/{ids[name]}/run", None)
        _sent(api, "POST", f"/jobs/{ids['Monthly statement']}/pause", None)

        def is_over() -> bool:
            states = {api.get(f"/runs/{run}").json().get("state") for run in runs}
            return not states & {None, "held", "queued", "running"}

        eventually(is_over, within_s=60, what="the runs of the pictures ended")


def _sent(api: httpx.Client, method: str, path: str, body: dict[str, Any] | None) -> Any:
    answer = api.request(method, path, json=body)
    answer.raise_for_status()
    return answer.json() if answer.content else None

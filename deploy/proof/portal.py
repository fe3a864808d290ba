"""Speaks to the portal for `prove.sh`, from inside the ui's container, where nothing else is needed."""

import json
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

_API = "http://127.0.0.1:8080/api/v1"
_OPEN = "held,queued,running"
_KEY = Path("/data/local.key")
"""What the ui made for whoever is inside its container."""


def ask(method: str, path: str, body: object = None) -> dict[str, Any]:
    """Call the REST API and return its answer; waits for a portal that is just starting."""
    request = urllib.request.Request(
        f"{_API}{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers=_headers(),
    )
    end = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                found: dict[str, Any] = json.loads(answer.read() or b"{}")
                return found
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{method} {path}: {error.code} {error.read().decode()}") from error
        except (urllib.error.URLError, ConnectionError) as error:
            if not _is_refused(error) or time.monotonic() > end:
                raise SystemExit(f"{method} {path}: {error}") from error
            time.sleep(0.5)


def _headers() -> dict[str, str]:
    return {"content-type": "application/json", "authorization": f"Bearer {_KEY.read_text().strip()}"}


def _is_refused(error: Exception) -> bool:
    """Say whether nothing was sent, so that asking again asks once."""
    return isinstance(getattr(error, "reason", error), ConnectionRefusedError)


def until(what: str, holds: Callable[[], Any], *, within_s: float = 120) -> Any:
    """Return the first truthy value of `holds`, asked five times a second."""
    end = time.monotonic() + within_s
    while not (found := holds()):
        if time.monotonic() > end:
            raise SystemExit(f"not within {within_s:g} s: {what}")
        time.sleep(0.2)
    return found


def all_runs(**which: str) -> list[dict[str, Any]]:
    """Return every run that matches, through all pages."""
    runs: list[dict[str, Any]] = []
    after = ""
    while True:
        query = "&".join(f"{key}={value}" for key, value in {**which, "limit": "200"}.items())
        page = ask("GET", f"/runs?{query}" + (f"&after={after}" if after else ""))
        runs += page["items"]
        after = page.get("next") or ""
        if not after:
            return runs


def create(name: str, script: str, every_s: str, on_lost: str = "fail", *args: str) -> None:
    """Make a job that runs every so many seconds (0: by hand); print its id."""
    schedule = {"kind": "interval", "every_s": int(every_s)} if int(every_s) else {"kind": "manual"}
    body = {"name": name, "script": script, "schedule": schedule, "args": list(args)}
    print(ask("POST", "/jobs", body | {"on_lost": on_lost, "overlap": "allow"})["id"])


def run(job: str) -> None:
    """Run a job now, wait for its end, print its log; exit code 1 unless it succeeded."""
    run_id = ask("POST", f"/jobs/{job}/run")["run_id"]
    until("the run is in the ledger", lambda: any(r["id"] == run_id for r in all_runs(job=job)))
    state = until("the run ends", lambda: (s := ask("GET", f"/runs/{run_id}")["state"]) not in _OPEN and s)

    def log() -> str:
        request = urllib.request.Request(f"{_API}/runs/{run_id}/log.txt", headers=_headers())
        with urllib.request.urlopen(request, timeout=20) as text:
            return str(text.read().decode())

    lines = until("its log is stored", log, within_s=20).strip().splitlines()
    print(f"    {state}: {' / '.join(lines)}")
    raise SystemExit(state != "succeeded")


def succeeds(job: str, more: str = "1") -> None:
    """Wait until that many more runs of the job have succeeded."""
    before = {r["id"] for r in all_runs(job=job, state="succeeded")}
    until(
        f"{more} more runs of {job} succeed",
        lambda: len({r["id"] for r in all_runs(job=job, state="succeeded")} - before) >= int(more),
    )


def online(count: str) -> None:
    """Wait until exactly so many executors are online; print their names."""

    def names() -> list[str]:
        return sorted(e["name"] for e in ask("GET", "/executors")["items"] if e["online"])

    until(f"{count} executors are online", lambda: len(names()) == int(count))
    print("    online: " + " ".join(names()))


def busy(host: str) -> None:
    """Wait until the executor in this container runs something; print its name."""

    def name() -> str:
        items = ask("GET", "/executors")["items"]
        return next((e["name"] for e in items if e["host"] == host and e["online"] and e["running"]), "")

    print(until("it runs something", name))


def pause() -> None:
    """Pause every job and wait until no run is open."""
    for job in ask("GET", "/jobs?limit=200")["items"]:
        if job["paused_at"] is None:
            ask("POST", f"/jobs/{job['id']}/pause")
    until("no run is open", lambda: not all_runs(state=_OPEN))


def account(killed: str, killed_at: str, down_at: str, up_at: str) -> None:
    """Compare the ledger with the witness on stdin; print the counts; exit code 1 if a promise is broken.

    `killed` is the executor that was killed, with the instant (ISO 8601); between the last two instants
    everything was down.
    """
    starts = Counter(tuple(line.split()) for line in sys.stdin if line.strip())
    runs = all_runs(cause="schedule")
    jobs = {job["id"]: job for job in ask("GET", "/jobs?limit=200")["items"] if "every_s" in job["schedule"]}
    excuses = Excuses(killed, _instant(killed_at), _instant(down_at), _instant(up_at))
    faults = [fault for job in jobs.values() for fault in _gaps(job, runs)]
    faults += [
        f"attempt {number} of run {run} started {n} times" for (run, number), n in starts.items() if n > 1
    ]
    faults += [fault for r in runs if (fault := excuses.fault(r, jobs[r["job_id"]]["on_lost"], starts))]
    faults += [
        f"run {run} started and is not in the ledger"
        for run, _ in starts
        if run not in {r["id"] for r in runs}
    ]
    states: Counter[str] = Counter()
    for r in runs:
        states[r["state"]] += r["instants"]
    retried = sum(r["attempt"] > 1 and r["state"] == "succeeded" for r in runs)
    if not retried + states["lost"]:
        faults.append("the kill hit no run: it proved nothing")
    print(f"  promised   {states.total()} instants of {len(jobs)} jobs in {len(runs)} rows")
    print(f"  succeeded  {states.pop('succeeded', 0)}, of these {retried} by a further attempt")
    print(f"  lost       {states.pop('lost', 0)}, on the killed {killed}")
    for state, count in sorted(states.items()):
        print(f"  {state:<10} {count}")
    doubled = sum(n > 1 for n in starts.values())
    print(f"  doubled    {doubled} of {starts.total()} starts that the scripts themselves witnessed")
    print("\n".join(f"  BROKEN     {fault}" for fault in faults) or "  every promise was kept")
    raise SystemExit(bool(faults))


class Excuses(NamedTuple):
    """What was done to the portal: nothing else excuses a run that did not succeed."""

    killed: str
    killed_at: datetime
    down_at: datetime
    up_at: datetime

    def fault(self, r: dict[str, Any], on_lost: str, starts: Counter[tuple[str, ...]]) -> str | None:
        """Say which promise this run breaks."""
        state, due = r["state"], _instant(r["due_at"])
        if r["attempt"] > 1 and on_lost == "fail":
            return f"run {r['id']} was tried {r['attempt']} times though its job says once"
        match state:
            case "succeeded":
                is_kept = starts[r["id"], str(r["attempt"])] == 1
            case "lost":
                was_on = r["executor"] == self.killed and due <= self.killed_at <= _instant(r["finished_at"])
                is_kept = on_lost == "fail" and was_on
            case "missed":
                is_kept = self.down_at <= due <= self.up_at
            case _:
                is_kept = state == "cancelled" and r["reason"] == "paused"
        return (
            None if is_kept else f"run {r['id']} is {state} ({r['reason']}) on {r['executor']}, due at {due}"
        )


def _gaps(job: dict[str, Any], runs: list[dict[str, Any]]) -> list[str]:
    """Say whether the job's instants, from first to last, stand in the ledger once each, up to the end."""
    every = timedelta(seconds=job["schedule"]["every_s"])
    mine = [(_instant(r["nominal_at"]), r["instants"]) for r in runs if r["job_id"] == job["id"]]
    instants = sorted(first + every * n for first, count in mine for n in range(count))
    expected = [instants[0] + every * n for n in range(len(instants))]
    faults = [] if instants == expected else [f"{job['name']}: an instant is missing or stands there twice"]
    newest = max(_instant(r["nominal_at"]) for r in runs)
    if newest - instants[-1] > timedelta(seconds=15):  # they are paused one after the other
        faults.append(f"{job['name']}: nothing was promised after {instants[-1]}")
    return faults


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


if __name__ == "__main__":
    command = {f.__name__: f for f in (create, run, succeeds, online, busy, pause, account)}[sys.argv[1]]
    command(*sys.argv[2:])

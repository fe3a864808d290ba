"""What Lighthouse says of every page: accessibility, best practices and how much it moves while it loads.

    python -m benchmarks.lighthouse [--url URL] [--only NAME]

Needs node 18 and npx, which fetches Lighthouse from npm. Without `--url` a portal is started and filled.
Not to be run with a real-time priority: Chromium's zygote spins until a process that it has starved goes on.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.e2e.browser.chromium import ARGS, EXECUTABLE
from tests.e2e.browser.screenshots import pages_of, running
from tests.support.identity import Seen
from tests.support.stack import ROOT

LIGHTHOUSE = "lighthouse@12.8.2"
CATEGORIES = ("accessibility", "best-practices")
MOST_SHIFT = 0.02
"""Cumulative layout shift, as https://web.dev/articles/cls defines it; 0.1 is called good there."""
_MISSING = "missing"
"""Its answer is a 404, which Lighthouse counts as an error of the page."""


def main() -> None:
    """Judge every page; exit with 1 if one falls short."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="of a portal that runs; without it one is started, and ended")
    parser.add_argument("--home", type=Path, default=ROOT / ".portal", help="that of the portal at --url")
    parser.add_argument("--only", default="", help="judge only pages whose name holds this")
    given = parser.parse_args()
    with running(given.url, given.home) as seen:
        pages = {name: path for name, path in pages_of(seen).items() if given.only in name}
        results = [_is_well(name, seen, path) for name, path in pages.items() if name != _MISSING]
    sys.exit(not all(results))


def _is_well(name: str, seen: Seen, path: str) -> bool:
    report = _report(seen, path)
    if "runtimeError" in report:
        print(f"{name}: NOT JUDGED, {report['runtimeError']['message']}", flush=True)
        return False
    scores = {one: round(100 * report["categories"][one]["score"]) for one in CATEGORIES}
    shift = report["audits"]["cumulative-layout-shift"]["numericValue"]
    faults = [
        f"{audit['id']}: {audit['title']}"
        for one in CATEGORIES
        for audit in (report["audits"][ref["id"]] for ref in report["categories"][one]["auditRefs"])
        if audit["score"] is not None and audit["score"] < 1 and audit["scoreDisplayMode"] != "informative"
    ]
    if shift > MOST_SHIFT:
        faults += [f"moved by {one['score']:.4f}: {_moved(one)}" for one in _shifts(report)]
    is_well = shift <= MOST_SHIFT and all(score == 100 for score in scores.values())  # noqa: PLR2004 - all of it
    said = ", ".join(f"{one} {score}" for one, score in scores.items())
    print(
        f"{name}: {said}, shift {shift:.4f}: {'ok' if is_well else 'TOO MUCH'}",
        *faults,
        sep="\n  ",
        flush=True,
    )
    return is_well


def _shifts(report: dict[str, Any]) -> list[dict[str, Any]]:
    details = report["audits"]["layout-shifts"].get("details", {})
    return list(details.get("items", []))


def _moved(shift: dict[str, Any]) -> str:
    return " ".join(str(shift.get("node", {}).get("snippet", "?")).split())[:120]


def _report(seen: Seen, path: str) -> dict[str, Any]:
    with TemporaryDirectory(prefix="lighthouse-") as profile:
        out = Path(profile, "report.json")
        flags = " ".join((*ARGS, f"--user-data-dir={profile}/chromium"))
        command = (
            *("npx", "--yes", LIGHTHOUSE, seen.url + path, "--preset=desktop", "--quiet"),
            f"--only-categories={','.join((*CATEGORIES, 'performance'))}",
            f"--extra-headers={json.dumps({'Cookie': '{name}={value}'.format(**seen.cookie)})}",
            *("--output=json", f"--output-path={out}", f"--chrome-flags={flags}"),
        )
        # A page that cannot be judged ends it with 1, and says so in its report.
        subprocess.run(command, env={**os.environ, "CHROME_PATH": EXECUTABLE}, check=False)
        report: dict[str, Any] = json.loads(out.read_text())
    return report


if __name__ == "__main__":
    main()

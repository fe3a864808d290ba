"""The rules of zones come from the pinned package, and the engine reads them as `zoneinfo` does."""

import re
import subprocess
import sys
import zoneinfo
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest

from shared.domain.schedules import from_json, timetable
from tests.oracle.wall import zones

ROOT = next(folder for folder in Path(__file__).parents if (folder / "pyproject.toml").is_file())
LOOKS_PER_ZONE = 10
"""Instants of 1970 to 2199 in each of six hundred zones."""


@pytest.mark.parametrize("zone", zones())
def test_the_engine_reads_an_offset_as_zoneinfo_does(zone: str) -> None:
    random, first = Random(zone), datetime(1970, 1, 3, tzinfo=UTC)
    span_s = (datetime(2199, 12, 30, tzinfo=UTC) - first).total_seconds()

    for _ in range(LOOKS_PER_ZONE):
        instant = first + timedelta(seconds=random.randrange(int(span_s)))
        wall = instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)
        once = timetable(from_json({"kind": "once", "at": wall.isoformat()}), zone)

        fire = once.next_after(instant - timedelta(days=2))

        assert fire == wall.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("Dockerfile", r"^ENV PATH=.*\\\n.*\bPYTHONTZPATH= \\$"),
        ("portal", r"^PYTHONTZPATH='' PYTHONPATH=.* exec "),
    ],
)
def test_what_starts_our_processes_names_the_pinned_rules(file: str, line: str) -> None:
    assert re.search(line, (ROOT / file).read_text("utf-8"), re.MULTILINE)


def test_an_empty_path_leaves_the_package_alone_to_answer() -> None:
    asked = "import zoneinfo, tzdata; print(zoneinfo.TZPATH, zoneinfo.ZoneInfo('America/Vancouver'))"

    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)

    assert told.stdout.split() == ["()", "America/Vancouver"]
    assert zoneinfo.TZPATH == ()

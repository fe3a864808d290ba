"""The facts of public cron test suites, a table of fires at clock changes, and expressions people wrote."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared.domain.errors import ScheduleError
from shared.domain.schedules import Timetable, check_possible, from_json, parse_cron, timetable

FACTS = next(folder / "facts" for folder in Path(__file__).parents if folder.name == "tests")
VECTORS = [
    vector
    for line in (FACTS / "cron_vectors.jsonl").read_text("utf-8").splitlines()
    if (vector := json.loads(line))["class"] in {"core", "ext"}
]
DST_ROWS = json.loads((FACTS / "dst_table.json").read_text("utf-8"))
WRITTEN = [line for line in (FACTS / "real_expressions.txt").read_text("utf-8").splitlines() if line.strip()]


def vectors(*kinds: str) -> list[Any]:
    return [pytest.param(vector, id=vector["id"]) for vector in VECTORS if vector["kind"] in kinds]


def utc(texts: list[str]) -> list[datetime]:
    return [datetime.fromisoformat(text).astimezone(UTC) for text in texts]


def fires_after(table: Timetable, instant: datetime, number: int) -> list[datetime | None]:
    fires: list[datetime | None] = []
    while len(fires) < number and (fire := table.next_after(instant)) is not None:
        fires.append(fire)
        instant = fire
    return fires


@pytest.mark.parametrize("vector", vectors("next"))
def test_the_fires_are_those_of_the_fact(vector: dict[str, Any]) -> None:
    table = timetable(parse_cron(vector["expr"]), vector["tz"])
    [start] = utc([vector["start"]])

    assert fires_after(table, start, len(vector["expected"])) == utc(vector["expected"])


@pytest.mark.parametrize("vector", vectors("nomatch"))
def test_the_next_fire_is_not_the_one_of_the_fact(vector: dict[str, Any]) -> None:
    table = timetable(parse_cron(vector["expr"]), vector["tz"])
    [start] = utc([vector["start"]])

    assert fires_after(table, start, 1) != utc(vector["expected"])


@pytest.mark.parametrize("vector", vectors("none"))
def test_what_never_fires_ends_and_is_refused_to_a_person(vector: dict[str, Any]) -> None:
    schedule = parse_cron(vector["expr"])
    table = timetable(schedule, vector["tz"])
    [start] = utc([vector["start"]])

    assert table.next_after(start) is None
    assert table.last_until(start) is None
    with pytest.raises(ScheduleError, match="never"):
        check_possible(schedule, vector["tz"], now=start)


@pytest.mark.parametrize("vector", vectors("error"))
def test_what_is_not_cron_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(ScheduleError) as refused:
        parse_cron(vector["expr"])

    assert str(refused.value)


@pytest.mark.parametrize("row", DST_ROWS, ids=lambda row: f"{row['kind']} {row['tz']} {row['day']}")
def test_the_fires_of_a_date_at_which_the_clock_is_set(row: dict[str, Any]) -> None:
    if "expr" in row:
        schedule = parse_cron(row["expr"])
    else:
        schedule = from_json({"kind": "interval", "every_s": 21_600, "anchor": row["anchor_utc"]})
    day, zone = date.fromisoformat(row["day"]), ZoneInfo(row["tz"])
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)

    near = timetable(schedule, row["tz"]).between(noon - timedelta(days=2), noon + timedelta(days=2))

    assert [fire for fire in near if fire.astimezone(zone).date() == day] == utc(row["fires_utc"])


@pytest.mark.parametrize("expression", WRITTEN)
def test_what_people_wrote_is_worded_or_refused_with_a_reason(expression: str) -> None:
    try:
        sentence = parse_cron(expression).describe()
    except ScheduleError as refused:
        sentence = str(refused)

    assert len(sentence.split()) >= 2


def test_no_fact_was_lost() -> None:
    assert (len(VECTORS), len(DST_ROWS), len(WRITTEN)) == (562, 132, 634)

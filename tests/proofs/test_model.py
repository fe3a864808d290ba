"""The model is held to the facts before it may judge: nobody else would notice that it is wrong."""

import json
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.oracle import cron, differential, kinds
from tests.oracle.model import Elapsed, Model
from tests.oracle.wall import transitions

FACTS = next(folder / "facts" for folder in Path(__file__).parents if folder.name == "tests")
VECTORS = [
    vector
    for line in (FACTS / "cron_vectors.jsonl").read_text("utf-8").splitlines()
    if (vector := json.loads(line))["class"] in {"core", "ext"}
]
DST_ROWS = json.loads((FACTS / "dst_table.json").read_text("utf-8"))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_the_model_agrees_with_a_fact(vector: dict[str, Any]) -> None:
    if vector["kind"] == "error":
        with pytest.raises(cron.RefusedError):
            cron.read(vector["expr"])
        return
    model, instant = cron.read(vector["expr"]), datetime.fromisoformat(vector["start"]).astimezone(UTC)
    expected = [datetime.fromisoformat(text) for text in vector["expected"]]
    fires = []

    for _ in expected or [None]:
        fires.append(fire := kinds.next_after(model, vector["tz"], instant))
        instant = fire or instant

    assert (fires == (expected or [None])) == (vector["kind"] != "nomatch")


@pytest.mark.parametrize("row", DST_ROWS, ids=lambda row: f"{row['kind']} {row['tz']} {row['day']}")
def test_the_model_agrees_with_the_table_of_clock_changes(row: dict[str, Any]) -> None:
    model: Model | Elapsed
    if "expr" in row:
        model = cron.read(row["expr"])
    else:
        model = Elapsed(datetime.fromisoformat(row["anchor_utc"]), timedelta(hours=6))
    day, zone = date.fromisoformat(row["day"]), ZoneInfo(row["tz"])
    noon = datetime.combine(day, time(12), UTC)

    near = kinds.between(model, row["tz"], noon - timedelta(days=2), noon + timedelta(days=2))

    assert [fire.isoformat() for fire in near if fire.astimezone(zone).date() == day] == row["fires_utc"]


def test_walking_the_minutes_and_trying_the_dates_come_to_the_same() -> None:
    class ByDate:
        def __init__(self, form: dict[str, Any], zone: str) -> None:
            self.model, self.zone = kinds.model_of(form), zone

        def next_after(self, instant: datetime) -> datetime | None:
            return kinds.next_after(self.model, self.zone, instant)

        def last_until(self, instant: datetime) -> datetime | None:
            return kinds.last_until(self.model, self.zone, instant)

        def count_between(self, after: datetime, until: datetime) -> int:
            return len(self.between(after, until))

        def between(self, after: datetime, until: datetime) -> list[datetime]:
            return kinds.between(self.model, self.zone, after, until)

    assert list(differential.run(1, 300, ByDate)) == []


def test_an_engine_that_is_wrong_at_one_kind_of_transition_is_found() -> None:
    class Doubling:
        """Fires fixed times twice where the clock is set back, as many an engine does."""

        def __init__(self, form: dict[str, Any], zone: str) -> None:
            self.model, self.zone = kinds.model_of(form), zone
            if isinstance(self.model, Model):
                wall = self.model
                self.model = Model(wall.on_date, wall.hours, wall.minutes, wall.seconds, wildcard=True)

        def between(self, after: datetime, until: datetime) -> list[datetime]:
            return kinds.between(self.model, self.zone, after, until)

    found = 0
    for case, _ in differential.cases(1, 300):
        found += Doubling(case.form, case.zone).between(case.after, case.until) != case.expected

    assert found > 20


def test_the_clock_changes_of_a_zone_are_found_to_the_minute() -> None:
    found = transitions("Europe/London", 2025, 2025)

    assert found == [datetime(2025, 3, 30, 1, tzinfo=UTC), datetime(2025, 10, 26, 1, tzinfo=UTC)]


def test_the_same_seed_gives_the_same_cases() -> None:
    first, again = ([str(case) for case, _ in differential.cases(9, 40)] for _ in range(2))

    assert first == again

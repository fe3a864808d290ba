"""Which instants can be run after the fact."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from shared.domain.backfill import (
    MAX_BACKFILLED,
    Instant,
    Lane,
    Scope,
    Which,
    chosen,
    eligible,
    instants_of,
    scope_from_json,
)
from shared.domain.errors import InvalidInput
from shared.domain.ids import ScheduleId
from shared.domain.schedules import Interval, timetable

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ONE, TWO = ScheduleId(UUID(int=1)), ScheduleId(UUID(int=2))


def lane(minutes: int, schedule_id: ScheduleId = ONE, **fields: object) -> Lane:
    fires = timetable(Interval(every=minutes * MINUTE, anchor=START), "UTC")
    return Lane(**{"schedule_id": schedule_id, "fires": fires, "args": (), **fields})  # type: ignore[arg-type]


def instant(minutes: int, schedule_id: ScheduleId = ONE, args: tuple[str, ...] = ()) -> Instant:
    return Instant(schedule_id=schedule_id, nominal_at=START + minutes * MINUTE, args=args)


def test_the_instants_of_a_range_come_oldest_first_and_by_schedule() -> None:
    found = instants_of([lane(10, TWO), lane(5)], after=START + 5 * MINUTE, until=START + 20 * MINUTE)

    assert found == (instant(10), instant(10, TWO), instant(15), instant(20), instant(20, TWO))


def test_what_the_scheduler_still_decides_is_left_to_it() -> None:
    found = instants_of([lane(5, undecided_from=START + 15 * MINUTE)], after=START, until=START + 60 * MINUTE)

    assert found == (instant(5), instant(10))


def test_what_succeeded_waits_or_goes_is_not_run_again() -> None:
    instants = [instant(5), instant(10), instant(15)]

    assert eligible(instants, {(ONE, START + 10 * MINUTE)}) == (instant(5), instant(15))


def test_two_schedules_with_the_same_arguments_are_one_at_one_instant() -> None:
    assert eligible([instant(10), instant(10, TWO)], ()) == (instant(10),)
    assert eligible([instant(10), instant(10, TWO)], {(TWO, START + 10 * MINUTE)}) == ()


def test_with_other_arguments_each_runs() -> None:
    both = (instant(10), instant(10, TWO, ("other",)))

    assert eligible(both, ()) == both


def test_the_latest_is_one() -> None:
    assert chosen([instant(5), instant(10)], Which.LATEST) == (instant(10),)
    assert chosen([], Which.LATEST) == ()


def test_more_than_a_hundred_are_refused_with_their_number() -> None:
    enough = [instant(n) for n in range(MAX_BACKFILLED)]

    assert chosen(enough, Which.ALL) == tuple(enough)
    with pytest.raises(InvalidInput, match="101 instants are too many; at most 100"):
        chosen([*enough, instant(100)], Which.ALL)


def test_a_year_of_minutes_is_refused_without_looking_at_each() -> None:
    with pytest.raises(InvalidInput, match="525,600 instants are too many"):
        instants_of([lane(1)], after=START, until=START + timedelta(days=365))


def test_a_scope_is_read_and_refused_in_words() -> None:
    value = {"after": "2026-03-01T20:00:00+08:00", "until": "2026-03-01T13:00:00+00:00", "which": "latest"}

    assert scope_from_json(value) == Scope(
        after=START, until=START + 60 * MINUTE, which=Which.LATEST, schedule_id=None
    )
    assert scope_from_json({**value, "schedule_id": str(TWO)}).schedule_id == TWO


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"after": "yesterday"}, "after"),
        ({"until": "2026-03-01T13:00:00"}, "until"),
        ({"until": "2026-03-01T12:00:00+00:00"}, "until"),
        ({"which": "some"}, "which"),
        ({"schedule_id": "7"}, "schedule_id"),
        ({"after": None}, "after"),
    ],
)
def test_a_scope_that_makes_no_sense_names_the_field(change: dict[str, object], field: str) -> None:
    value = {"after": "2026-03-01T12:00:00+00:00", "until": "2026-03-01T13:00:00+00:00", **change}

    with pytest.raises(InvalidInput) as caught:
        scope_from_json(value)

    assert caught.value.field == field

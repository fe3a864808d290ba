"""The interval rule: fire k is anchor + k * every, whatever happens in between."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import InvalidInput
from shared.domain.schedules import Interval, Timetable, from_json, timetable, to_json

ANCHOR = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)

everies = st.integers(1, 366 * 86_400).map(lambda seconds: timedelta(seconds=seconds))
offsets = st.integers(-(10**7), 10**9).map(lambda micro: ANCHOR + timedelta(milliseconds=micro))


def fires(every: timedelta) -> Timetable:
    return timetable(Interval(every=every, anchor=ANCHOR), "UTC")


@given(every=everies, instant=offsets)
def test_next_is_the_first_fire_after_the_instant(every: timedelta, instant: datetime) -> None:
    schedule = fires(every)

    due = schedule.next_after(instant)

    assert due is not None
    assert due > instant
    assert (due - ANCHOR) % every == timedelta(0)
    assert due > ANCHOR
    assert due == ANCHOR + every or due - every <= instant


@given(every=everies, instant=offsets)
def test_last_is_the_newest_fire_that_is_not_later(every: timedelta, instant: datetime) -> None:
    schedule = fires(every)

    last = schedule.last_until(instant)

    if last is None:
        assert instant < ANCHOR + every
    else:
        assert last <= instant
        assert schedule.next_after(last) == schedule.next_after(instant)
        assert (last - ANCHOR) % every == timedelta(0)


@given(
    every=st.integers(1, 50).map(lambda seconds: timedelta(seconds=seconds)),
    start=st.integers(-100, 200),
    length=st.integers(-50, 300),
)
def test_counting_is_what_walking_counts(every: timedelta, start: int, length: int) -> None:
    schedule = fires(every)
    after = ANCHOR + start * SECOND
    until = after + length * SECOND

    walked = 0
    instant = schedule.next_after(after)
    while instant is not None and instant <= until:
        walked += 1
        instant = schedule.next_after(instant)

    assert schedule.count_between(after, until) == walked


@given(every=everies, late_by=st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
def test_it_does_not_drift_however_late_it_is_asked(every: timedelta, late_by: list[int]) -> None:
    schedule = fires(every)
    asked_at = ANCHOR

    for late in late_by:
        asked_at += late * SECOND
        due = schedule.next_after(asked_at)
        assert due is not None
        assert (due - ANCHOR) % every == timedelta(0)


def test_a_century_is_counted_without_walking() -> None:
    schedule = fires(SECOND)

    assert schedule.count_between(ANCHOR, ANCHOR + timedelta(days=36_500)) == 36_500 * 86_400


def test_there_is_no_fire_beyond_the_calendar() -> None:
    schedule = fires(timedelta(days=366))

    assert schedule.next_after(datetime.max.replace(tzinfo=UTC)) is None


def test_the_anchor_is_kept_in_utc_and_whole_seconds() -> None:
    local = datetime(2026, 3, 1, 20, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=8)))

    assert Interval(every=SECOND, anchor=local).anchor == ANCHOR


@pytest.mark.parametrize("every", [timedelta(0), -SECOND, SECOND * 1.5, timedelta(days=367)])
def test_an_impossible_interval_is_refused_at_its_field(every: timedelta) -> None:
    with pytest.raises(InvalidInput) as refusal:
        Interval(every=every, anchor=ANCHOR)

    assert refusal.value.field == "every_s"


@given(every=everies, anchor=st.datetimes(timezones=st.just(UTC)))
def test_it_survives_its_stored_form(every: timedelta, anchor: datetime) -> None:
    schedule = Interval(every=every, anchor=anchor)

    assert from_json(to_json(schedule)) == schedule

"""Days that repeat, against dateutil's rules, which share no code with ours."""

from datetime import UTC, date, datetime, timedelta
from itertools import takewhile

import pytest
from dateutil.rrule import DAILY, MONTHLY, WEEKLY, YEARLY, rrule, weekday
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.calendars import Frequency, Repeat
from shared.domain.errors import InvalidInput

THEIRS = {
    Frequency.DAILY: DAILY,
    Frequency.WEEKLY: WEEKLY,
    Frequency.MONTHLY: MONTHLY,
    Frequency.YEARLY: YEARLY,
}
LAST = date(2032, 12, 31)
starts = st.dates(min_value=date(2020, 1, 1), max_value=date(2026, 12, 31))
nothing: st.SearchStrategy[frozenset[int]] = st.just(frozenset())
months = st.frozensets(st.integers(1, 12), min_size=1, max_size=4)
plain_days = st.frozensets(st.tuples(st.just(0), st.integers(0, 6)), min_size=1, max_size=3)
# Plain and counted weekdays are not mixed: RFC 5545 adds them up, dateutil wants both to hold.
nth_days = plain_days | st.frozensets(
    st.tuples(st.sampled_from([1, 2, 3, 4, 5, -1, -2]), st.integers(0, 6)), min_size=1, max_size=3
)
# Every rule here fits some day: dateutil looks for one that never does until the year 9999.
month_days = st.builds(
    lambda some, one: some | {one},
    st.frozensets(st.sampled_from([1, 2, 13, 28, 29, 30, 31, -1, -3, -31]), max_size=3),
    st.sampled_from([1, 28, -1, -28]),
)
positions = nothing | st.sampled_from(
    [frozenset({1}), frozenset({-1}), frozenset({1, 3}), frozenset({-1, 2})]
)
common = {"interval": st.sampled_from([1, 1, 2, 3, 5]), "week_start": st.integers(0, 6)}
short = st.builds(
    Repeat,
    frequency=st.sampled_from([Frequency.DAILY, Frequency.WEEKLY]),
    months=nothing | months,
    week_days=nothing | plain_days,
    **common,
)
monthly = st.builds(
    Repeat,
    frequency=st.just(Frequency.MONTHLY),
    months=nothing,
    month_days=month_days,
    positions=positions,
    **common,
) | st.builds(
    Repeat,
    frequency=st.just(Frequency.MONTHLY),
    months=nothing,
    week_days=nothing | nth_days,
    **common,
)
yearly = st.builds(
    Repeat,
    frequency=st.just(Frequency.YEARLY),
    months=nothing | months,
    month_days=nothing | month_days,
    interval=st.sampled_from([1, 3, 5]),
    week_start=st.integers(0, 6),
) | st.builds(
    Repeat,
    frequency=st.just(Frequency.YEARLY),
    months=months,
    week_days=nth_days,
    positions=positions,
    interval=st.sampled_from([1, 3, 5]),
    week_start=st.integers(0, 6),
)
some_months = st.builds(  # intervals that meet every month
    Repeat,
    frequency=st.just(Frequency.MONTHLY),
    months=months,
    month_days=month_days,
    interval=st.sampled_from([1, 5, 7]),
)
rules = short | monthly | some_months | yearly


def theirs(rule: Repeat, start: date) -> list[date]:
    oracle = rrule(
        THEIRS[rule.frequency],
        dtstart=datetime.combine(start, datetime.min.time(), tzinfo=UTC),
        interval=rule.interval,
        bymonth=sorted(rule.months) or None,
        bymonthday=sorted(rule.month_days) or None,
        byweekday=[weekday(day, place or None) for place, day in sorted(rule.week_days)] or None,
        bysetpos=sorted(rule.positions) or None,
        wkst=rule.week_start,
    )
    return list(takewhile(lambda day: day <= LAST, (instant.date() for instant in oracle)))


@given(rule=rules, start=starts)
def test_the_days_are_those_of_dateutil_and_the_start(rule: Repeat, start: date) -> None:
    assert list(rule.dates(start, start, LAST)) == sorted({start, *theirs(rule, start)})


@given(rule=rules, start=starts, skip=st.integers(-500, 3_000), length=st.integers(-2, 1_000))
def test_a_later_first_day_only_leaves_days_out(rule: Repeat, start: date, skip: int, length: int) -> None:
    first = start + timedelta(days=skip)
    last = min(first + timedelta(days=length), LAST)

    days = list(rule.dates(start, first, last))

    assert days == [day for day in rule.dates(start, start, LAST) if first <= day <= last]


@given(rule=rules, start=starts, most=st.integers(1, 20), skip=st.integers(0, 500))
def test_a_count_counts_from_the_start(rule: Repeat, start: date, most: int, skip: int) -> None:
    counted = Repeat(
        frequency=rule.frequency,
        interval=rule.interval,
        months=rule.months,
        month_days=rule.month_days,
        week_days=rule.week_days,
        positions=rule.positions,
        week_start=rule.week_start,
        most=most,
    )
    first = start + timedelta(days=skip)

    days = list(counted.dates(start, first, LAST))

    assert days == [day for day in list(rule.dates(start, start, LAST))[:most] if day >= first]


@given(rule=rules, start=starts)
def test_the_cost_is_known_beforehand(rule: Repeat, start: date) -> None:
    days = list(rule.dates(start, start, LAST))

    assert len(days) <= rule.days_looked_at(start, start, LAST) + 1


def test_plain_and_counted_weekdays_add_up() -> None:
    week_days = frozenset({(0, 0), (1, 4)})
    rule = Repeat(frequency=Frequency.MONTHLY, week_days=week_days)

    days = list(rule.dates(date(2026, 5, 1), date(2026, 5, 1), date(2026, 5, 31)))

    assert [day.day for day in days] == [1, 4, 11, 18, 25]


def test_a_rule_that_never_fits_ends_at_the_last_day() -> None:
    never = Repeat(frequency=Frequency.YEARLY, months=frozenset({2}), month_days=frozenset({30}))

    assert list(never.dates(date(2026, 1, 1), date(2026, 1, 2), date.max)) == []
    assert never.days_looked_at(date(2026, 1, 1), date(2026, 1, 2), date.max) == (9999 - 2026 + 1) * 31


def test_a_rule_ends_with_its_own_last_day() -> None:
    rule = Repeat(frequency=Frequency.YEARLY, until=date(2028, 5, 1))

    days = list(rule.dates(date(2026, 5, 1), date(2026, 1, 1), LAST))

    assert days == [date(2026, 5, 1), date(2027, 5, 1), date(2028, 5, 1)]
    assert not rule.is_endless


def test_a_week_at_the_end_of_time_is_cut() -> None:
    rule = Repeat(frequency=Frequency.WEEKLY, week_days=frozenset({(0, day) for day in range(7)}))

    assert list(rule.dates(date(9999, 12, 30), date.min, date.max)) == [date(9999, 12, 30), date.max]


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"frequency": Frequency.DAILY, "interval": 0}, "1 or more"),
        ({"frequency": Frequency.DAILY, "most": 0}, "1 or more"),
        ({"frequency": Frequency.YEARLY, "months": frozenset({13})}, "BYMONTH must"),
        ({"frequency": Frequency.YEARLY, "month_days": frozenset({0})}, "BYMONTHDAY must"),
        ({"frequency": Frequency.YEARLY, "month_days": frozenset({-32})}, "BYMONTHDAY must"),
        ({"frequency": Frequency.WEEKLY, "month_days": frozenset({1})}, "months or years"),
        ({"frequency": Frequency.DAILY, "positions": frozenset({1})}, "months or years"),
        ({"frequency": Frequency.WEEKLY, "week_days": frozenset({(2, 0)})}, "months or years"),
        ({"frequency": Frequency.YEARLY, "week_days": frozenset({(20, 0)})}, "needs BYMONTH"),
    ],
)
def test_a_part_without_a_meaning_is_refused(parts: dict[str, object], says: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Repeat(**parts)

    assert says in refused.value.message

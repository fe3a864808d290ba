"""What holds for every schedule, whatever it is: Hypothesis looks for one for which it does not."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random
from types import FrameType
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from shared.domain.errors import ScheduleError
from shared.domain.schedules import Cron, Interval, from_json, parse_cron, timetable, to_json
from tests.oracle import cases, engine, kinds
from tests.oracle.wall import zones

MICROSECOND = timedelta(microseconds=1)
MOST_STEPS = 60_000
"""Lines of Python for one answer: some milliseconds. The worst a person may type stays below."""

EARLY, LATE = datetime(1970, 1, 3, tzinfo=UTC), datetime(2199, 12, 1, tzinfo=UTC)
instants = st.integers(0, (LATE - EARLY) // MICROSECOND).map(lambda since: EARLY + since * MICROSECOND)
walls = st.integers(0, 31 * 525_600).map(
    lambda minutes: datetime(2007, 1, 1) + timedelta(minutes=minutes)  # noqa: DTZ001 - a wall has no zone
)
zone_names = st.sampled_from(zones())


@st.composite
def forms(draw: st.DrawFn) -> dict[str, Any]:
    wall, random = draw(walls), Random(draw(st.integers(0, 1 << 32)))
    near = cases.Window(zone="UTC", at=wall.replace(tzinfo=UTC))
    return cases.schedule(cases.Aim(random, [wall]), near)


expressions = st.builds(
    lambda wall, seed: cases.expression(cases.Aim(Random(seed), [wall])), walls, st.integers(0, 1 << 32)
)
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@unhurried
@given(form=forms(), zone=zone_names, instant=instants)
def test_the_next_fire_is_later_and_stays_the_next_until_it_comes(
    form: dict[str, Any], zone: str, instant: datetime
) -> None:
    table = engine.made(form, zone)
    fire = table.next_after(instant)
    assume(fire is not None)
    assert fire is not None

    assert fire > instant
    assert fire.tzinfo is UTC
    assert fire.microsecond == 0
    assert table.next_after(instant + (fire - instant) / 2) == fire
    assert table.next_after(fire - MICROSECOND) == fire
    assert (table.next_after(fire) or datetime.max.replace(tzinfo=UTC)) > fire


@unhurried
@given(form=forms(), zone=zone_names, instant=instants)
def test_the_newest_fire_is_the_one_that_was_next(form: dict[str, Any], zone: str, instant: datetime) -> None:
    table = engine.made(form, zone)
    fire = table.next_after(instant)
    assume(fire is not None)
    assert fire is not None

    before = table.last_until(fire - MICROSECOND)

    assert table.last_until(fire) == fire
    assert before is None or before <= instant
    assert before == table.last_until(instant)
    assert before is None or table.next_after(before) == fire


@unhurried
@given(form=forms(), zone=zone_names, instant=instants)
def test_next_and_last_are_those_of_the_model_on_any_date(
    form: dict[str, Any], zone: str, instant: datetime
) -> None:
    table, model = engine.made(form, zone), kinds.model_of(form)

    assert table.next_after(instant) == kinds.next_after(model, zone, instant)
    assert table.last_until(instant) == kinds.last_until(model, zone, instant)


@unhurried
@given(form=forms(), zone=zone_names, instant=instants, days=st.tuples(st.floats(0, 3), st.floats(0, 3000)))
def test_counts_add_up(form: dict[str, Any], zone: str, instant: datetime, days: tuple[float, float]) -> None:
    table = engine.made(form, zone)
    middle, until = instant + timedelta(days=days[0]), instant + timedelta(days=days[0] + days[1])

    count = table.count_between(instant, until)

    assert count == table.count_between(instant, middle) + table.count_between(middle, until)
    assert table.count_between(until, until) == 0
    assert (count > 0) == ((table.next_after(instant) or until + MICROSECOND) <= until)


@unhurried
@given(form=forms(), zone=zone_names, instant=instants, days=st.floats(0, 2))
def test_what_is_counted_is_what_is_listed(
    form: dict[str, Any], zone: str, instant: datetime, days: float
) -> None:
    table, until = engine.made(form, zone), instant + timedelta(days=days)
    assume(table.count_between(instant, until) < 3_000)

    listed = list(table.between(instant, until))

    assert listed == sorted(set(listed))
    assert len(listed) == table.count_between(instant, until)
    assert all(instant < fire <= until for fire in listed)


@unhurried
@given(form=forms())
def test_a_schedule_survives_its_json_form(form: dict[str, Any]) -> None:
    schedule = parse_cron(form["expr"]) if form["kind"] == "cron" else from_json(form)

    again = from_json(to_json(schedule))

    assert again == schedule
    assert again.describe() == schedule.describe()
    assert schedule.describe()


@given(
    every=st.integers(1, 10**7),
    anchor=instants.map(lambda at: at.replace(microsecond=0)),
    number=st.integers(1, 10**4),
    late=st.fractions(0, 1),
)
def test_an_interval_keeps_its_beat_however_late_one_asks(
    every: int, anchor: datetime, number: int, late: Fraction
) -> None:
    step = timedelta(seconds=every)
    asked = anchor + number * step + int(late * (step // MICROSECOND - 1)) * MICROSECOND
    assume(asked + step < datetime(2199, 12, 31, tzinfo=UTC))
    table = timetable(Interval(every=step, anchor=anchor), "Europe/London")

    assert table.next_after(anchor + number * step) == anchor + (number + 1) * step
    assert (table.next_after(asked) or anchor) - anchor == (number + 1) * step
    assert table.last_until(anchor + step - MICROSECOND) is None
    assert table.count_between(anchor, asked) == number


@given(seed=st.text(max_size=40), other=st.text(max_size=40), step=st.integers(2, 30))
def test_a_hashed_spread_is_stable_and_keeps_to_its_range(seed: str, other: str, step: int) -> None:
    typed = f"H/{step} H(2-5) H * H"

    cron = parse_cron(typed, seed=seed)

    assert isinstance(cron, Cron)
    form = to_json(cron)
    assert form["typed"] == typed
    assert "H" not in str(form["expr"])
    assert parse_cron(typed, seed=seed) == cron
    assert from_json(form) == cron
    model = kinds.model_of(form)
    assert isinstance(model, kinds.Model)
    assert not model.wildcard
    [hour] = model.hours
    assert 2 <= hour <= 5
    assert min(model.minutes) < step
    assert len({to_json(parse_cron("H H * * *", seed=f"{other}{n}"))["expr"] for n in range(50)}) > 25


tokens = st.sampled_from(
    [*"0123456789*/,-LW#?H()@ \t", "JAN", "mon", "60", "31", "L-3W", "5#2", "*/7", "2199", "@every ", "5m"]
)
typed_texts = st.one_of(
    st.text(max_size=255),
    st.lists(tokens, max_size=120).map(lambda parts: "".join(parts)[:255]),
    st.builds(
        lambda text, at, cut, new: (text[: at % (len(text) + 1)] + new + text[at % (len(text) + 1) + cut :])[
            :255
        ],
        expressions,
        st.integers(0, 80),
        st.integers(0, 3),
        st.one_of(tokens, st.characters()),
    ),
)


@settings(deadline=None, max_examples=500)
@given(text=typed_texts)
def test_any_text_gets_an_answer_or_a_reason_in_bounded_steps(text: str) -> None:
    def ask() -> None:
        try:
            schedule = parse_cron(text)
            schedule.describe()
        except ScheduleError as refused:
            assert str(refused)  # noqa: PT017 - both ends are right; the steps are what is judged
            return
        table = timetable(schedule, "America/New_York")
        table.next_after(datetime(2026, 3, 8, tzinfo=UTC))
        table.last_until(datetime(2026, 3, 8, tzinfo=UTC))

    assert steps(ask) < 3 * MOST_STEPS


@pytest.mark.parametrize(
    "expression",
    [
        "0 0 30 2 *",
        "0 0 31 2,4,6,9,11 *",
        "0 0 29 2 */7",
        "0 0 0 29 2 */7 2001/4",
        "0 0 0 29 2 */7 2097-2103",
        "0 0 0 29 2 ? 2199",
        "59 59 23 31 12 ? 2199",
        "0 0 0 1 1 ? 1970",
        "0 0 0 L-30 2 ? *",
        "0 0 L-30W 2 *",
        "0 0 31W 2 *",
        "0 0 */31 2 1#5",
        "0 0 ? 2 0#5",
        "0 0 */30 2 */6",
        ",".join(["59"] * 80) + " 23 31 12 *",
        "* * * * * ? 2199",
    ],
)
@pytest.mark.parametrize("zone", ["America/New_York", "UTC"])
@pytest.mark.parametrize("year", [1970, 2026, 2199])
def test_the_worst_expression_is_answered_rightly_in_bounded_steps(
    expression: str, zone: str, year: int
) -> None:
    form = {"kind": "cron", "expr": expression}
    table, model = engine.made(form, zone), kinds.model_of(form)
    instant = datetime(year, 3, 1, tzinfo=UTC)
    answers: list[datetime | None] = []

    assert steps(lambda: answers.append(table.next_after(instant))) < MOST_STEPS
    assert steps(lambda: answers.append(table.last_until(instant))) < MOST_STEPS
    assert steps(lambda: table.count_between(instant, instant + timedelta(days=300))) < MOST_STEPS
    assert answers == [kinds.next_after(model, zone, instant), kinds.last_until(model, zone, instant)]


def test_a_long_outage_is_counted_in_bounded_steps() -> None:
    table = timetable(parse_cron("* * * * * *"), "Europe/London")
    start = datetime(2007, 1, 1, tzinfo=UTC)

    assert steps(lambda: table.count_between(start, start + timedelta(days=7300))) < 20 * MOST_STEPS
    assert table.count_between(start, start + timedelta(days=7300)) == 7300 * 86_400


def steps(act: Callable[[], object]) -> int:
    """Return how many lines of Python an act takes: the same on every machine."""
    taken = 0

    def count(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal taken
        taken += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        act()
    finally:
        sys.settrace(before)
    return taken

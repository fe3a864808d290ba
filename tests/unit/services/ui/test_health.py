"""The one word on health."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.ui.models import HealthState
from services.ui.queries.health import Facts, judged

NOW = datetime(2026, 3, 1, tzinfo=UTC)
instants = st.none() | st.integers(0, 10**6).map(lambda s: NOW - timedelta(seconds=s))
facts = st.builds(
    Facts,
    database=st.booleans(),
    broker=st.booleans(),
    broker_since=instants,
    overdue_since=instants,
    executors=st.integers(0, 3),
    executors_online=st.integers(0, 3),
    last_seen_at=instants,
    waiting=st.integers(0, 10**6),
)


@given(known=facts)
def test_all_is_well_exactly_when_every_part_is(known: Facts) -> None:
    health = judged(known, now=NOW)

    parts = health.database and health.broker and health.scheduler and health.executors_online > 0
    assert (health.state is HealthState.OK) == parts
    assert (health.sentence == "") == parts
    assert (health.state is HealthState.DOWN) == (not known.database)


def test_no_executor_is_said_with_how_long_and_what_it_means() -> None:
    known = Facts(
        database=True,
        broker=True,
        broker_since=None,
        executors=1,
        last_seen_at=NOW - timedelta(seconds=42),
        waiting=3,
    )

    health = judged(known, now=NOW)

    assert health.sentence == "No executor has reported for 42 s. 3 runs are waiting; none is lost."


def test_executors_that_all_left_are_said_to_have_left() -> None:
    known = Facts(
        database=True,
        broker=True,
        broker_since=None,
        executors=2,
        executors_left=2,
        last_seen_at=NOW - timedelta(minutes=5),
    )

    health = judged(known, now=NOW)

    assert health.sentence == "Every executor has left, the last 5 min ago. No run is waiting."


def test_the_fault_that_explains_the_others_is_told() -> None:
    away = Facts(database=True, broker=False, broker_since=NOW - timedelta(minutes=5), overdue_since=NOW)

    health = judged(away, now=NOW)

    assert health.title == "RabbitMQ is away"
    assert health.sentence == "RabbitMQ has not answered for 5 min. No run is waiting."

"""The one word on health."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.ui.models import Health, HealthState, Unserved
from services.ui.queries.health import Facts, judged
from shared.domain.holds import Hold, HoldKind, Holds
from shared.domain.sandbox import MinSandbox

NOW = datetime(2026, 3, 1, tzinfo=UTC)
instants = st.none() | st.integers(0, 10**6).map(lambda s: NOW - timedelta(seconds=s))
facts = st.builds(
    Facts,
    database=st.booleans(),
    broker=st.booleans(),
    broker_since=instants,
    blocked_since=st.none() | st.just(NOW),
    overdue_since=instants,
    executors=st.integers(0, 3),
    executors_online=st.integers(0, 3),
    last_seen_at=instants,
    waiting=st.integers(0, 10**6),
    unserved=st.sampled_from([(), (Unserved(pool="heavy", waiting=3),)]),
    ailing=st.sampled_from([(), ("first",)]),
)


@given(known=facts)
def test_all_is_well_exactly_when_every_part_is(known: Facts) -> None:
    health = judged(known, now=NOW)

    parts = health.database and health.broker and health.scheduler and health.executors_online > 0
    parts = parts and not health.unserved and not health.ailing and known.blocked_since is None
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


def test_a_pool_that_nobody_serves_is_told_with_how_many_wait() -> None:
    pools = (Unserved(pool="heavy", waiting=3), Unserved(pool="night", waiting=1))
    exposed = Unserved(pool="default", waiting=2, min_sandbox=MinSandbox.ISOLATED)

    def health(*unserved: Unserved) -> Health:
        known = Facts(database=True, broker=True, broker_since=None, executors_online=1, unserved=unserved)
        return judged(known, now=NOW)

    assert health(*pools, exposed).title == "Pools without executor"
    assert health(*pools, exposed).sentence.startswith(
        "No executor serves heavy: 3 runs wait. No executor serves night: 1 run waits. Start an executor"
    )
    assert health(exposed).title == "Level not offered"
    assert health(exposed).sentence == (
        "No executor of default offers isolated: 2 runs wait. "
        "Start one on a host that allows namespaces, or lower the jobs' minimum."
    )


def test_executors_that_take_no_runs_are_told() -> None:
    def health(*ailing: str, online: int) -> Health:
        known = Facts(database=True, broker=True, broker_since=None, executors_online=online, ailing=ailing)
        return judged(known, now=NOW)

    assert health("b", online=2).title == "1 executor takes no runs"
    assert health("b", online=2).sentence == (
        "b takes no runs; the others go on. The page Executors says why."
    )
    assert health("a", "b", online=3).title == "2 executors take no runs"
    assert health("a", "b", online=3).sentence.startswith("a and b take no runs; the others go on.")
    assert health("a", "b", online=2).title == "No executor takes runs"
    assert health("a", online=1).sentence.endswith("says why. No run is waiting.")


def test_a_freeze_is_no_fault_and_not_said_after_its_end() -> None:
    hold = Hold(
        kind=HoldKind.FREEZE, subject="", begun_at=NOW, begun_by="ann", ends_at=NOW + timedelta(hours=1)
    )
    known = Facts(database=True, broker=True, broker_since=None, executors_online=1, holds=Holds((hold,)))

    during, after = judged(known, now=NOW), judged(known, now=NOW + timedelta(hours=1))

    assert (during.state, during.title, during.freeze is not None) == (HealthState.OK, "Frozen", True)
    assert (after.state, after.title, after.freeze) == (HealthState.OK, "All systems go", None)

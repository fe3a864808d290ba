"""Why did it not run: every verdict, its sentence, its remedy, and that there is always one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.calendars import Excluded
from shared.domain.chain import Join
from shared.domain.holds import Hold, HoldKind, Holds
from shared.domain.ids import ScheduleId
from shared.domain.instants import Followed
from shared.domain.policy import Policy
from shared.domain.retry import RetryRule
from shared.domain.run import Cause, Reason, RunState
from shared.domain.sandbox import MinSandbox
from shared.domain.schedules import Interval, timetable
from shared.domain.why import (
    Before,
    Facts,
    LimitFacts,
    Pause,
    PoolFacts,
    Remedy,
    RunFacts,
    RunRef,
    Standing,
    Verdict,
    plain,
    why,
)

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NINE = datetime(2026, 3, 4, 9, tzinfo=UTC)
TEN = NINE + HOUR
CREATED = NINE - DAY
SCHEDULE = ScheduleId(UUID(int=1))
HOURLY = Followed(
    id=SCHEDULE,
    timetable=timetable(Interval(every=HOUR, anchor=CREATED), "UTC"),
    text="Every hour",
    since=CREATED,
)
DOWN = Standing(broker=False, broker_since=NINE - MINUTE)
FROZEN = Hold(kind=HoldKind.FREEZE, subject="", begun_at=NINE - MINUTE, begun_by="ann", ends_at=TEN)
POOL_PAUSED = Hold(kind=HoldKind.POOL, subject="heavy", begun_at=NINE, begun_by="bob")
HELD_BACK = Standing(holds=Holds((POOL_PAUSED, FROZEN)), broker=False)
SILENT = Standing(scheduler=False, silent_since=NINE)
LIMIT = LimitFacts(key="warehouse-db", maximum=2, holders=("#12 of a", "#7 of b"), position=3)
FREE = PoolFacts(known=1, online=1, slots=4, busy=1)
FULL = PoolFacts(known=2, online=2, slots=8, busy=8, position=4)


def facts(at: datetime = NINE, **changes: Any) -> Facts:
    values: dict[str, Any] = {
        "at": at, "now": NINE + 30 * MINUTE, "created_at": CREATED, "schedules": (HOURLY,), "pool": FREE,
    }  # fmt: skip
    return Facts(**{**values, **changes})


def a_run(state: RunState, reason: Reason | None = None, **changes: Any) -> RunFacts:
    values: dict[str, Any] = {
        "number": 42, "state": state, "reason": reason, "detail": "", "cause": Cause.SCHEDULE,
        "requested_by": None, "schedule_id": SCHEDULE, "nominal_at": NINE, "due_at": NINE,
        "created_at": NINE, "attempt": 1,
    }  # fmt: skip
    return RunFacts(**{**values, **changes})


def of_run(
    state: RunState, reason: Reason | None = None, *, around: dict[str, Any] | None = None, **run: Any
):
    return facts(run=a_run(state, reason, **run), **(around or {}))


STARTED: dict[str, Any] = {"started_at": NINE, "executor": "north", "duration": timedelta(seconds=3)}
BEFORE = RunRef(number=41, due_at=NINE - HOUR, state=RunState.RUNNING)
PAUSE = Pause(paused_at=NINE - MINUTE, paused_by="ann")
OVER = replace(PAUSE, resumed_at=NINE + MINUTE, resumed_by="bob")
H, Q, R = RunState.HELD, RunState.QUEUED, RunState.RUNNING

NO_SCHEDULER = "No scheduler has decided anything since 2026-03-04T09:00:00Z: nothing is lost"

CASES: dict[str, tuple[Facts, Verdict, str, Remedy | None]] = {
    "before the job": (
        facts(CREATED - MINUTE), Verdict.BEFORE_CREATED,
        "Before the job was created, which was 2026-03-03T09:00:00Z", None,
    ),
    "deleted": (
        facts(deleted_at=NINE - MINUTE), Verdict.DELETED,
        "Deleted since 2026-03-04T08:59:00Z", Remedy.RESTORE,
    ),
    "between two instants": (
        facts(NINE + 5 * MINUTE), Verdict.NO_INSTANT,
        (
            "Not an instant of this job: its schedules name 2026-03-04T09:00:00Z before it and "
            "2026-03-04T10:00:00Z after it"
        ), None,
    ),
    "before the first instant": (
        facts(CREATED + MINUTE), Verdict.NO_INSTANT,
        "Not an instant of this job: its schedules name first 2026-03-03T10:00:00Z", None,
    ),
    "after the last instant": (
        facts(NINE + MINUTE, schedules=(replace(HOURLY, until=NINE),)), Verdict.NO_INSTANT,
        "Not an instant of this job: its schedules name 2026-03-04T09:00:00Z last", None,
    ),
    "no schedule": (
        facts(schedules=()), Verdict.MANUAL,
        "No schedule names any instant: the job runs when somebody asks for it", Remedy.RUN_NOW,
    ),
    "replaced": (
        facts(schedules=(replace(HOURLY, until=NINE - MINUTE),)), Verdict.EDITED,
        "“Every hour” named it, but was replaced 2026-03-04T08:59:00Z", Remedy.RUN_NOW,
    ),
    "followed only later": (
        facts(schedules=(replace(HOURLY, since=NINE),)), Verdict.EDITED,
        "“Every hour” names it, but is followed only since 2026-03-04T09:00:00Z", Remedy.RUN_NOW,
    ),
    "before the start": (
        facts(policy=Policy(starts_at=TEN)), Verdict.OUTSIDE,
        "Before the job's start, which is 2026-03-04T10:00:00Z", Remedy.EDIT,
    ),
    "after the end": (
        facts(policy=Policy(ends_at=NINE - MINUTE)), Verdict.OUTSIDE,
        "After the job's end, which was 2026-03-04T08:59:00Z", Remedy.EDIT,
    ),
    "no runs left": (
        facts(policy=Policy(max_runs=1_000), promised_count=1_000), Verdict.OUTSIDE,
        "The job has had as many scheduled runs as it may have: 1,000", Remedy.EDIT,
    ),
    "paused": (
        facts(pauses=(PAUSE,)), Verdict.PAUSED, "Paused by ann since 2026-03-04T08:59:00Z", Remedy.RESUME,
    ),
    "paused then": (
        facts(pauses=(OVER,)), Verdict.PAUSED,
        "Paused by ann from 2026-03-04T08:59:00Z to 2026-03-04T09:01:00Z (resumed by bob)", Remedy.BACKFILL,
    ),
    "a calendar": (
        facts(exclusion=Excluded(by=("Hong Kong holidays",), inside=True, label="Christmas Day")),
        Verdict.EXCLUDED, "Excluded by calendar Hong Kong holidays: Christmas Day", Remedy.OPEN_CALENDARS,
    ),
    "outside of what is included": (
        facts(exclusion=Excluded(by=("Office hours", "Weekends"), inside=False)), Verdict.EXCLUDED,
        "Excluded: it is outside of Office hours and Weekends", Remedy.OPEN_CALENDARS,
    ),
    "to come": (facts(TEN), Verdict.NOT_YET, "Not yet: due in 1800 s, 2026-03-04T10:00:00Z", None),
    "no scheduler": (
        facts(standing=SILENT), Verdict.SCHEDULER_SILENT,
        NO_SCHEDULER, None,
    ),
    "this moment": (
        facts(now=NINE + timedelta(seconds=10)), Verdict.DECIDING,
        "Due this moment: the scheduler is deciding it", None,
    ),
    "nothing known": (
        facts(), Verdict.UNRECORDED,
        "Nothing is recorded: the job was changed around this instant, or its history was removed",
        Remedy.BACKFILL,
    ),
    "removed": (
        facts(removed_until=NINE), Verdict.UNRECORDED,
        "Its run is not kept any more: runs up to 2026-03-04T09:00:00Z were removed", None,
    ),
    "overlap": (
        of_run(RunState.SKIPPED, Reason.OVERLAP, around={"blocker": BEFORE}), Verdict.SKIPPED,
        "Skipped: run #41 (due 2026-03-04T08:00:00Z) was still going", Remedy.BACKFILL,
    ),
    "overlap, of one that waits": (
        of_run(
            RunState.SKIPPED, Reason.OVERLAP, detail="run #41 was still waiting to start",
            around={"blocker": BEFORE},
        ),
        Verdict.SKIPPED,
        "Skipped: run #41 (due 2026-03-04T08:00:00Z) was still waiting to start", Remedy.BACKFILL,
    ),
    "overlap, with whom is not known": (
        of_run(RunState.SKIPPED, Reason.OVERLAP, detail="100 runs wait already"), Verdict.SKIPPED,
        "Skipped: 100 runs wait already", Remedy.BACKFILL,
    ),
    "braked": (
        of_run(RunState.SKIPPED, Reason.BRAKED, detail="the job started 600 times within 5 minutes"),
        Verdict.BRAKED, "Braked: the job started 600 times within 5 minutes", Remedy.EDIT,
    ),
    "coincides": (
        of_run(RunState.SKIPPED, Reason.COINCIDES), Verdict.COINCIDES,
        "Skipped: another schedule of the job names the same instant, and ran for both", None,
    ),
    "a calendar in the ledger": (
        of_run(RunState.SKIPPED, Reason.CALENDAR, detail="Christmas Day (in Holidays)"),
        Verdict.EXCLUDED, "Excluded: Christmas Day (in Holidays)", Remedy.BACKFILL,
    ),
    "too late": (
        of_run(RunState.MISSED, Reason.DEADLINE, around={"policy": Policy(start_deadline=5 * MINUTE)}),
        Verdict.DEADLINE, "Missed: not started by 2026-03-04T09:05:00Z, 300 s after it was due",
        Remedy.BACKFILL,
    ),
    "a missed range": (
        of_run(RunState.MISSED, Reason.DOWNTIME, instants=1_412, nominal_until=TEN), Verdict.MISSED,
        "Missed: no scheduler was there from 2026-03-04T09:00:00Z to 2026-03-04T10:00:00Z (1,412 instants)",
        Remedy.BACKFILL,
    ),
    "one missed": (
        of_run(RunState.MISSED, Reason.DOWNTIME), Verdict.MISSED,
        "Missed: no scheduler was there to start it", Remedy.BACKFILL,
    ),
    "one missed by another's fault": (
        of_run(RunState.MISSED, Reason.DOWNTIME, detail="it could not be published in time"),
        Verdict.MISSED, "Missed: it could not be published in time", Remedy.BACKFILL,
    ),
    "withdrawn by a pause": (
        of_run(RunState.CANCELLED, Reason.PAUSED, around={"pauses": (PAUSE,)}), Verdict.PAUSED,
        "Paused by ann since 2026-03-04T08:59:00Z", Remedy.RESUME,
    ),
    "withdrawn by a deletion": (
        of_run(RunState.CANCELLED, Reason.DELETED, around={"deleted_at": NINE}), Verdict.DELETED,
        "Withdrawn: the job was deleted 2026-03-04T09:00:00Z", None,
    ),
    "withdrawn by an edit": (
        of_run(RunState.CANCELLED, Reason.EDITED), Verdict.EDITED,
        "Withdrawn: its schedule was replaced before it was due", None,
    ),
    "its place taken": (
        of_run(RunState.CANCELLED, Reason.OVERLAP), Verdict.CANCELLED,
        "Cancelled before it started: a newer run took its place", Remedy.BACKFILL,
    ),
    "cancelled by a person": (
        of_run(RunState.CANCELLED, Reason.REQUESTED, detail="cancelled by ann"), Verdict.CANCELLED,
        "Cancelled: cancelled by ann", Remedy.BACKFILL,
    ),
    "planned": (
        of_run(Q, due_at=TEN), Verdict.NOT_YET, "Not yet: due in 1800 s, 2026-03-04T10:00:00Z", None,
    ),
    "waits for the run before": (
        of_run(H, around={"blocker": BEFORE}), Verdict.WAITING,
        "Waiting: run #41 (due 2026-03-04T08:00:00Z) is still going", Remedy.OPEN_BLOCKER,
    ),
    "waits for one that waits": (
        of_run(H, around={"blocker": replace(BEFORE, state=Q)}), Verdict.WAITING,
        "Waiting: run #41 (due 2026-03-04T08:00:00Z) waits before it", Remedy.OPEN_BLOCKER,
    ),
    "waits for its next attempt": (
        of_run(
            Q, attempt=2, attempt_due_at=TEN, detail="attempt 1 ended with exit code 1",
            around={"policy": Policy(retry=RetryRule(retries=3))},
        ), Verdict.WAITING,
        "It waits for attempt 2 of 4 at 2026-03-04T10:00:00Z: attempt 1 ended with exit code 1", None,
    ),
    "waits for an attempt after a loss": (
        of_run(Q, attempt=2, attempt_due_at=TEN), Verdict.WAITING,
        "It waits for attempt 2 of 5 at 2026-03-04T10:00:00Z", None,
    ),
    "no broker": (
        of_run(Q, around={"standing": DOWN}), Verdict.BROKER_DOWN,
        "The broker is down since 2026-03-04T08:59:00Z: nothing is lost", None,
    ),
    "frozen": (
        of_run(Q, pool="heavy", around={"standing": HELD_BACK}), Verdict.FROZEN,
        "Everything is frozen by ann since 2026-03-04T08:59:00Z until 2026-03-04T10:00:00Z",
        Remedy.OPEN_EXECUTORS,
    ),
    "a paused pool, once the freeze has ended": (
        of_run(Q, pool="heavy", around={"standing": HELD_BACK, "now": TEN}), Verdict.POOL_PAUSED,
        "Pool heavy is paused by bob since 2026-03-04T09:00:00Z", Remedy.OPEN_EXECUTORS,
    ),
    "no place of its shared limit is free": (
        of_run(Q, around={"limit": LIMIT}), Verdict.WAITING,
        "It waits for warehouse-db: 2 of 2 in use by #12 of a and #7 of b, position 3", Remedy.OPEN_EXECUTORS,
    ),
    "the first of its line is on the way": (
        of_run(Q, around={"limit": replace(LIMIT, holders=("#12 of a",), position=2)}), Verdict.WAITING,
        "It waits for warehouse-db: 1 of 2 in use by #12 of a, position 2", Remedy.OPEN_EXECUTORS,
    ),
    "all places of its shared limit are free but kept": (
        of_run(Q, around={"limit": replace(LIMIT, holders=())}), Verdict.WAITING,
        "It waits for warehouse-db: 0 of 2 in use, position 3", Remedy.OPEN_EXECUTORS,
    ),
    "a place is kept for it, and no slot is free": (
        of_run(Q, around={"limit": replace(LIMIT, holders=("#12 of a",), position=1), "pool": FULL}),
        Verdict.WAITING, "Waiting: all 8 slots of pool default are busy, position 4", Remedy.OPEN_EXECUTORS,
    ),
    "another pool is paused": (
        of_run(Q, around={"standing": Standing(holds=Holds((POOL_PAUSED,))), "pool": FULL}), Verdict.WAITING,
        "Waiting: all 8 slots of pool default are busy, position 4", Remedy.OPEN_EXECUTORS,
    ),
    "queued, no scheduler": (
        of_run(Q, around={"standing": SILENT}), Verdict.SCHEDULER_SILENT,
        NO_SCHEDULER, None,
    ),
    "no executor": (
        of_run(Q, pool="heavy", around={"pool": PoolFacts()}), Verdict.NO_EXECUTOR,
        "No executor serves heavy", Remedy.OPEN_EXECUTORS,
    ),
    "all offline": (
        of_run(Q, around={"pool": PoolFacts(known=2, last_seen_at=NINE)}), Verdict.NO_EXECUTOR,
        "Every executor of pool default is offline, the last was seen 2026-03-04T09:00:00Z",
        Remedy.OPEN_EXECUTORS,
    ),
    "all draining": (
        of_run(Q, around={"pool": PoolFacts(known=1, online=1, draining=1)}), Verdict.NO_EXECUTOR,
        "Every executor of pool default is draining", Remedy.OPEN_EXECUTORS,
    ),
    "all too exposed": (
        of_run(Q, min_sandbox=MinSandbox.ISOLATED, around={"pool": PoolFacts(known=2, exposed=2)}),
        Verdict.NO_EXECUTOR, "No executor of pool default offers isolated", Remedy.EDIT,
    ),
    "ailing": (
        of_run(Q, around={"pool": PoolFacts(known=1, online=1, ailing=1, problem="The disk is full.")}),
        Verdict.NO_EXECUTOR, "No executor of pool default takes runs: The disk is full.",
        Remedy.OPEN_EXECUTORS,
    ),
    "no slot": (
        of_run(Q, around={"pool": FULL}), Verdict.WAITING,
        "Waiting: all 8 slots of pool default are busy, position 4", Remedy.OPEN_EXECUTORS,
    ),
    "its one slot": (
        of_run(Q, around={"pool": PoolFacts(known=1, online=1, slots=1, busy=1)}), Verdict.WAITING,
        "Waiting: the only slot of pool default is busy, position 1", Remedy.OPEN_EXECUTORS,
    ),
    "handed over": (
        of_run(Q, around={"now": NINE + timedelta(seconds=10)}), Verdict.DECIDING,
        "A slot is free: the run is being handed over", None,
    ),
    "not taken": (
        of_run(Q), Verdict.WAITING,
        "Waiting: a slot is free, and no executor has taken it yet; it is sent again by itself",
        Remedy.OPEN_EXECUTORS,
    ),
    "running": (
        of_run(R, **STARTED), Verdict.RUNNING, "It is running: #42 on north since 2026-03-04T09:00:00Z",
        Remedy.OPEN_RUN,
    ),
    "ran": (
        of_run(RunState.SUCCEEDED, **STARTED), Verdict.RAN, "It ran: #42 succeeded in 3 s", Remedy.OPEN_RUN,
    ),
    "failed": (
        of_run(RunState.FAILED, exit_code=3, **STARTED), Verdict.FAILED,
        "It ran: #42 failed with exit code 3 after 3 s", Remedy.OPEN_RUN,
    ),
    "used too much": (
        of_run(
            RunState.FAILED, Reason.MEMORY_LIMIT, signal=9, **STARTED,
            detail="Used more than its 256 MB of memory: 301 MB when it was stopped.",
        ),
        Verdict.FAILED,
        "It ran: #42 failed, for it used more than its 256 MB of memory: 301 MB when it was stopped",
        Remedy.EDIT,
    ),
    "stopped": (
        of_run(RunState.TIMED_OUT, signal=9, **STARTED), Verdict.FAILED,
        "It ran: #42 was stopped at its timeout by signal 9 after 3 s", Remedy.OPEN_RUN,
    ),
    "cancelled while it ran": (
        of_run(RunState.CANCELLED, Reason.REQUESTED, **STARTED), Verdict.FAILED,
        "It ran: #42 was cancelled after 3 s", Remedy.OPEN_RUN,
    ),
    "lost": (
        of_run(RunState.LOST, Reason.SILENT, **STARTED), Verdict.FAILED,
        "It started, and was lost: executor north went silent", Remedy.OPEN_RUN,
    ),
    "waits for some of the jobs before it": (
        facts(
            schedules=(),
            before=(Before(name="a", arrived_at=NINE), Before(name="b"), Before(name="c", is_deleted=True)),
        ),
        Verdict.AFTER,
        "It runs after other jobs: waits for b and c, which is deleted (a arrived at 2026-03-04T09:00:00Z)",
        None,
    ),
    "waits for any of the jobs before it": (
        facts(schedules=(), join=Join.ANY, before=(Before(name="a"), Before(name="b"))),
        Verdict.AFTER, "It runs after other jobs: waits for a or b", None,
    ),
    "was paused when the jobs before it had ended": (
        of_run(RunState.SKIPPED, Reason.PAUSED, cause=Cause.CHAIN, detail="the job was paused"),
        Verdict.PAUSED, "Skipped: the job was paused", Remedy.RUN_NOW,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_one_reason_is_told_with_its_remedy(name: str) -> None:
    given_facts, verdict, sentence, remedy = CASES[name]

    answer = why(given_facts)

    assert (answer.verdict, plain(answer.sentence)) == (verdict, sentence)
    assert (answer.fix.remedy if answer.fix else None) == remedy


@pytest.mark.parametrize("name", CASES)
def test_every_question_before_the_reason_was_passed(name: str) -> None:
    answer = why(CASES[name][0])

    assert all(check.passed for check in answer.checks[:-1])
    assert answer.checks[-1].words == answer.sentence


def test_every_verdict_has_its_case() -> None:
    assert {verdict for _, verdict, _, _ in CASES.values()} == set(Verdict)


def test_an_instant_that_is_none_names_its_neighbours_to_ask_about() -> None:
    answer = why(facts(NINE + MINUTE))

    assert answer.nearby == (NINE, TEN)


def test_the_nearest_reason_wins_over_those_behind_it() -> None:
    everything = of_run(Q, around={"standing": replace(DOWN, scheduler=False), "pool": FULL})

    assert why(everything).verdict is Verdict.BROKER_DOWN
    assert why(replace(everything, standing=SILENT)).verdict is Verdict.SCHEDULER_SILENT
    assert why(replace(everything, standing=Standing())).verdict is Verdict.WAITING


def test_what_was_due_when_the_pause_began_was_not_paused() -> None:
    at_its_start = replace(PAUSE, paused_at=NINE)

    assert why(facts(pauses=(at_its_start,))).verdict is Verdict.UNRECORDED
    assert why(facts(NINE, pauses=(replace(OVER, resumed_at=NINE),))).verdict is Verdict.PAUSED


@pytest.mark.parametrize(
    ("verdict", "shown"), [("ran", False), ("running", False), ("not-yet", False), ("skipped", True)]
)
def test_a_page_shows_by_itself_what_needs_somebody(verdict: str, *, shown: bool) -> None:
    answers = [why(given_facts) for given_facts, expected, _, _ in CASES.values() if expected == verdict]

    assert {answer.needs_somebody for answer in answers} == {shown}


OFFSETS = st.integers(-3 * 86_400, 3 * 86_400).map(lambda seconds: NINE + timedelta(seconds=seconds))
RUNS = st.builds(
    a_run, st.sampled_from(RunState), st.none() | st.sampled_from(Reason), cause=st.sampled_from(Cause),
    due_at=OFFSETS, started_at=st.none() | OFFSETS, attempt=st.integers(0, 3), attempt_due_at=OFFSETS,
)  # fmt: skip
POOLS = st.builds(
    PoolFacts, known=st.integers(0, 3), online=st.integers(0, 3), slots=st.integers(0, 3),
    busy=st.integers(0, 3), draining=st.integers(0, 1), ailing=st.integers(0, 1),
)  # fmt: skip
ANYTHING = st.builds(
    facts, OFFSETS, now=OFFSETS, run=st.none() | RUNS, pool=POOLS, deleted_at=st.none() | OFFSETS,
    pauses=st.sampled_from([(), (PAUSE,), (OVER,)]), schedules=st.sampled_from([(), (HOURLY,)]),
)  # fmt: skip


@given(ANYTHING)
def test_there_is_an_answer_for_everything(anything: Facts) -> None:
    answer = why(anything)

    assert plain(answer.sentence)
    assert answer.checks


EDGES: dict[str, tuple[Facts, Verdict]] = {
    "the job's first moment": (facts(CREATED), Verdict.NO_INSTANT),
    "the moment of the deletion": (facts(deleted_at=NINE), Verdict.UNRECORDED),
    "due now": (facts(now=NINE), Verdict.DECIDING),
    "the start itself": (facts(policy=Policy(starts_at=NINE)), Verdict.UNRECORDED),
    "the end itself": (facts(policy=Policy(ends_at=NINE)), Verdict.UNRECORDED),
    "a run due now": (of_run(Q, around={"now": NINE}), Verdict.DECIDING),
    "an attempt due now": (of_run(Q, attempt=2, attempt_due_at=NINE, around={"now": NINE}), Verdict.DECIDING),
}


@pytest.mark.parametrize("name", EDGES)
def test_an_edge_belongs_to_its_side(name: str) -> None:
    given_facts, verdict = EDGES[name]

    assert why(given_facts).verdict is verdict

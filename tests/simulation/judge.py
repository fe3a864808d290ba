"""What must stand in the ledger, said plainly: every promised instant once, nothing else, each with its end.

The rules are those of the specification in words. A decision is what one transaction stored for one
schedule: the rows with one `created_at`. What was late then, and what became of it, follows from the
oracle's instants alone.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

from shared.domain.policy import OnMissed
from tests.simulation.crew import Crew
from tests.simulation.machine import SECOND, instant_of, micros
from tests.simulation.named import Instants, Oracle
from tests.simulation.people import Followed, Person
from tests.simulation.tries import tries_problems

GRACE = 60 * SECOND
WINDOW = 2 * SECOND
DAY = 86_400 * SECOND
CAUGHT_UP = 100
_NAMED_ENDS = {
    "succeeded": {None, "late"},
    "failed": {None, "late"},
    "timed_out": {None, "late"},
    "lost": {"silent", "executor-gone"},
    "cancelled": {"paused", "edited", "deleted", "requested", "overlap"},
    "skipped": {"overlap", "coincides", "calendar"},
    "missed": {"downtime", "deadline"},
}
_STARTED = {"succeeded", "failed", "timed_out", "lost"}


@dataclass(frozen=True, slots=True)
class Row:
    """One run as the ledger has it."""

    number: int
    schedule: bytes | None
    first: int
    last: int
    count: int
    due: int
    state: str
    reason: str | None
    attempt: int
    created: int
    finished: int | None

    @property
    def was_planned(self) -> bool:
        """Say whether it was to run when it was decided; only what happened later kept it from that."""
        return self.count == 1 and (self.attempt > 0 or self.state != "missed" or self.reason == "deadline")

    @property
    def was_left_out(self) -> bool:
        """Say whether its schedule was stopped by a clock ahead of the one that decided it."""
        return self.state == "cancelled" and self.finished == self.created < self.first


@dataclass
class Verdict:
    """What was found in one year's ledger."""

    complaints: list[str]
    rows: int = 0
    in_ranges: int = 0

    @property
    def instants(self) -> int:
        """Return how many promised instants the ledger accounts for."""
        return self.rows + self.in_ranges


def judge(
    path: Path, people: Sequence[Person], crew: Crew, oracle: Oracle, *, year: int, until: int
) -> Verdict:
    """Compare the ledger at the end of a year, when all is at rest, with what was promised until then."""
    connection = sqlite3.connect(path)
    verdict = Verdict(list(crew.complaints))
    verdict.complaints += [f"{what}" for (what,) in connection.execute("SELECT what FROM wrong")]
    by_schedule: dict[bytes | None, list[Row]] = defaultdict(list)
    for row in _rows(connection):
        by_schedule[row.schedule].append(row)
        if (problem := _end_problem(row)) is not None:
            verdict.complaints.append(f"run #{row.number} at {_at(row.first)}: {problem}")
    verdict.complaints += tries_problems(connection, people)
    connection.close()
    for job in people:
        for followed in (*job.schedules, *job.retired):
            rows = by_schedule.pop(followed.id.hex.encode(), [])
            judged = _Judged(job, followed, oracle.instants(followed.form, followed.zone, year), rows, until)
            verdict.complaints += judged.complaints()
            verdict.rows += sum(row.count == 1 for row in rows)
            verdict.in_ranges += sum(row.count for row in rows if row.count > 1)
    by_schedule.pop(None, None)
    verdict.complaints += [
        f"{len(rows)} runs of a schedule that nobody made" for rows in by_schedule.values()
    ]
    return verdict


class _Judged:
    """One schedule, its rows and its periods."""

    def __init__(
        self, job: Person, followed: Followed, named: Instants, rows: Sequence[Row], until: int
    ) -> None:
        self._job = job
        self._followed = followed
        self._named = named
        self._rows = sorted(rows, key=lambda row: row.first)
        self._until = until

    def complaints(self) -> Iterator[str]:
        """Yield a sentence about everything that is wrong, with job, schedule and instant."""
        for sentence in (*self._misnamed(), *self._uncovered(), *self._unpromised(), *self._misdecided()):
            job, followed = self._job, self._followed
            yield (
                f"job {job.definition.name!r} ({job.definition.overlap}, {job.definition.policy.on_missed}), "
                f"schedule {followed.form} in {followed.zone}: {sentence}"
            )

    def _misnamed(self) -> Iterator[str]:
        """What the schedule does not name, and what stands there twice."""
        before: Row | None = None
        for row in self._rows:
            if before is not None and row.first <= before.last:
                yield f"G2: {_at(row.first)} is in run #{row.number} and in run #{before.number}"
            count = self._named.count(row.first - 1, row.last)
            if row.count > 1:
                # A range may reach over a pause: what lies in it was not promised, and does not count,
                # unless a clock that was ahead had it decided before.
                count = min(count, self._count_promised(row, or_decided=True))
            if count != row.count or self._named.count(row.first - 1, row.first) != 1:
                yield f"G2: run #{row.number} has {row.count} for the {count} instants from {_at(row.first)}"
            before = row

    def _uncovered(self) -> Iterator[str]:
        """What was promised and is in no row."""
        for period in self._followed.periods:
            until = self._until if period.until is None else min(period.until, self._until)
            covered = period.after
            for row in self._rows:
                if row.last <= period.after:
                    continue
                if row.first > until:
                    break
                yield from self._gap(covered, min(row.first - 1, until))
                covered = max(covered, row.last)
            yield from self._gap(covered, until)

    def _gap(self, after: int, until: int) -> Iterator[str]:
        if until > after and (missing := self._named.count(after, until)):
            first = self._named.within(after, until)[0]
            yield f"G1: {missing} instants from {_at(first)} to {_at(until)} are in no row"

    def _unpromised(self) -> Iterator[str]:
        """What ran though its schedule was not followed then."""
        for row in self._rows:
            if self._count_promised(row) == row.count:
                continue
            stopped = [
                one for one in self._followed.periods if one.until is not None and one.until < row.last
            ]
            if not stopped:
                yield f"G2: run #{row.number} at {_at(row.first)} was promised before its schedule began"
            elif row.last > max(one.decided for one in stopped) and not self._is_withdrawn(row):
                yield (
                    f"G2: run #{row.number} at {_at(row.first)} is {row.state} ({row.reason}, {row.count}), "
                    f"but nothing was promised since {_at(max(one.until or 0 for one in stopped))}"
                )

    def _is_withdrawn(self, row: Row) -> bool:
        """Planned ahead when the schedule was stopped, and never started."""
        return row.count == 1 and row.state in ("cancelled", "skipped") and row.first - row.created <= WINDOW

    def _count_promised(self, row: Row, *, or_decided: bool = False) -> int:
        """Return how many of a row's instants lie in a period, or were decided before it ended."""
        count, counted = 0, row.first - 1
        # Two periods overlap when the clock was set back between a pause and its end.
        for period in sorted(self._followed.periods, key=lambda period: period.after):
            after = max(counted, period.after)
            until = row.last
            if period.until is not None:
                until = min(until, max(period.until, period.decided) if or_decided else period.until)
            if until > after:
                count += self._named.count(after, until)
                counted = until
        return count

    def _misdecided(self) -> Iterator[str]:
        """What a decision made of instants that were late when it was taken, or not yet."""
        for created, group in groupby(self._rows, key=lambda row: row.created):
            yield from self._judge_decision(created, [row for row in group if not row.was_left_out])

    def _judge_decision(self, now: int, rows: Sequence[Row]) -> Iterator[str]:
        late_until = now - GRACE
        # Late is what is due late: a run that is spread over some time comes after its instant.
        late = [
            row
            for row in rows
            if row.count > 1 or (row.due <= late_until and not self._is_unsure(row, late_until))
        ]
        for row in rows:
            if row.first > now + WINDOW:
                yield f"run #{row.number} at {_at(row.first)} was planned ahead at {_at(now)}"
            if row.due > late_until and not row.was_planned:
                yield f"run #{row.number} at {_at(row.first)} is missed, though it was not late at {_at(now)}"
            if row.last > late_until and row.count > 1:
                yield f"run #{row.number} counts {_at(row.last)} as missed, which was not late at {_at(now)}"
            if row.count == 1 and not self._is_spread(row):
                yield f"run #{row.number} at {_at(row.first)} was due at {_at(row.due)}"
        if not late:
            return
        instants = [
            instant
            for instant in self._named.within(late[0].first - 1, max(row.last for row in late))
            # Decided by a clock that was ahead is decided, though the schedule is stopped before by another.
            if any(
                one.after < instant <= (max(one.until, one.decided) if one.until else instant)
                for one in self._followed.periods
            )
        ]
        wanted = self._caught_up(instants, now)
        ran = [row.first for row in late if row.was_planned]
        if ran != wanted:
            yield (
                f"misfire: of {len(instants)} instants late at {_at(now)}, {_few(ran)} were to run, "
                f"not {_few(wanted)}"
            )

    def _is_unsure(self, row: Row, late_until: int) -> bool:
        """Say whether a row does not tell if its instant was late: it gave way to one of another schedule.

        That one has the instant's due time, which the spread may have put after the decision.
        """
        most_us = self._job.definition.policy.jitter // timedelta(microseconds=1)
        return row.reason == "coincides" and row.first + most_us > late_until

    def _is_spread(self, row: Row) -> bool:
        """Say whether a run is due at its instant, or less than its job's jitter after it."""
        most_us = self._job.definition.policy.jitter // timedelta(microseconds=1)
        return row.first <= row.due < row.first + max(most_us, 1) and (
            row.due == row.first or self._named.count(row.first, row.due) == 0
        )

    def _caught_up(self, instants: Sequence[int], now: int) -> list[int]:
        """Return which of the late instants still run."""
        policy = self._job.definition.policy
        window = 7 * DAY if self._followed.form["kind"] == "once" else DAY
        if policy.catch_up is not None:
            window = policy.catch_up // timedelta(microseconds=1)
        if policy.start_deadline is not None:
            window = min(window, policy.start_deadline // timedelta(microseconds=1))
        young = [instant for instant in instants[-CAUGHT_UP:] if instant >= now - window]
        match policy.on_missed:
            case OnMissed.LATEST:
                return young[-1:]
            case OnMissed.ALL:
                return young
            case OnMissed.SKIP:
                return []


def _rows(connection: sqlite3.Connection) -> Iterator[Row]:
    statement = (
        "SELECT number, schedule_id, nominal_at, nominal_until, instants, due_at, state, reason, attempt, "
        "created_at, finished_at FROM runs"
    )
    for (
        number,
        schedule,
        first,
        last,
        count,
        due,
        state,
        reason,
        attempt,
        created,
        finished,
    ) in connection.execute(statement):
        first_us = _us(first)
        yield Row(
            number,
            None if schedule is None else schedule.encode(),
            first_us,
            first_us if last is None else _us(last),
            count,
            _us(due),
            state,
            reason,
            attempt,
            _us(created),
            None if finished is None else _us(finished),
        )


def _end_problem(row: Row) -> str | None:
    reasons = _NAMED_ENDS.get(row.state)
    if reasons is None:
        return f"is still {row.state}"
    if row.reason not in reasons:
        return f"ended {row.state} for {row.reason}"
    return None


def _us(text: str) -> int:
    return micros(datetime.fromisoformat(text).replace(tzinfo=UTC))


def _at(us: int) -> str:
    return f"{instant_of(us):%Y-%m-%dT%H:%M:%SZ}"


def _few(instants: Iterable[int]) -> str:
    listed = list(instants)
    shown = ", ".join(map(_at, listed[:3]))
    return f"{len(listed)} [{shown}{', ...' if len(listed) > 3 else ''}]"

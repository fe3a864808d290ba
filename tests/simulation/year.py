"""One simulated year: it lets time pass, lets things go wrong, and hands the ledger to the judge."""

import asyncio
import re
import shutil
import sqlite3
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from sqlalchemy.exc import OperationalError

from services.scheduler.relay import SWEEP_S
from tests.simulation.courier import CourierModel, Odds
from tests.simulation.crew import NAMES, Crew
from tests.simulation.database import Seat, Trouble
from tests.simulation.judge import Verdict, judge
from tests.simulation.life import Crashes, Life, NoCrashes, Sleeper
from tests.simulation.machine import DAY, SECOND, Machine
from tests.simulation.mishaps import Mishaps
from tests.simulation.mix import most_at_once
from tests.simulation.named import Oracle
from tests.simulation.people import People, Person
from tests.simulation.process import Process
from tests.simulation.stepping import SteppedLoop
from tests.simulation.told import Told

_AHEAD_US = 1_500_000
_LONGEST_WAIT_US = 3_600 * SECOND
_REST = 10 * DAY
"""So long after its last fault a year may take to come to rest: a hundred instants caught up one after the
other, each for an hour or so, take four days."""
_NEVER = 1 << 62


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What one year is to be like."""

    seed: int
    jobs: int = 100
    days: float = 365.0
    schedulers: int = 1
    crashes: float = 2e-4
    """Share of the awaits at which the process dies."""
    faults: bool = True
    careful: bool = False
    """People change a job only when a scheduler is there and has seen the change before."""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What years share that are simulated one after the other."""

    loop: SteppedLoop
    seats: list[Seat]
    oracle: Oracle
    template: Path
    """An empty ledger; each year has a copy."""
    folder: Path


class Year:
    """The driver. Everything that it draws comes from one seed."""

    def __init__(self, wish: Wish, ground: Ground, crashes: Crashes) -> None:
        self.wish = wish
        self._loop = ground.loop
        self._seats = ground.seats
        self._oracle = ground.oracle
        self._random = Random(wish.seed)
        self._year = 2023 + wish.seed % 3
        self.machine = Machine(datetime(self._year, 1, 1, tzinfo=UTC))
        self._path = ground.folder / f"year-{wish.seed}.db"
        shutil.copy(ground.template, self._path)
        self.eye = sqlite3.connect(self._path, isolation_level=None)
        self._crashes = crashes
        self._trouble = Trouble(Random(wish.seed + 1), locked=2e-3, lost_answers=1e-3)
        odds = Odds(lost=0.01, twice=0.01, late=0.004, unconfirmed=0.01, unroutable=0.002)
        self.courier = CourierModel(self.machine, Random(wish.seed + 2), odds)
        self.crew = Crew(self.machine, self.courier, Random(wish.seed + 3))
        self.crew.on_event = self._note_job
        ground.seats[0].take(self._path, Life(self.machine, NoCrashes(), self._random, yields=0))
        self.people = People(ground.seats[0].sessions, self.machine, Random(wish.seed + 4), year=self._year)
        self._processes: list[Process | None] = [None] * wish.schedulers
        self._waits: dict[tuple[int, str], tuple[int, int]] = {}
        self._chores: list[asyncio.Task[None]] = []
        self.events: deque[str] = deque(maxlen=50_000)
        self.told = Told()
        self.are_faults_on = wish.faults
        self._is_drilling = False
        self._beats = 0
        self.outages: list[float] = []

    async def run(self) -> Told:
        """Live through the year and come to rest."""
        for number in range(self.wish.jobs):
            self.hire(await self.people.create(dense=number % 50 == 49))
        for slot in range(self.wish.schedulers):
            self._boot(slot)
        if self.wish.faults:
            Mishaps(self, self._random).plan()
        await self._pass_until(self.machine.us + round(self.wish.days * DAY))
        await self._come_to_rest()
        self.told.years = self.wish.days / 365
        self.told.counts.update(self.courier.counts)
        self.told.counts["locked"], self.told.counts["commits unanswered"] = (
            self._trouble.locked,
            self._trouble.lost,
        )
        self.told.counts["changes"], self.told.counts["requests"] = self.people.changes, self.people.asked
        self.told.starts = len(self.crew.starts)
        verdict = self._judged()
        self.told.rows, self.told.in_ranges = verdict.rows, verdict.in_ranges
        self.told.complaints = verdict.complaints
        self.told.story = list(self._story(verdict.complaints))
        return self.told

    async def close(self) -> None:
        """Let go of everything."""
        for process in self._processes:
            if process is not None:
                process.life.die("the end")
                await process.life.bury()
        self.eye.close()
        for path in self._path.parent.glob(f"{self._path.name}*"):
            path.unlink()

    # The passing of time

    async def _pass_until(self, end: int) -> None:
        while self.machine.us < end:
            await self._loop.quiet()
            await self._bury_dead()
            self._raise_failures()
            self.machine.pass_until(min(end, self._next_us()))
            self._wake()

    def _next_us(self) -> int:
        """Return when something happens next: on the agenda, or in a process that has something to do."""
        agenda = self.machine.next_us
        following = _NEVER if agenda is None else agenda
        for slot, process in enumerate(self._processes):
            if process is not None:
                looks = self._looks(slot, process)
                for sleeper in process.life.sleepers:
                    following = min(following, self._wakes_at(sleeper, looks))
        return following

    def _wakes_at(self, sleeper: Sleeper, looks: dict[str, int]) -> int:
        """Return when a sleeper is woken: late, if it would only find that there is nothing to do."""
        return max(
            sleeper.until_us, looks.get(sleeper.role, 0) if sleeper.is_nap or sleeper.role in _SWEEPERS else 0
        )

    def _looks(self, slot: int, process: Process) -> dict[str, int]:
        """Return for each loop when it has something to do."""
        wall = self.machine.wall.replace(tzinfo=None).isoformat(" ")
        due, waits, held, asked, news = self.eye.execute(_OPEN, {"now": wall}).fetchone()
        relay_at, held_at = process.ledger.attempts.next_at, process.ledger.held.next_at
        planner = _NEVER if due is None else self.machine.true_of(_instant(due)) - _AHEAD_US
        planner = min(planner, self._while_open(slot, "planner", is_open=asked or news))
        publishing = _NEVER if relay_at is None else self.machine.true_of(relay_at)
        if self._while_open(slot, "relay", is_open=not self.courier.is_up) != _NEVER:
            publishing = max(publishing, self._doubled(slot, "relay"))
        deciding = _NEVER if held_at is None else self.machine.true_of(held_at)
        return {
            "planner": planner,
            "relay": publishing,
            "held": min(deciding, self._while_open(slot, "held", is_open=held)),
            "sweeps": self._while_open(slot, "sweeps", is_open=waits),
            "reaper": 0 if self._is_drilling else _NEVER,
            "marks": _NEVER,
        }

    def _while_open(self, slot: int, role: str, *, is_open: bool) -> int:
        if is_open:
            return self._doubled(slot, role)
        self._waits.pop((slot, role), None)
        return _NEVER

    def _doubled(self, slot: int, role: str) -> int:
        """Return when to look next at what does not change: after a while that doubles with each look."""
        since, wait = self._waits.setdefault((slot, role), (self.machine.us, round(SWEEP_S * SECOND)))
        return since + wait

    def _wake(self, *, everyone: bool = False) -> None:
        everyone = everyone or self._random.random() < 0.002
        for slot, process in enumerate(self._processes):
            if process is None:
                continue
            looks = self._looks(slot, process)
            for sleeper in list(process.life.sleepers):
                is_due = sleeper.until_us <= self.machine.us
                is_free = everyone and (self._is_drilling or sleeper.role != "reaper")
                if is_due and (is_free or self._wakes_at(sleeper, looks) <= self.machine.us):
                    if not sleeper.future.done():
                        sleeper.future.set_result(None)
                    waited = self._waits.get((slot, sleeper.role))
                    if waited is not None:
                        self._waits[slot, sleeper.role] = (
                            self.machine.us,
                            min(waited[1] * 2, _LONGEST_WAIT_US),
                        )

    # Processes

    def _boot(self, slot: int) -> None:
        if self._processes[slot] is not None:
            return
        seat = self._seats[1 + slot]
        life = Life(self.machine, self._crashes, self._random)
        seat.take(self._path, life, self._trouble)
        for key in [key for key in self._waits if key[0] == slot]:
            del self._waits[key]
        self._processes[slot] = Process(life, seat.sessions, self.courier, self._random)
        self.told.restarts += 1
        self.note(f"scheduler {slot} starts")
        self.beat_now()

    async def _bury_dead(self) -> None:
        for slot, process in enumerate(self._processes):
            if process is None or not process.life.is_dead:
                continue
            self._processes[slot] = None
            self.told.crashes += 1
            await process.life.bury()
            for line in (self.courier.claims, self.courier.events):
                line.give_back(process.life)
                line.wake()
            downtime_s = self._downtime_s()
            self.note(f"scheduler {slot} died at {process.life.died_at!r} for {downtime_s:.0f} s")
            self.machine.after(downtime_s, lambda slot=slot: self._boot(slot))

    def _downtime_s(self) -> float:
        if self.outages:
            return self.outages.pop()
        draw = self._random.random()
        if not self.are_faults_on or draw < 0.5:
            return self._random.uniform(1, 30)
        if draw < 0.75:
            return self._random.uniform(30, 600)
        if draw < 0.88:
            return self._random.uniform(600, 86_400)
        return self._random.uniform(1, 40) * 86_400

    def _raise_failures(self) -> None:
        for process in self._processes:
            if process is not None and not process.life.is_dead and (error := process.life.failure()):
                raise error
        for chore in self._chores:
            if chore.done() and (error := chore.exception()) is not None:
                raise error
        self._chores = [chore for chore in self._chores if not chore.done()]

    def chore(self, act: Callable[[], Awaitable[None]]) -> None:
        """Have a person do something, as soon as the database lets them."""

        async def do() -> None:
            while True:
                try:
                    await act()
                except OperationalError:  # the scheduler is inside a transaction: its lock goes
                    await asyncio.sleep(0)
                else:
                    return

        self._chores.append(self._loop.create_task(do()))

    def living(self) -> list[Process]:
        """Return the schedulers that are there."""
        return [one for one in self._processes if one is not None and not one.life.is_dead]

    def drill(self) -> None:
        """Let the reaper look, while everyone who lives says so, until the dead are noticed."""
        if not self._is_drilling:
            self._is_drilling = True
            self.crew.begin_beats()
            self._beat()

    def beat_now(self) -> None:
        """Let executors say that they live as soon as they can, if somebody watches."""
        if self._is_drilling:
            self._beat()

    def _beat(self) -> None:
        boots = {one.boot.hex for one in self.crew.members.values() if one.is_alive}
        held = {boot for (boot,) in self.eye.execute("SELECT boot FROM attempts WHERE state = 'running'")}
        if held <= boots:
            self._is_drilling = False
            return
        self.crew.beat()
        self._beats += 1
        number = self._beats
        is_away = not self.courier.is_up or not self.living()
        self.machine.after(600 if is_away else 6, lambda: self._beat_again(number))

    def _beat_again(self, number: int) -> None:
        if self._is_drilling and number == self._beats:
            self._beat()

    def hire(self, job: Person) -> None:
        """Let the executors know what a job allows."""
        self.crew.at_once[job.id] = most_at_once(job.definition)
        self.crew.longest_s[job.id] = job.longest

    # The end

    async def _come_to_rest(self) -> None:
        self.are_faults_on = self._trouble.is_on = self._crashes.is_on = False
        self.courier.odds = Odds()
        self.courier.come_up()
        self.machine.correct_wall()
        for name in NAMES:
            self.crew.revive(name)
        for slot in range(len(self._processes)):
            self._boot(slot)
        self._waits.clear()
        self.drill()
        for job in self.people.jobs:
            if job.is_dense and not job.is_paused:
                await self.people.set_paused(job, paused=True)
        # Not on the hour: there is always something going at instants that jobs like.
        end = self.machine.us + _REST + 137 * SECOND
        await self._pass_until(self.machine.us + 137 * SECOND)
        while self.machine.us < end and not self._is_at_rest():
            await self._pass_until(min(end, self.machine.us + 600 * SECOND))
            self._wake(everyone=True)
            await self._loop.quiet()
        self._until = self.machine.us - 2 * SECOND

    def _is_at_rest(self) -> bool:
        (open_runs,) = self.eye.execute(
            "SELECT count(*) FROM runs WHERE state IN ('held', 'queued', 'running')"
        ).fetchone()
        wall = self.machine.wall.replace(tzinfo=None).isoformat(" ")
        due, _, _, asked, news = self.eye.execute(_OPEN, {"now": wall}).fetchone()
        is_planned = due is None or _instant(due) > self.machine.wall
        return open_runs == 0 and is_planned and not (asked or news or self._chores)

    def _judged(self) -> Verdict:
        return judge(
            self._path, self.people.jobs, self.crew, self._oracle, year=self._year, until=self._until
        )

    def _story(self, complaints: Sequence[str]) -> Iterator[str]:
        """Yield what happened around the instant of the first complaint, if there is one."""
        found = re.search(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)", complaints[0]) if complaints else None
        if found is None:
            return
        instant = f"{found[1]} {found[2]}"
        place = next((at for at, event in enumerate(self.events) if event >= instant), len(self.events))
        yield from (event for event in list(self.events)[max(0, place - 12) : place + 12])

    def _note_job(self, what: str, job_id: object, facts: str) -> None:
        self.note(f"{what}: {job_id} {facts}")

    def note(self, words: str) -> None:
        self.events.append(f"{self.machine.wall:%Y-%m-%d %H:%M:%S.%f} {words}")


_SWEEPERS = {"sweeps", "reaper"}
_OPEN = """
SELECT (SELECT min(next_due_at) FROM cursors),
       EXISTS (SELECT 1 FROM attempts WHERE state = 'queued' AND due_at <= :now),
       EXISTS (SELECT 1 FROM runs WHERE state = 'held' AND due_at <= :now),
       EXISTS (SELECT 1 FROM requests WHERE handled_at IS NULL),
       EXISTS (SELECT 1 FROM jobs LEFT JOIN job_ledgers ON job_id = jobs.id
               WHERE job_id IS NULL OR version > seen_version)
"""


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)

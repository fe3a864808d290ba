"""What goes wrong in a year, and what people do to their jobs meanwhile."""

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

from tests.simulation.crew import NAMES
from tests.simulation.people import Person

if TYPE_CHECKING:
    from tests.simulation.year import Year


class Mishaps:
    """Draws what happens when, each kind for itself."""

    def __init__(self, year: "Year", random: Random) -> None:
        self._year = year
        self._random = random

    def plan(self) -> None:
        """Put the first of each kind on the agenda; each is followed by another."""
        for mean_days, fault in (
            (30, lambda: self._year.chore(self._planned_outage)),
            (9, self._broker_goes_down),
            (11, self._clock_steps),
            (40, self._suspended),
            (45, self._executor_dies),
            (12, lambda: self._year.chore(self._someone_pauses)),
            (10, lambda: self._year.chore(self._someone_edits)),
            (9, lambda: self._year.chore(self._someone_renames)),
            (40, lambda: self._year.chore(self._someone_deletes)),
            (5, lambda: self._year.chore(self._someone_runs_now)),
            (12, lambda: self._year.chore(self._someone_cancels)),
        ):
            self._again(mean_days, fault)

    def _again(self, mean_days: float, fault: Callable[[], None]) -> None:
        def happen() -> None:
            if self._year.are_faults_on:
                fault()
                self._again(mean_days, fault)

        self._year.machine.after(self._random.expovariate(1 / (mean_days * 86_400)), happen)

    def _broker_goes_down(self) -> None:
        seconds = 10 ** self._random.uniform(0.5, 4.3)
        self._year.note(f"broker is down for {seconds:.0f} s")
        self._year.told.counts["broker down"] += 1
        self._year.courier.go_down()
        self._year.machine.after(seconds, self._broker_comes_up)

    def _broker_comes_up(self) -> None:
        self._year.courier.come_up()
        self._year.beat_now()

    def _clock_steps(self) -> None:
        seconds = self._random.choice((1, -1, 3_600, -3_600, 3 * 86_400, -3 * 86_400))
        self._year.note(f"clock steps by {seconds} s")
        self._year.told.counts["clock steps"] += 1
        self._year.machine.step_wall(seconds)
        # What is changed just then must bring no instant back.
        for _ in range(3):
            self._year.machine.after(90, lambda: self._year.chore(self._someone_renames))
        self._year.machine.after(10 ** self._random.uniform(1, 5), self._year.machine.correct_wall)

    def _suspended(self) -> None:
        self._year.note("the machine sleeps for 8 h")
        self._year.told.counts["suspends"] += 1
        # Nobody is woken in between: everything that was due by then comes at once.
        self._year.machine.leap(8 * 3_600)

    def _executor_dies(self) -> None:
        name = self._random.choice(NAMES)
        self._year.note(f"executor {name} dies")
        self._year.told.counts["executors killed"] += 1
        self._year.crew.kill(name)
        self._year.machine.after(10 ** self._random.uniform(0, 3), lambda: self._year.crew.revive(name))
        self._year.drill()

    def _someone(self, *, dense: bool = False, paused: bool | None = None) -> Person | None:
        fitting = [
            one
            for one in self._year.people.jobs
            if not one.is_deleted and one.is_dense == dense and paused in (None, one.is_paused)
        ]
        job = self._random.choice(fitting) if fitting else None
        return job if job is None or not self._year.wish.careful or self._is_followed(job) else None

    def _is_followed(self, job: Person) -> bool:
        """Say whether a scheduler is there and has taken over the job's newest version."""
        if not self._year.living():
            return False
        statement = (
            "SELECT version = seen_version FROM jobs JOIN job_ledgers ON job_id = jobs.id WHERE jobs.id = ?"
        )
        return self._year.eye.execute(statement, (job.id.hex,)).fetchone() == (1,)

    async def _someone_pauses(self) -> None:
        job = self._someone(paused=False)
        if job is not None:
            await self._year.people.set_paused(job, paused=True)
            self._tell(job)
            seconds = 10 ** self._random.uniform(0, 6.6)
            self._year.machine.after(seconds, lambda: self._year.chore(lambda: self._resume(job)))

    async def _resume(self, job: Person) -> None:
        if self._year.wish.careful and not self._is_followed(job) and not job.is_deleted:
            self._year.machine.after(60, lambda: self._year.chore(lambda: self._resume(job)))
        elif job.is_paused and not job.is_deleted:
            await self._year.people.set_paused(job, paused=False)
            self._tell(job)

    async def _pause(self, job: Person) -> None:
        if self._year.wish.careful and not self._is_followed(job) and not job.is_deleted:
            self._year.machine.after(60, lambda: self._year.chore(lambda: self._pause(job)))
        elif not job.is_paused and not job.is_deleted:
            await self._year.people.set_paused(job, paused=True)
            self._tell(job)

    async def _someone_edits(self) -> None:
        job = self._someone()
        if job is not None:
            await self._year.people.edit(job)
            self._tell(job)

    async def _someone_renames(self) -> None:
        job = self._someone()
        if job is not None:
            await self._year.people.rename(job)
            self._tell(job)

    async def _someone_deletes(self) -> None:
        job = self._someone()
        if job is not None:
            await self._year.people.delete(job)
            self._tell(job)
            self._year.hire(await self._year.people.create())

    async def _someone_runs_now(self) -> None:
        job = self._someone()
        if job is not None:
            await self._year.people.run_now(job)
            self._tell_requests()

    async def _someone_cancels(self) -> None:
        job = self._someone()
        if job is not None:
            await self._year.people.cancel(job)
            self._tell_requests()

    async def _planned_outage(self) -> None:
        """Stop every scheduler for long, while a dense job goes on and misses thousands of instants."""
        job = self._someone(dense=True, paused=True)
        if job is None:
            return
        await self._resume(job)
        self._year.outages.append(self._random.uniform(3_600, 15 * 86_400))
        self._year.machine.after(self._random.uniform(30, 300), self._stop_all)
        longer_s = self._random.uniform(400, 900)
        self._year.machine.after(
            self._year.outages[-1] + longer_s, lambda: self._year.chore(lambda: self._pause(job))
        )

    def _stop_all(self) -> None:
        for process in self._year.living():
            process.life.die("outage")

    def _tell(self, job: Person) -> None:
        """Say that a job changed; the message may be lost."""
        self._year.note(f"{job.definition.name} changes: paused {job.is_paused}, deleted {job.is_deleted}")
        for process in self._year.living():
            if self._random.random() < 0.8:
                process.news.job_changed(job.id)

    def _tell_requests(self) -> None:
        for process in self._year.living():
            if self._random.random() < 0.8:
                process.news.requests_changed()

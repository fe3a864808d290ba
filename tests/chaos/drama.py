"""One whole run of the harness: set the stage, break things, let everything heal, judge."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos import leaks, rest
from tests.chaos.evidence import Evidence, gathered
from tests.chaos.faults import Mischief
from tests.chaos.judge import expected, violations
from tests.chaos.people import People
from tests.chaos.plan import Fault, planned
from tests.chaos.scripts import written
from tests.chaos.stage import service_names, set_stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line asks for."""

    seed: int
    minutes: float
    database: str
    executors: int = 3


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What was done, what was seen, and what was broken."""

    options: Options
    planned: int
    faults: Counter[str] = field(default_factory=Counter)
    own_ends: dict[str, list[int]] = field(default_factory=dict)
    quiet_s: float = 0.0
    evidence: Evidence | None = None
    violations: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """Return it in words, a line each."""
        options = self.options
        executors = f"{options.executors} executors"
        yield f"seed {options.seed}, {options.database}, {executors}, {options.minutes:g} minutes of faults"
        kinds = ", ".join(f"{kind} {count}" for kind, count in self.faults.most_common())
        yield f"faults     {self.faults.total()} of {self.planned} planned: {kinds}"
        if self.own_ends:
            yield f"ended      by themselves, with these codes: {self.own_ends}"
        yield f"quiet      {self.quiet_s:.1f} s after everything was mended"
        if self.evidence is not None:
            yield from _counts(self.evidence)
        yield f"violations {len(self.violations)}"
        yield from (f"  BROKEN   {violation}" for violation in self.violations)


def _counts(evidence: Evidence) -> Iterator[str]:
    promised = sum(len(expected(promise)) for promise in evidence.promises)
    states: Counter[str] = Counter()
    for run in evidence.runs:
        states[run.state if run.reason is None else f"{run.state}({run.reason})"] += run.instants
    words = Counter(line.word for line in evidence.lines)
    wishes = evidence.wishes
    tried_again = sum(run.attempt > 1 for run in evidence.runs)
    size = sum(len(text) for chunks in evidence.chunks.values() for _, text in chunks)
    yield f"instants   {promised} of {len(evidence.promises)} schedules, and {len(wishes.asked)} asked for"
    yield "runs       " + ", ".join(f"{state} {count}" for state, count in states.most_common())
    yield f"starts     {words['start']} testified, {words['end']} ends; {tried_again} runs were tried again"
    yield f"cancels    {len(wishes.cancelled)} promised"
    yield f"logs       {size:,} characters of {len(evidence.chunks)} attempts"


def faults_of(options: Options) -> tuple[Fault, ...]:
    """Return the plan of this seed."""
    names = service_names(options.database, options.executors)
    return planned(options.seed, seconds=options.minutes * 60, database=options.database, services=names)


async def play(options: Options, folder: Path) -> Verdict:
    """Run it all in an empty folder; takes the minutes asked for, and some two more."""
    plan = faults_of(options)
    verdict = Verdict(options=options, planned=len(plan))
    names = service_names(options.database, options.executors)
    async with set_stage(folder, written(folder), database=options.database, names=names) as stage:
        people, mischief = People(stage), Mischief(stage)
        await people.make_jobs()
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(people.run(options.seed))
            await mischief.run(plan)
            asking.cancel()
        verdict.faults += Counter({str(kind): count for kind, count in mischief.done.items()})
        began = asyncio.get_running_loop().time()
        verdict.violations += await rest.unready(stage) + await rest.out_of_step(stage)
        await people.pause_all()
        verdict.violations += await rest.restless(stage)
        verdict.quiet_s = asyncio.get_running_loop().time() - began
        witness = await asyncio.to_thread((folder / "witness").read_text, "ascii")
        verdict.evidence = await gathered(stage.database, witness, people.wishes)
        # In a thread: while it thinks, every wire would be cut.
        verdict.violations += await asyncio.to_thread(violations, verdict.evidence)
        verdict.own_ends = {one.name: one.own_ends for one in stage.servants if one.own_ends}
        verdict.violations += [f"leak {fault}" for fault in await leaks.leaked(stage)]
        verdict.violations += await rest.outlived(stage)
        stuck = {one.name: one.stuck for one in stage.servants if one.stuck}
        verdict.violations += [f"{name} did not end when asked to, {n} times" for name, n in stuck.items()]
    return verdict

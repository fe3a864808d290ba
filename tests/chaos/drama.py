"""One whole run of the harness: set the stage, break things, let everything heal, judge."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from services.cli import roster
from tests.chaos.evidence import Evidence, gathered, unfinished
from tests.chaos.faults import Mischief, pids_of
from tests.chaos.judge import expected, violations
from tests.chaos.people import People
from tests.chaos.plan import Fault, planned
from tests.chaos.scripts import NAME, written
from tests.chaos.stage import Stage, service_names, set_stage

QUIET_BOUND_S = 120.0
"""So long nothing may come to its end while something is unfinished: no job of the load runs as long."""
_SETTLED_S = 5.0


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
    tried_again = sum(run.attempt > 1 for run in evidence.runs)
    size = sum(len(text) for chunks in evidence.chunks.values() for _, text in chunks)
    yield f"instants   {promised} of {len(evidence.promises)} schedules, and {len(evidence.asked)} asked for"
    yield "runs       " + ", ".join(f"{state} {count}" for state, count in states.most_common())
    yield f"starts     {words['start']} testified, {words['end']} ends; {tried_again} runs were tried again"
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
        verdict.violations += await _unready(stage)
        await asyncio.sleep(_SETTLED_S)
        await people.pause_all()
        verdict.violations += await _restless(stage)
        verdict.quiet_s = asyncio.get_running_loop().time() - began
        witness = await asyncio.to_thread((folder / "witness").read_text, "ascii")
        verdict.evidence = await gathered(stage.database, witness, frozenset(people.asked))
        # In a thread: while it thinks, every wire would be cut.
        verdict.violations += await asyncio.to_thread(violations, verdict.evidence)
        verdict.own_ends = {one.name: one.own_ends for one in stage.servants if one.own_ends}
        verdict.violations += await _left(stage)
        stuck = {one.name: one.stuck for one in stage.servants if one.stuck}
        verdict.violations += [f"{name} did not end when asked to, {n} times" for name, n in stuck.items()]
    return verdict


async def _unready(stage: Stage) -> list[str]:
    try:
        await stage.ready()
    except TimeoutError as error:
        return [str(error)]
    return []


async def _restless(stage: Stage) -> list[str]:
    """Wait until nothing moves any more; return what does not come to its end.

    A backlog may take its time, as long as it becomes smaller.
    """
    loop = asyncio.get_running_loop()
    least, since = len(moving := await _moving(stage)), loop.time()
    while moving and loop.time() - since < QUIET_BOUND_S:
        await asyncio.sleep(1)
        moving = await _moving(stage)
        if len(moving) < least:
            least, since = len(moving), loop.time()
    return [f"no end within {QUIET_BOUND_S:g} s: {what}" for what in moving]


async def _moving(stage: Stage) -> list[str]:
    scripts = pids_of(stage.folder / "scripts" / NAME)
    found = await unfinished(stage.database) + [f"script with pid {pid}" for pid in scripts]
    for executor in (stage.home.folder / "executors").iterdir():
        found += [f"{path.parent.name} of {executor.name}: {path.name}" for path in _owed(executor)]
    return found + await _lying(stage)


def _owed(executor: Path) -> list[Path]:
    """Return what the executor keeps until somebody has taken it: reports and output."""
    return [path for part in ("journal", "spool") for path in sorted((executor / part).glob("*"))]


async def _lying(stage: Stage) -> list[str]:
    queues = await stage.management.call("GET", "queues/%2F?columns=name,messages,messages_unacknowledged")
    assert isinstance(queues, list)
    return [
        f"{one['name']} holds {one['messages']} messages, {one['messages_unacknowledged']} of them unacked"
        for one in queues
        if one.get("messages")
    ]


async def _left(stage: Stage) -> list[str]:
    """End the services in their order and say what outlived them."""
    for kind in ("executor", "scheduler", "ui"):
        async with asyncio.TaskGroup() as group:
            for name, servant in stage.services.items():
                if roster.kind(name) == kind:
                    group.create_task(servant.leave())
    keepers = [stage.home.executor(name) / "keeper.pyc" for name in stage.services]
    return [f"{path} outlived its executor" for path in keepers for _ in pids_of(path)]

"""Why a run that is in the ledger has not started: what stands between it and a slot, nearest first."""

from collections.abc import Iterator

from shared.domain.holds import HoldKind
from shared.domain.limits import in_words
from shared.domain.retry import tries
from shared.domain.run import RunState
from shared.domain.sandbox import HOW_TO_OFFER, MinSandbox
from shared.domain.why.answer import Fix, Remedy, Verdict, Words
from shared.domain.why.facts import Facts, RunFacts
from shared.domain.why.finding import Finding, ends_well, passed, stops
from shared.domain.why.instant import DECIDES_WITHIN, silence

_OPEN_EXECUTORS = Remedy.OPEN_EXECUTORS


def findings(facts: Facts, run: RunFacts) -> Iterator[Finding]:
    """Yield the answers in their order; the last one has the verdict."""
    again = (_attempt,) if run.attempt > 1 else ()
    holds = (_hold,) if facts.standing.holds.of_pool(run.pool, facts.now) else ()
    limits = (_limit,) if facts.limit is not None else ()
    for question in (_due, _in_the_way, *again, *holds, *limits, _broker, _scheduler, _executor, _slot):
        found = question(facts, run)
        yield found
        if found.verdict is not None:
            return


def _due(facts: Facts, run: RunFacts) -> Finding:
    if run.due_at > facts.now:
        wait = run.due_at - facts.now
        return ends_well("Due", Verdict.NOT_YET, ("Not yet: due in ", wait, ", ", run.due_at))
    return passed("Due", run.due_at)


def _in_the_way(facts: Facts, run: RunFacts) -> Finding:
    if run.state is not RunState.HELD:
        return passed("Overlap", "No other run stands in its way")
    other = facts.blocker
    words: Words = ("Waiting: runs of this job that are due before it go first",)
    if other is not None:
        verb = "is still going" if other.state is not RunState.QUEUED else "waits before it"
        words = (f"Waiting: run #{other.number} (due ", other.due_at, f") {verb}")
    fix = Fix("It starts when that run ends. To start it sooner, stop that run.", Remedy.OPEN_BLOCKER)
    return stops("Overlap", Verdict.WAITING, words, fix=fix)


def _attempt(facts: Facts, run: RunFacts) -> Finding:
    number = f"attempt {run.attempt} of {tries(facts.policy.retry, run.attempt)}"
    before = f": {run.detail}" if run.detail else ""
    if run.startable_at > facts.now:
        words: Words = (f"It waits for {number} at ", run.startable_at, before)
        return stops("Attempt", Verdict.WAITING, words)
    return passed("Attempt", f"{number.capitalize()} may start{before}")


def _hold(facts: Facts, run: RunFacts) -> Finding:
    hold = facts.standing.holds.of_pool(run.pool, facts.now)
    assert hold is not None
    by: Words = (" by ", hold.begun_by, " since ", hold.begun_at)
    if hold.kind is HoldKind.FREEZE:
        until: Words = () if hold.ends_at is None else (" until ", hold.ends_at)
        fix = Fix("It goes on when the freeze ends, or when somebody lifts it.", _OPEN_EXECUTORS)
        return stops("Freeze", Verdict.FROZEN, ("Everything is frozen", *by, *until), fix=fix)
    fix = Fix("Resume the pool: what waits for it then goes on.", _OPEN_EXECUTORS)
    return stops("Pool", Verdict.POOL_PAUSED, (f"Pool {run.pool} is paused", *by), fix=fix)


def _limit(facts: Facts, run: RunFacts) -> Finding:  # noqa: ARG001 - one shape for all questions
    limit = facts.limit
    assert limit is not None
    if limit.is_let_in:
        return passed("Limit", f"A place of {limit.key} is kept for it")
    used = f"{len(limit.holders):,} of {limit.maximum:,} in use"
    # Nobody holds one: those that are let in before it are on their way.
    by = f" by {in_words(limit.holders)}" if limit.holders else ""
    words: Words = (f"It waits for {limit.key}: {used}{by}, position {limit.position:,}",)
    fix = Fix("It starts when it is its turn. A higher maximum lets more run at once.", _OPEN_EXECUTORS)
    return stops("Limit", Verdict.WAITING, words, fix=fix)


def _broker(facts: Facts, run: RunFacts) -> Finding:  # noqa: ARG001 - one shape for all questions
    standing = facts.standing
    if standing.broker:
        return passed("Broker", "RabbitMQ is there")
    since: Words = () if standing.broker_since is None else (" since ", standing.broker_since)
    fix = Fix("Start RabbitMQ again: what waits is then delivered by itself.")
    words: Words = ("The broker is down", *since, ": nothing is lost")
    return stops("Broker", Verdict.BROKER_DOWN, words, fix=fix)


def _scheduler(facts: Facts, run: RunFacts) -> Finding:  # noqa: ARG001 - one shape for all questions
    return passed("Scheduler", "It is there") if facts.standing.scheduler else silence(facts.standing)


def _executor(facts: Facts, run: RunFacts) -> Finding:
    pool = facts.pool
    if pool.taking > 0:
        serve = "executor serves" if pool.taking == 1 else "executors serve"
        level = "" if run.min_sandbox is MinSandbox.ANY else f" at level {run.min_sandbox} or better"
        return passed("Executor", f"{pool.taking} {serve} pool {run.pool}{level}")
    if pool.ailing:
        fix = Fix("Mend that executor, or start another one.", _OPEN_EXECUTORS)
        words: Words = (f"No executor of pool {run.pool} takes runs: {pool.problem}",)
    elif pool.draining:
        fix = Fix("Start another executor, or end the draining.", _OPEN_EXECUTORS)
        words = (f"Every executor of pool {run.pool} is draining",)
    elif pool.exposed:
        fix = Fix(f"{HOW_TO_OFFER[run.min_sandbox]}, or lower the job's minimum.", Remedy.EDIT)
        words = (f"No executor of pool {run.pool} offers {run.min_sandbox}",)
    elif pool.known:
        last: Words = () if pool.last_seen_at is None else (", the last was seen ", pool.last_seen_at)
        fix = Fix("Start an executor for this pool.", _OPEN_EXECUTORS)
        words = (f"Every executor of pool {run.pool} is offline", *last)
    else:
        fix = Fix(f"Start an executor that serves {run.pool}, or choose another pool.", _OPEN_EXECUTORS)
        words = (f"No executor serves {run.pool}",)
    return stops("Executor", Verdict.NO_EXECUTOR, words, fix=fix)


def _slot(facts: Facts, run: RunFacts) -> Finding:
    pool = facts.pool
    if pool.busy < pool.slots:
        return _handed_over(facts, run)
    all_slots = "the only slot" if pool.slots == 1 else f"all {pool.slots} slots"
    is_are = "is" if pool.slots == 1 else "are"
    words = (f"Waiting: {all_slots} of pool {run.pool} {is_are} busy, position {pool.position:,}",)
    fix = Fix("Wait for a slot, or give the pool more of them.", _OPEN_EXECUTORS)
    return stops("Slot", Verdict.WAITING, words, fix=fix)


def _handed_over(facts: Facts, run: RunFacts) -> Finding:
    if facts.now - run.startable_at <= DECIDES_WITHIN:
        return ends_well("Slot", Verdict.DECIDING, ("A slot is free: the run is being handed over",))
    words: Words = ("Waiting: a slot is free, and no executor has taken it yet; it is sent again by itself",)
    return stops("Slot", Verdict.WAITING, words, fix=Fix("Look at the executors.", _OPEN_EXECUTORS))

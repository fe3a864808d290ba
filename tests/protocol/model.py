"""Claims, leases and the fence as explicit states: one run with `on_lost: retry`, two executors.

A state changes by one step: somebody acts, a message is read, or time goes on by a tick. Nobody has to
act: an executor that is stopped, cut off or slow is one whose steps do not come. Messages are lost (never
read), doubled (read again) and late: a due message may be read by anybody at any time, and what was asked
may be read for as long as it can still mean anything.

So that the states can be counted, the bounds keep their order and not their length; executor 1 is quick
and simple, it claims and starts in one step and neither renews nor restarts; and what cannot break G3 or
G4 is left out: how scripts end by themselves, output, cancels, limits.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, TypeAlias

NOTHING = -1
"""No attempt."""
TOKENS = 2
LAST = 2
"""The attempts that there can be: 1 under token 0 and, given back, under token 1; and 2, the last."""


_QUICK = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The product's rules, durations in ticks of 7.5 s. A sabotage is one of them changed."""

    boots: tuple[int, int] = (2, 1)
    """Per executor, how often it may be started."""
    renewals: tuple[int, int] = (1, 0)
    """Per executor, how many may be on their way at once."""

    fence: int = 2
    """15 s: `services.executor.claims.LEASE_S`."""
    silence: int = 3
    """20 s: `services.scheduler.settings.SchedulerSettings.lost_after_s`."""
    forgotten: int = 2
    """30 s: `services.scheduler.leases._FORGOTTEN_AFTER`."""
    claims_need_queued: bool = True
    """A claim is granted only while the attempt is queued, or again under the same claim id."""
    claims_have_ids: bool = True
    """Who asks anew has another claim id: what it holds, or held, is not granted to it again."""
    spawns_in_time: bool = True
    """An executor whose grant came later than the fence gives it back."""
    keeper_looks: bool = True
    """The keeper refuses an order that reaches it after the fence: the executor was stopped meanwhile."""
    keeper_fences: bool = True
    """The keeper kills the script when its lease ends."""
    lease_from_sending: bool = True
    """A lease counts from when the question was sent, not from when its answer came."""
    claim_is_life: bool = True
    """A claim ends an executor's silence as a beat does."""
    judges_by_hearing: bool = True
    """What a renewal does not name is lost only if it was granted long before what its sender had heard."""
    release_takes_token: bool = True
    """A release moves the token on, so that it cannot be read twice."""


class Holder(NamedTuple):
    """Who claimed. `is_asking`: by the claim that it is still at, not by an earlier one."""

    name: int
    boot: int
    is_asking: bool


class Ledger(NamedTuple):
    """The newest attempt under its token, as one growing number. `holder` None: queued."""

    ref: int
    holder: Holder | None
    age: int
    """Ticks since it was granted."""


class Phase(IntEnum):
    """What an executor does with its one slot."""

    IDLE = 0
    ASKING = 1
    GRANTED = 2
    """The answer is on its way, for as long as it likes."""
    DECIDED = 3
    """It was in time: the order to the keeper is the next thing that it does."""
    RUNNING = 4


class Question(NamedTuple):
    """A renewal on its way. `knew`: what the ledger had granted long before the sender last heard of it."""

    boot: int
    names: int
    age: int
    knew: int
    is_answered: bool
    is_renewed: bool


class Executor(NamedTuple):
    """One executor: its process, its keeper, and what it has sent."""

    boot: int
    phase: Phase
    ref: int
    age: int
    """Ticks since the claim was first sent, no more than the fence."""
    lease: int
    """Ticks that the keeper lets its script live."""
    is_dying: bool
    silent: int
    """Ticks that the scheduler counted without a word."""
    knew: int
    questions: tuple[Question, ...]
    ghost: tuple[int, Holder] | None
    """A claim of a boot that is dead, not read yet."""
    release: tuple[int, int] | None
    report: tuple[int, int] | None
    """What it says of a script that is dead: attempt and boot."""


class State(NamedTuple):
    """Everything. `started` counts, per attempt, how often its script was started."""

    ledger: Ledger
    executors: tuple[Executor, Executor]
    started: tuple[int, ...]


Step: TypeAlias = tuple[str, State]

_NEW = Executor(
    boot=0,
    phase=Phase.IDLE,
    ref=NOTHING,
    age=0,
    lease=0,
    is_dying=False,
    silent=0,
    knew=NOTHING,
    questions=(),
    ghost=None,
    release=None,
    report=None,
)
START = State(Ledger(0, None, 0), (_NEW, _NEW), (0, 0))


def broken(state: State) -> str | None:
    """Say which guarantee this state breaks."""
    if max(state.started) > 1:
        return "G3: an attempt was started twice"
    if sum(one.phase is Phase.RUNNING for one in state.executors) > 1:
        return "G4: two attempts of the run are running"
    return None


def steps(state: State, rules: Rules) -> Iterator[Step]:
    """Return every step that can come next."""
    for index, one in enumerate(state.executors):
        for act in _ACTS:
            for label, after in act(state, index, one, rules):
                yield f"executor {index} {label}", _tidied(after, rules)
    # The fence does not wait: a script whose lease has ended is dead before the next tick.
    if not any(one.is_dying for one in state.executors):
        yield from ((label, _tidied(after, rules)) for label, after in _tick(state, rules))


# What an executor does.


def _asks(state: State, index: int, one: Executor, rules: Rules) -> Iterator[Step]:
    """Read a due message, be it the tenth of this attempt. Those of older tokens are always refused."""
    if one.phase is Phase.IDLE and index == _QUICK:
        yield from _claims_and_starts(state, one, rules)
    elif one.phase is Phase.IDLE:
        asking = one._replace(phase=Phase.ASKING, ref=state.ledger.ref, age=0)
        yield f"asks for {_name(asking.ref)}", _with(_another_claim(state, index), index, asking)


def _claims_and_starts(state: State, one: Executor, rules: Rules) -> Iterator[Step]:
    ref = state.ledger.ref
    holder = Holder(_QUICK, one.boot, is_asking=True)
    ledger = _granted(_another_claim(state, _QUICK).ledger, ref, holder, rules)
    if ledger is not None:
        running = one._replace(phase=Phase.RUNNING, ref=ref, lease=rules.fence, silent=0)
        after = _started(_with(state, _QUICK, running), ref)._replace(ledger=ledger)
        yield f"claims and starts {_name(ref)}", after


def _another_claim(state: State, index: int) -> State:
    """Note that what this executor was granted, it was granted by an earlier claim."""
    holder = state.ledger.holder
    if holder is None or holder.name != index:
        return state
    return state._replace(ledger=state.ledger._replace(holder=holder._replace(is_asking=False)))


def _hears_grant(state: State, index: int, one: Executor, rules: Rules) -> Iterator[Step]:
    if one.phase is Phase.GRANTED:
        if one.age < rules.fence or not rules.spawns_in_time:
            lease = rules.fence - (one.age if rules.lease_from_sending else 0)
            yield "hears its grant", _with(state, index, one._replace(phase=Phase.DECIDED, lease=lease))
        else:
            yield "hears its grant too late", _with(state, index, _given_back(one))


def _orders(state: State, index: int, one: Executor, rules: Rules) -> Iterator[Step]:
    if one.phase is not Phase.DECIDED:
        return
    if rules.keeper_looks and one.age >= rules.fence:
        yield "orders too late", _with(state, index, _given_back(one))
        return
    running = one._replace(phase=Phase.RUNNING, age=0, is_dying=rules.keeper_fences and one.lease <= 0)
    yield f"starts {_name(one.ref)}", _started(_with(state, index, running), one.ref)


def _started(state: State, ref: int) -> State:
    number = ref // TOKENS
    return state._replace(started=tuple(n + (place == number) for place, n in enumerate(state.started)))


def _script_dies(state: State, index: int, one: Executor, rules: Rules) -> Iterator[Step]:
    if one.is_dying:
        yield "has its script killed by the fence", _with(state, index, _dead(one))


def _beats(state: State, index: int, one: Executor, rules: Rules) -> Iterator[Step]:
    """Send a renewal; it takes the place of an older one, which is lost then, when there are too many."""
    names = one.ref if one.phase >= Phase.DECIDED else NOTHING
    question = Question(one.boot, names, 0, one.knew, is_answered=False, is_renewed=False)
    room = rules.renewals[index]
    keeping = [one.questions] if len(one.questions) < room else [(old,) for old in one.questions]
    for kept in keeping if room else ():
        yield "beats", _with(state, index, one._replace(questions=(*kept, question)))


def _hears_answer(state: State, index: int, one: Executor, rules: Rules) -> Iterator[Step]:
    for question in one.questions:
        if question.is_answered and question.boot == one.boot:
            left = tuple(other for other in one.questions if other is not question)
            yield "hears an answer", _with(state, index, _obeying(one, question, left, rules))


def _obeying(one: Executor, answer: Question, left: tuple[Question, ...], rules: Rules) -> Executor:
    heard = one._replace(questions=left, knew=answer.knew)
    if one.phase < Phase.DECIDED or answer.names != one.ref or one.is_dying:
        return heard
    if not answer.is_renewed:
        return _dead(heard)
    age = answer.age if rules.lease_from_sending else 0
    return heard._replace(lease=max(one.lease, rules.fence - age))


def _restarts(state: State, index: int, one: Executor, rules: Rules) -> Iterator[Step]:
    """Be killed: its keeper kills the script before the next boot says anything."""
    if one.boot + 1 >= rules.boots[index]:
        return
    after = _idle(one)._replace(boot=one.boot + 1, knew=NOTHING)
    match one.phase:
        case Phase.IDLE:
            pass
        case Phase.ASKING:
            after = after._replace(ghost=(one.ref, Holder(index, one.boot, is_asking=True)))
        case Phase.GRANTED:
            after = after._replace(release=(one.ref, one.boot))
        case Phase.DECIDED | Phase.RUNNING:
            after = after._replace(report=(one.ref, one.boot))
    yield "is killed and starts again", _with(state, index, after)


# What a scheduler reads and does.


def _claim_read(state: State, index: int, one: Executor, rules: Rules) -> Iterator[Step]:
    if one.phase is Phase.ASKING:
        ledger = _granted(state.ledger, one.ref, Holder(index, one.boot, is_asking=True), rules)
        if ledger is None:
            yield "is refused", _with(state, index, _idle(one))
        else:
            silent = 0 if rules.claim_is_life else one.silent
            answered = one._replace(phase=Phase.GRANTED, silent=silent)
            yield "is granted it", _with(state, index, answered)._replace(ledger=ledger)


def _ghost_read(state: State, index: int, one: Executor, rules: Rules) -> Iterator[Step]:
    if one.ghost is not None:
        ledger = _granted(state.ledger, *one.ghost, rules) or state.ledger
        after = _with(state, index, one._replace(ghost=None))
        yield "has a claim of its dead boot read", after._replace(ledger=ledger)


def _granted(ledger: Ledger, ref: int, asking: Holder, rules: Rules) -> Ledger | None:
    """Return the ledger after this claim; None: it is refused."""
    if ledger.ref != ref:
        return None
    holder = ledger.holder
    if holder is None:
        return Ledger(ref, asking, 0)
    is_known = (holder.name, holder.boot) == (asking.name, asking.boot) and (
        holder.is_asking or not rules.claims_have_ids
    )
    return ledger._replace(holder=asking) if is_known or not rules.claims_need_queued else None


def _renewal_read(state: State, index: int, one: Executor, rules: Rules) -> Iterator[Step]:
    ledger = state.ledger
    is_ours = ledger.holder is not None and ledger.holder.name == index
    for question in one.questions:
        if question.is_answered or question.boot < one.boot:
            continue
        answer = question._replace(
            is_answered=True,
            is_renewed=is_ours and question.names == ledger.ref,
            knew=ledger.ref if is_ours and ledger.age > rules.forgotten else NOTHING,
        )
        asked = tuple(answer if other is question else other for other in one.questions)
        after = _with(state, index, one._replace(silent=0, questions=asked))
        is_forgotten = is_ours and question.names != ledger.ref and _is_old(ledger, question, rules)
        yield "has a renewal read", _lost(after) if is_forgotten else after


def _is_old(ledger: Ledger, question: Question, rules: Rules) -> bool:
    return question.knew == ledger.ref if rules.judges_by_hearing else ledger.age > rules.forgotten


def _release_read(state: State, index: int, one: Executor, rules: Rules) -> Iterator[Step]:
    """Read a release, and perhaps once more later."""
    if one.release is not None and _is_of(state.ledger, index, one.release):
        ref = state.ledger.ref + rules.release_takes_token
        if ref < TOKENS:
            yield "has its release read", state._replace(ledger=Ledger(ref, None, 0))


def _report_read(state: State, index: int, one: Executor, rules: Rules) -> Iterator[Step]:
    if one.report is not None and _is_of(state.ledger, index, one.report):
        yield "has its report read", _lost(state)


def _reaped(state: State, index: int, one: Executor, rules: Rules) -> Iterator[Step]:
    holder = state.ledger.holder
    if holder is None or holder.name != index:
        return
    # The scripts of a boot that was followed by another died before that one said a word.
    if holder.boot < one.boot or one.silent >= rules.silence:
        yield "is taken for lost", _lost(state)


def _is_of(ledger: Ledger, index: int, said: tuple[int, int]) -> bool:
    holder = ledger.holder
    return holder is not None and (ledger.ref, holder.name, holder.boot) == (said[0], index, said[1])


def _lost(state: State) -> State:
    """Queue the next attempt; of the last one, the run stays lost."""
    return state if state.ledger.ref == LAST else state._replace(ledger=Ledger(LAST, None, 0))


def _tick(state: State, rules: Rules) -> Iterator[Step]:
    """Let time pass. The scheduler counts silence only while it runs and hears itself."""
    ledger = state.ledger
    older = ledger._replace(age=min(ledger.age + 1, rules.forgotten + 1) if ledger.holder else 0)
    for counts, label in ((1, "time passes"), (0, "time passes, the scheduler does not look")):
        first, second = (_older(one, rules, counts=counts) for one in state.executors)
        yield label, state._replace(ledger=older, executors=(first, second))


def _older(one: Executor, rules: Rules, *, counts: int) -> Executor:
    is_running = one.phase is Phase.RUNNING
    lease = max(0, one.lease - 1)
    return one._replace(
        age=0 if is_running or one.phase is Phase.IDLE else min(one.age + 1, rules.fence),
        lease=lease,
        is_dying=rules.keeper_fences and is_running and lease == 0,
        silent=min(one.silent + counts, rules.silence),
        questions=tuple(q._replace(age=min(q.age + 1, rules.fence)) for q in one.questions),
    )


def _idle(one: Executor) -> Executor:
    return one._replace(phase=Phase.IDLE, ref=NOTHING, age=0, lease=0, is_dying=False)


def _given_back(one: Executor) -> Executor:
    return _idle(one)._replace(release=(one.ref, one.boot))


def _dead(one: Executor) -> Executor:
    """Its script is dead, and it says so."""
    return _idle(one)._replace(report=(one.ref, one.boot))


def _with(state: State, index: int, one: Executor) -> State:
    first, second = state.executors
    return state._replace(executors=(one, second) if index == 0 else (first, one))


def _tidied(state: State, rules: Rules) -> State:
    """Give states that can only go on alike one form: what can have no effect any more is taken out."""
    ledger = state.ledger
    first, second = (_forgetting(index, one, ledger, rules) for index, one in enumerate(state.executors))
    return state._replace(executors=(first, second))


def _forgetting(index: int, one: Executor, ledger: Ledger, rules: Rules) -> Executor:
    newest = ledger.ref
    is_holder = ledger.holder is not None and ledger.holder.name == index
    knew = one.knew if one.knew == newest else NOTHING
    questions = {_plain(question, one, newest) for question in one.questions if question.boot == one.boot}
    return one._replace(
        # Whoever is granted something begins with no silence.
        silent=one.silent if is_holder or not rules.claim_is_life else 0,
        knew=knew,
        questions=tuple(sorted(q for q in questions if not (q.is_answered and q[1:4] == (NOTHING, 0, knew)))),
        ghost=one.ghost if one.ghost is not None and one.ghost[0] == newest else None,
        release=one.release if one.release is not None and one.release[0] == newest else None,
        report=one.report if one.report is not None and one.report[0] == newest else None,
    )


def _plain(question: Question, one: Executor, newest: int) -> Question:
    names = question.names if question.names in {one.ref, newest} else NOTHING
    if question.is_answered and names != one.ref:
        names = NOTHING
    has_lease = names != NOTHING and (question.is_renewed or not question.is_answered)
    return question._replace(
        names=names,
        age=question.age if has_lease else 0,
        knew=question.knew if question.knew == newest else NOTHING,
        is_renewed=question.is_renewed and has_lease,
    )


def _name(ref: int) -> str:
    return f"attempt {ref // TOKENS + 1} under token {ref % TOKENS}"


_Act: TypeAlias = Callable[[State, int, Executor, Rules], Iterator[Step]]
_ACTS: tuple[_Act, ...] = (
    _asks,
    _hears_grant,
    _orders,
    _script_dies,
    _beats,
    _hears_answer,
    _restarts,
    _claim_read,
    _ghost_read,
    _renewal_read,
    _release_read,
    _report_read,
    _reaped,
)

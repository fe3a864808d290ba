"""Holds an engine against the model, case by case, around real transitions."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, Protocol

from tests.oracle import kinds
from tests.oracle.cases import Window, aim, choose_window, schedule
from tests.oracle.model import Elapsed, Model
from tests.oracle.wall import HOUR, Walk, fires, walk

CASES_PER_WINDOW = 8
_LOOK_BEHIND = HOUR
_MICROSECOND = timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)
_SOME = 12
_DENSE = 20_000
"""More fires than this in a day are compared in four hours instead of 48."""
_FAR_SHARE, _LONG_SHARE = 0.04, 0.02
_LONG = timedelta(days=400)
_FREQUENT = 200


class Engine(Protocol):
    """What is judged: the questions that a timetable answers."""

    def next_after(self, instant: datetime) -> datetime | None: ...
    def last_until(self, instant: datetime) -> datetime | None: ...
    def count_between(self, after: datetime, until: datetime) -> int: ...
    def between(self, after: datetime, until: datetime) -> Iterable[datetime]: ...


MakeEngine = Callable[[dict[str, Any], str], Engine]


@dataclass(frozen=True)
class Case:
    """One schedule in one zone, and its fires in (after, until]."""

    form: dict[str, Any]
    zone: str
    after: datetime
    until: datetime
    expected: list[datetime]

    def __str__(self) -> str:
        return f"{self.form} in {self.zone}, ({self.after.isoformat()}, {self.until.isoformat()}]"


def cases(seed: int, number: int) -> Iterator[tuple[Case, Random]]:
    """Yield random cases, the same ones for the same seed, each with its source of further chances."""
    random = Random(seed)
    for begun in range(0, number, CASES_PER_WINDOW):
        window = choose_window(random)
        seen = walk(window.zone, window.first - _LOOK_BEHIND, window.last + _LOOK_BEHIND)
        target = aim(window, random)
        for _ in range(min(CASES_PER_WINDOW, number - begun)):
            yield _case(schedule(target, window), window, seen), random


def _case(form: dict[str, Any], window: Window, seen: Walk) -> Case:
    model, after, until = kinds.model_of(form), window.first, window.last
    if isinstance(model, Model) and _per_day(model) > _DENSE:
        after, until = window.at - 2 * HOUR, window.at + 2 * HOUR
    if isinstance(model, Elapsed):
        expected = model.between(after, until)
    else:
        assert model is not None
        expected = sorted(fire for fire in fires(model, seen) if after < fire <= until)
    return Case(form, window.zone, after, until, expected)


def _per_day(model: Model) -> int:
    return len(model.hours) * len(model.minutes) * len(model.seconds)


def differences(case: Case, engine: Engine, random: Random) -> Iterator[str]:
    """Yield a sentence for every answer of the engine that is not the model's."""
    found = list(engine.between(case.after, case.until))
    if found != case.expected:
        missing, extra = sorted(set(case.expected) - set(found)), sorted(set(found) - set(case.expected))
        yield f"between: misses {_few(missing)}, adds {_few(extra)}, {len(found)} for {len(case.expected)}"
    for instant in _instants(case, random):
        yield from _at(case, engine, instant)
    if random.random() < _FAR_SHARE:
        yield from _far(case, engine)
    if random.random() < _LONG_SHARE:
        yield from _long(case, engine, random)


def _few(instants: list[datetime]) -> str:
    return "[" + ", ".join(instant.isoformat() for instant in instants[:4]) + "]"


def _instants(case: Case, random: Random) -> list[datetime]:
    """Return where to ask: at fires, just beside them, and anywhere."""
    some = random.sample(case.expected, min(_SOME, len(case.expected)))
    beside = [fire + random.choice([_MICROSECOND, _SECOND]) * random.choice([-1, 1]) for fire in some[:4]]
    anywhere = [case.after + random.random() * (case.until - case.after) for _ in range(3)]
    return [instant for instant in (*some, *beside, *anywhere) if case.after <= instant <= case.until]


def _at(case: Case, engine: Engine, instant: datetime) -> Iterator[str]:
    earlier = [fire for fire in case.expected if fire <= instant]
    later = case.expected[len(earlier) :]
    answers = [
        ("next_after", engine.next_after(instant), later[0]) if later else None,
        ("last_until", engine.last_until(instant), earlier[-1]) if earlier else None,
        ("count_between from it", engine.count_between(instant, case.until), len(later)),
        ("count_between until it", engine.count_between(case.after, instant), len(earlier)),
    ]
    yield from _told(instant, answers)


def _far(case: Case, engine: Engine) -> Iterator[str]:
    """Compare what lies outside of the window, wherever it is."""
    model = kinds.model_of(case.form)
    until, after = case.until, case.after
    yield from _told(
        until, [("next_after", engine.next_after(until), kinds.next_after(model, case.zone, until))]
    )
    yield from _told(
        after, [("last_until", engine.last_until(after), kinds.last_until(model, case.zone, after))]
    )


def _long(case: Case, engine: Engine, random: Random) -> Iterator[str]:
    """Compare the count over more than a year, date by date."""
    model = kinds.model_of(case.form)
    if isinstance(model, Model) and _per_day(model) > _FREQUENT:
        return
    after, until = case.after - _LONG * random.random(), case.until + _LONG * random.random()
    counted = len(kinds.between(model, case.zone, after, until))
    yield from _told(
        after, [(f"count until {until.isoformat()}", engine.count_between(after, until), counted)]
    )


def _told(instant: datetime, answers: Iterable[tuple[str, object, object] | None]) -> Iterator[str]:
    for answer in filter(None, answers):
        question, found, right = answer
        if found != right:
            yield f"{question} at {instant.isoformat()}: {found} for {right}"


def run(seed: int, number: int, make: MakeEngine) -> Iterator[str]:
    """Judge an engine; yield one line for every case in which it differs."""
    for case, random in cases(seed, number):
        told = list(differences(case, make(case.form, case.zone), random))
        if told:
            yield f"{case}: " + "; ".join(told[:3])

"""The answer to one question: passed, or the verdict."""

from dataclasses import dataclass
from datetime import datetime

from shared.domain.why.answer import Fix, Verdict, Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one question found; one with a verdict is the last."""

    name: str
    words: Words
    passed: bool = True
    verdict: Verdict | None = None
    sentence: Words = ()
    """The answer as a whole, where it says more than the words of the question."""
    fix: Fix | None = None
    nearby: tuple[datetime, ...] = ()


def passed(name: str, *words: str | datetime) -> Finding:
    """Return a question that stands in nobody's way."""
    return Finding(name=name, words=words)


def stops(
    name: str,
    verdict: Verdict,
    words: Words,
    *,
    fix: Fix | None = None,
    nearby: tuple[datetime, ...] = (),
    sentence: Words = (),
) -> Finding:
    """Return the question whose answer is the reason."""
    return Finding(
        name=name, words=words, passed=False, verdict=verdict, fix=fix, nearby=nearby, sentence=sentence
    )


def ends_well(name: str, verdict: Verdict, words: Words, *, fix: Fix | None = None) -> Finding:
    """Return the last question, where nothing is wrong."""
    return Finding(name=name, words=words, verdict=verdict, fix=fix)

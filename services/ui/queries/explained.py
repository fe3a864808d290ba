"""The read model of `why`: a sentence in pieces, so that the browser says instants in the reader's zone."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from shared.domain.run import RunState
from shared.domain.why import Answer, Remedy, Verdict, Words, plain


class Piece(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A piece of a sentence: text, an instant, or a duration in milliseconds."""

    text: str | None = None
    at: datetime | None = None
    ms: int | None = None


class WhyCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One question on the way to the answer."""

    name: str
    passed: bool
    words: tuple[Piece, ...]


class WhyFix(msgspec.Struct, frozen=True, kw_only=True):
    """What to do; `remedy` is what a page can offer."""

    words: str
    remedy: Remedy | None


class WhyRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run that the answer speaks of."""

    id: UUID
    number: int | None
    state: RunState
    schedule_id: UUID | None
    nominal_at: datetime
    nominal_until: datetime | None
    instants: int


class WhyAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The one reason, with what was asked to find it."""

    at: datetime
    verdict: Verdict
    needs_somebody: bool
    """A page should show it by itself."""
    sentence: tuple[Piece, ...]
    text: str
    """The sentence with instants in ISO 8601, UTC."""
    fix: WhyFix | None
    checks: tuple[WhyCheck, ...]
    nearby: tuple[datetime, ...]
    run: WhyRun | None
    blocker_id: UUID | None


def shown(answer: Answer, run: WhyRun | None, blocker_id: UUID | None) -> WhyAnswer:
    """Return the answer as it stands in the JSON."""
    return WhyAnswer(
        at=answer.at,
        verdict=answer.verdict,
        needs_somebody=answer.needs_somebody,
        sentence=_pieces(answer.sentence),
        text=plain(answer.sentence),
        fix=None if answer.fix is None else WhyFix(words=answer.fix.words, remedy=answer.fix.remedy),
        checks=tuple(
            WhyCheck(name=check.name, passed=check.passed, words=_pieces(check.words))
            for check in answer.checks
        ),
        nearby=answer.nearby,
        run=run,
        blocker_id=blocker_id,
    )


def _pieces(words: Words) -> tuple[Piece, ...]:
    return tuple(_piece(one) for one in words if one)


def _piece(one: str | datetime | timedelta) -> Piece:
    match one:
        case str():
            return Piece(text=one)
        case datetime():
            return Piece(at=one)
        case timedelta():
            return Piece(ms=int(one.total_seconds() * 1000))

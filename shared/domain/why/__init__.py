"""Why a job ran, did not run or does not run yet at one instant: the one reason, and what to do.

Every question that decides is asked in its order; the first one that is not passed is the reason.
"""

from collections.abc import Iterator

from shared.domain.why import instant, run
from shared.domain.why.answer import Answer, Check, Fix, Remedy, Verdict, Words, plain
from shared.domain.why.facts import Before, Facts, LimitFacts, Pause, PoolFacts, RunFacts, RunRef, Standing
from shared.domain.why.finding import Finding

__all__ = [
    "Answer",
    "Before",
    "Check",
    "Facts",
    "Fix",
    "LimitFacts",
    "Pause",
    "PoolFacts",
    "Remedy",
    "RunFacts",
    "RunRef",
    "Standing",
    "Verdict",
    "Words",
    "plain",
    "why",
]


def why(facts: Facts) -> Answer:
    """Return the one reason; total: there is an answer for every job and every instant."""
    checks: list[Check] = []
    for finding in _findings(facts):
        checks.append(Check(finding.name, finding.passed, finding.words))
        if finding.verdict is not None:
            return Answer(
                at=facts.at,
                verdict=finding.verdict,
                sentence=finding.sentence or finding.words,
                fix=finding.fix,
                checks=tuple(checks),
                nearby=finding.nearby,
            )
    raise AssertionError("the last question always gives a verdict")


def _findings(facts: Facts) -> Iterator[Finding]:
    if facts.run is None:
        return instant.findings(facts)
    return run.findings(facts, facts.run)

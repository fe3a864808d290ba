"""From what was found to what is told: once for each condition, until it ends or is reminded of. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from shared.db.alerts import Incident
from shared.db.deliveries import Notice
from shared.domain.alert import Rule
from shared.domain.ids import new_id

Key = tuple[UUID, str]
"""A rule and its subject."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a rule tells of holds of a subject, or is over."""

    rule: Rule
    subject: str
    holds: bool
    at: datetime
    """When that was noted: what an incident was judged by already says nothing new."""
    title: str
    text: str = ""
    job_id: UUID | None = None
    run_id: UUID | None = None
    with_log: bool = False


@dataclass(slots=True, kw_only=True)
class Decision:
    """What is stored: incidents as they are from now on, and what each channel is told."""

    incidents: dict[Key, Incident]
    stored: set[UUID] = field(default_factory=set)
    """The ids of those that are rows already."""
    changed: set[Key] = field(default_factory=set)
    begun: dict[Key, Notice] = field(default_factory=dict)
    notices: dict[UUID, list[Notice]] = field(default_factory=lambda: defaultdict(list))

    def add(
        self,
        findings: Iterable[Finding],
        known: Mapping[Key, Incident],
        *,
        muted: Collection[UUID],
        now: datetime,
        sums_up: bool = False,
    ) -> None:
        """Judge more findings; what was decided before goes before what was known before."""
        self.incidents = {**known, **self.incidents}
        self.stored |= {one.id for one in known.values()}
        for finding in findings:
            was = self.incidents.get((finding.rule.id, finding.subject))
            if was is not None and finding.at <= was.seen_at:
                continue
            if not finding.holds:
                _end(self, finding, was, now, sums_up=sums_up)
            elif was is not None and was.ended_at is None:
                _store(self, replace(was, count=was.count + 1, seen_at=finding.at))
            elif finding.rule.speaks(now) and finding.job_id not in muted:
                _begin(self, finding, was, now)

    def tell(self, rule: Rule, notice: Notice) -> None:
        """Tell all of the rule's channels."""
        for channel_id in rule.channels:
            self.notices[channel_id].append(notice)


def decide(
    findings: Iterable[Finding],
    known: Mapping[Key, Incident],
    *,
    muted: Collection[UUID],
    now: datetime,
    sums_up: bool,
) -> Decision:
    """Judge the findings in their order. `sums_up`: what began and ended among them is not told at all."""
    decision = Decision(incidents={})
    decision.add(findings, known, muted=muted, now=now, sums_up=sums_up)
    return decision


def _begin(decision: Decision, finding: Finding, was: Incident | None, now: datetime) -> None:
    incident = Incident(
        id=new_id() if was is None else was.id,
        rule_id=finding.rule.id,
        subject=finding.subject,
        job_id=finding.job_id,
        run_id=finding.run_id,
        opened_at=now,
        ended_at=None,
        seen_at=finding.at,
        told_at=now,
        count=1,
        title=finding.title,
    )
    _store(decision, incident)
    notice = _notice(finding)
    decision.begun[(finding.rule.id, finding.subject)] = notice
    decision.tell(finding.rule, notice)


def _end(decision: Decision, finding: Finding, was: Incident | None, now: datetime, *, sums_up: bool) -> None:
    if was is None or was.ended_at is not None:
        return
    _store(decision, replace(was, ended_at=now, seen_at=finding.at))
    begun = decision.begun.pop((was.rule_id, was.subject), None)
    if begun is not None and sums_up:
        for told in decision.notices.values():
            if begun in told:
                told.remove(begun)
    elif finding.rule.tells_end:
        decision.tell(finding.rule, _notice(finding))


def remind(decision: Decision, rules: Mapping[UUID, Rule], *, muted: Collection[UUID], now: datetime) -> None:
    """Tell again of what has held for so long as its rule says since it was told last."""
    for incident in list(decision.incidents.values()):
        rule = rules.get(incident.rule_id)
        if incident.ended_at is not None or rule is None or rule.remind_s is None:
            continue
        is_time = now - incident.told_at >= timedelta(seconds=rule.remind_s)
        if is_time and rule.speaks(now) and incident.job_id not in muted:
            _store(decision, replace(incident, told_at=now))
            title = f"Still: {incident.title}"
            notice = Notice(at=now, title=title, job_id=incident.job_id, run_id=incident.run_id)
            decision.tell(rule, notice)


def close(decision: Decision, incident: Incident, now: datetime) -> None:
    """End it without a word: its rule is off, or its job is gone."""
    _store(decision, replace(incident, ended_at=now))


def _store(decision: Decision, incident: Incident) -> None:
    key = (incident.rule_id, incident.subject)
    decision.incidents[key] = incident
    decision.changed.add(key)


def _notice(finding: Finding) -> Notice:
    return Notice(
        at=finding.at,
        title=finding.title,
        text=finding.text,
        job_id=finding.job_id,
        run_id=finding.run_id,
        with_log=finding.with_log,
    )

"""What alerts say: titles, sentences and whole messages, as plain text. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from shared.db.alerts import JobRun
from shared.db.deliveries import Notice
from shared.domain.alert import AlertKind, Rule
from shared.domain.run import RunState

MOST_TOLD = 10
"""So many things are told one by one; of more it is said how many there are."""
_ENDED = {
    RunState.SUCCEEDED: "succeeded",
    RunState.FAILED: "failed",
    RunState.TIMED_OUT: "ran into its time limit",
    RunState.LOST: "was lost",
    RunState.MISSED: "was missed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A message as it is sent."""

    title: str
    body: str


def began(rule: Rule, run: JobRun, *, failures: int) -> str:
    """Return the title of what a run began."""
    is_going = run.state is RunState.RUNNING
    said = {
        AlertKind.MISSED: "missed a run" if run.instants == 1 else f"missed {run.instants:,} runs",
        AlertKind.LATE: "has not started" if run.started_at is None else "started late",
        AlertKind.SLOW: f"{'takes' if is_going else 'took'} far longer than usual",
        AlertKind.FAST: "took far less time than usual",
    }
    if rule.kind is AlertKind.FAILED and rule.in_a_row > 1:
        return f"{run.job_name} failed {failures} times in a row"
    return f"{run.job_name} {said.get(rule.kind) or _ENDED.get(run.state, run.state)}"


_OVER = {
    AlertKind.FAILED: "{} succeeded again",
    AlertKind.TIMED_OUT: "{} came to an end again",
    AlertKind.LOST: "{} came to an end again",
    AlertKind.MISSED: "{} runs again",
    AlertKind.LATE: "{} starts in time again",
    AlertKind.SLOW: "{} takes its usual time again",
    AlertKind.FAST: "{} takes its usual time again",
    AlertKind.NO_SUCCESS: "{} is within its time again",
    AlertKind.EXECUTOR: "Executor {} is back, or has left",
    AlertKind.QUEUE: "No run waits too long any more",
}


def over(rule: Rule, name: str) -> str:
    """Return the title of the end of what a rule told of a job, or of an executor, of this name."""
    return _OVER[rule.kind].replace("{}", name)


def about(run: JobRun, zone: str) -> str:
    """Return what there is to know of a run in a line."""
    said = [f"Run {run.number:,}, due {when(run.due_at, zone)}"]
    if run.state in _ENDED:
        said.append(_ENDED[run.state])
    if run.exit_code is not None and run.state is not RunState.SUCCEEDED:
        said.append(f"exit code {run.exit_code}")
    elif run.signal is not None:
        said.append(f"signal {run.signal}")
    if run.duration_ms is not None:
        said.append(f"after {length(timedelta(milliseconds=run.duration_ms))}")
    elif run.started_at is not None and run.state is RunState.RUNNING:
        said.append(f"running since {when(run.started_at, zone)}")
    line = ", ".join(said)
    return f"{line}. {run.detail}" if run.detail else f"{line}."


def when(at: datetime, zone: str) -> str:
    """Return an instant as people of the zone read it."""
    return f"{at.astimezone(ZoneInfo(zone)):%a %d %b %Y %H:%M:%S %Z}"


def length(passed: timedelta) -> str:
    """Return how long something took or takes, in two units at most."""
    seconds = max(0, int(passed.total_seconds()))
    for size, unit, part, lesser in (
        (86_400, "d", 3_600, "h"),
        (3_600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if seconds >= size:
            rest = seconds % size // part
            return f"{seconds // size} {unit} {rest} {lesser}" if rest else f"{seconds // size} {unit}"
    return f"{seconds} s"


def message(notices: Sequence[Notice], logs: dict[UUID, Sequence[str]], public_url: str | None) -> Told:
    """Return one message of all these: the first ten one by one, with the last lines of what they printed."""
    first, *others = notices
    title = first.title if not others else f"{len(notices):,} alerts: {first.title}, and others"
    parts = [_part(one, logs, public_url) for one in notices[:MOST_TOLD]]
    if len(notices) > MOST_TOLD:
        where = f" {public_url.rstrip('/')}/alerts" if public_url else " The page Alerts has them."
        parts.append(f"And {len(notices) - MOST_TOLD:,} more.{where}")
    return Told(title=title[:200], body="\n\n".join(parts))


def _part(notice: Notice, logs: dict[UUID, Sequence[str]], public_url: str | None) -> str:
    lines = [notice.title, notice.text] if notice.text else [notice.title]
    printed = logs.get(notice.run_id, ()) if notice.run_id else ()
    lines += (f"  | {line}" for line in printed)
    if public_url and notice.run_id:
        lines.append(f"{public_url.rstrip('/')}/runs/{notice.run_id}")
    elif public_url and notice.job_id:
        lines.append(f"{public_url.rstrip('/')}/jobs/{notice.job_id}")
    return "\n".join(lines)

"""Commands: "do this", each with one consumer."""

from shared.domain.ids import AttemptId, BootId, ClaimId, ExecutorName, JobId, RunId
from shared.messages.envelope import AttemptRef, Instant, Message


class JobDue(Message, frozen=True, kw_only=True, tag="job.due"):
    """An attempt waits to be claimed. Ids and token only: what to run comes with the grant."""

    job_id: JobId
    run_id: RunId
    attempt_id: AttemptId
    token: int


class AttemptClaim(Message, frozen=True, kw_only=True, tag="attempt.claim"):
    """May I start these? Asked again with the same `claim_id` when no answer comes."""

    claim_id: ClaimId
    executor: ExecutorName
    boot: BootId
    attempts: tuple[AttemptRef, ...]
    sandbox: str = ""
    """The level at which they would run; empty: who asks does not say, and is taken for the weakest."""


class AttemptRelease(Message, frozen=True, kw_only=True, tag="attempt.release"):
    """These were granted and not started, and never will be by this boot: queue them again."""

    executor: ExecutorName
    boot: BootId
    attempts: tuple[AttemptRef, ...]
    reason: str = ""
    log_seq: int = 0
    """Number of the last chunk of the log of a single attempt: what was said while it was prepared."""


class LeaseRenew(Message, frozen=True, kw_only=True, tag="lease.renew"):
    """I live, and hold these. The heartbeat and the renewal in one request."""

    executor: ExecutorName
    boot: BootId
    beat_seq: int
    """Counts up by one per renewal within a boot: silence is its standing still."""
    running: tuple[AttemptRef, ...]
    unsettled: tuple[AttemptRef, ...]
    """Ended here; the report is kept until the answer says settled."""
    slots: int
    pools: tuple[str, ...]
    host: str
    pid: int
    version: str
    sandbox: str
    started_at: Instant
    draining: bool = False
    problems: tuple[str, ...] = ()
    """Why this executor takes no runs, in words for people; empty when it is healthy."""
    answered_at: Instant | None = None
    """The time in the newest answer that this boot has heard: this was sent after the ledger's clock showed
    that. None: none was heard yet, or this executor does not say."""
    leaving: bool = False
    """The last word of a boot that drained: nobody is to wait for another one."""
    sandbox_features: str = ""
    """What fences scripts in here besides the level's name, for people."""
    preparing: tuple[AttemptId, ...] = ()
    """Those of `running` that have not started: each may still start within the lease of this renewal."""
    states: tuple[JobId, ...] = ()
    """Jobs that keep a folder here, some at a time: the answer says which of these folders go."""


class RunCancel(Message, frozen=True, kw_only=True, tag="run.cancel"):
    """Stop this attempt. A wake-up only: the next renewal's answer says it too."""

    attempt: AttemptRef


class ExecutorDrain(Message, frozen=True, kw_only=True, tag="executor.drain"):
    """It was drained or resumed. A wake-up only: renew at once, the answer says whether to take runs."""

    executor: ExecutorName


class LogStored(Message, frozen=True, kw_only=True, tag="log.stored"):
    """Every chunk of this attempt up to and including `seq` is in the store: forget them."""

    attempt_id: AttemptId
    seq: int


Command = JobDue | AttemptClaim | AttemptRelease | LeaseRenew | RunCancel | ExecutorDrain | LogStored

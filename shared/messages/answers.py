"""Answers to the requests of `commands.py`, sent over direct reply-to."""

from enum import StrEnum

import msgspec

from shared.domain.ids import AttemptId, BootId, ClaimId, ExecutorName, JobId, RunId
from shared.domain.job import Network, OnLost
from shared.domain.sandbox import MinSandbox
from shared.messages.envelope import Instant, Message


class SealedSecret(msgspec.Struct, frozen=True, kw_only=True):
    """A secret that a run is to be given, as it is stored: who carries it cannot read it."""

    name: str
    sealed: str
    """Empty: there is no secret of this name any more."""
    as_file: bool = False


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """The right to start one attempt once, with all that is needed to do it. Always sent signed."""

    claim_id: ClaimId
    executor: ExecutorName
    boot: BootId
    attempt_id: AttemptId
    token: int
    number: int
    """Which try of the run this is, from 1."""
    run_id: RunId
    run_number: int
    job_id: JobId
    job_name: str
    script: str
    args: tuple[str, ...]
    nominal_at: Instant
    due_at: Instant
    timeout_s: float
    kill_grace_s: float
    on_lost: OnLost
    max_output_bytes: int = 10_000_000
    merge_output: bool = False
    network: Network = Network.HOST
    pinned_sha256: str | None = None
    """The hash of the only script that may be started, in hex; None: of whatever is there."""
    pinned_at: Instant | None = None
    resources: dict[str, int] = msgspec.field(default_factory=dict)
    """What it may use, as `shared/domain/resources.py` names it; what is not named is not bounded."""
    min_sandbox: MinSandbox = MinSandbox.ANY
    """An executor that fences in less refuses to start it."""
    log_seq: int = 0
    """The chunks that its log has already, by executors that gave it back: those of this one follow."""
    secrets: tuple[SealedSecret, ...] = ()
    parameters: dict[str, str | int | float | bool] | None = None
    """The run's values of its job's parameters, but for those of kind secret; None: the job has none."""
    parameter_secrets: tuple[SealedSecret, ...] = ()


class SignedGrant(msgspec.Struct, frozen=True, kw_only=True):
    """A grant as the bytes that were signed, so that newer fields survive an older reader."""

    grant: msgspec.Raw
    signature: str
    """HMAC-SHA256 (RFC 2104) of the bytes of `grant`, in hex."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """This attempt is not yours to start: forget its message."""

    attempt_id: AttemptId
    token: int
    reason: str


class ClaimAnswer(Message, frozen=True, kw_only=True, tag="attempt.claim.answer"):
    """Every attempt of the claim is in exactly one of the two lists."""

    claim_id: ClaimId
    grants: tuple[SignedGrant, ...]
    refusals: tuple[Refusal, ...]


class ReleaseAnswer(Message, frozen=True, kw_only=True, tag="attempt.release.answer"):
    """The release is in the ledger, or was already void."""

    attempts: tuple[AttemptId, ...]


class Standing(StrEnum):
    """How the ledger sees one attempt of a renewal."""

    RENEWED = "renewed"
    REVOKED = "revoked"
    CANCEL = "cancel"
    SETTLED = "settled"
    REPORT = "report"
    """The ledger has no end for it yet: send the report again."""


class AttemptStanding(msgspec.Struct, frozen=True, kw_only=True):
    """The answer for one attempt of a renewal."""

    attempt_id: AttemptId
    token: int
    standing: Standing


class RenewAnswer(Message, frozen=True, kw_only=True, tag="lease.renew.answer"):
    """Sent after commit: the lease of every attempt that is renewed counts from the asking."""

    beat_seq: int
    attempts: tuple[AttemptStanding, ...]
    drain: bool = False
    """Somebody wants this executor to take no more runs; False also lifts an earlier wish."""
    gone: tuple[JobId, ...] = ()
    """Of the jobs whose folders the renewal names, those that were deleted so long ago that these go."""


Answer = ClaimAnswer | ReleaseAnswer | RenewAnswer

__all__ = [
    "Answer",
    "AttemptStanding",
    "ClaimAnswer",
    "Grant",
    "Refusal",
    "ReleaseAnswer",
    "RenewAnswer",
    "SealedSecret",
    "SignedGrant",
    "Standing",
]

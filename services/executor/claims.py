"""Asks the ledger for the right to start attempts, and gives back what was not started in time."""

from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from services.executor.identity import SOURCE, Identity
from shared.broker import Requests
from shared.domain.errors import BrokerUnavailable, ForgedGrant
from shared.domain.ids import BootId, ClaimId, new_id
from shared.messages.answers import Answer, ClaimAnswer, Grant, ReleaseAnswer, SignedGrant
from shared.messages.commands import AttemptClaim, AttemptRelease
from shared.messages.envelope import AttemptRef
from shared.messages.signing import verified
from shared.runtime.clock import Clock

log = structlog.get_logger()

LEASE_S = 15.0
"""How long a grant or a renewal counts, from the first sending of the question that was answered."""
ASK_AGAIN_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """The answer to one claim; the lease of its grants ends at `lease_until` (CLOCK_BOOTTIME)."""

    grants: tuple[Grant, ...]
    lease_until: float


class Claims:
    """Claims and releases of this executor. Every question is asked until it is answered."""

    def __init__(self, requests: Requests, *, identity: Identity, key: bytes, clock: Clock) -> None:
        self._requests = requests
        self._identity = identity
        self._key = key
        self._clock = clock

    async def claim(self, refs: Iterable[AttemptRef]) -> Claimed:
        """Ask for these attempts, with one claim id however often, and return what was granted.

        Waits as long as no scheduler answers: only the answer tells whether the claim took effect.
        """
        claim = AttemptClaim(
            source=SOURCE,
            time=self._clock.now(),
            claim_id=ClaimId(new_id()),
            executor=self._identity.name,
            boot=self._identity.boot,
            attempts=tuple(refs),
            sandbox=self._identity.sandbox,
        )
        first_sent = self._clock.monotonic()
        answer: Answer | None = None
        while not (isinstance(answer, ClaimAnswer) and answer.claim_id == claim.claim_id):
            answer = await self._ask(claim)
        for refusal in answer.refusals:
            log.info("claim refused", attempt_id=str(refusal.attempt_id), reason=refusal.reason)
        grants = tuple(
            grant for signed in answer.grants if (grant := self._checked(signed, claim)) is not None
        )
        return Claimed(grants=grants, lease_until=first_sent + LEASE_S)

    async def release(self, ref: AttemptRef, *, boot: BootId, reason: str, log_seq: int) -> None:
        """Give back an attempt that was granted to `boot` and never started; repeating it is void.

        `log_seq`: the number of the last chunk that was kept of its log.
        """
        release = AttemptRelease(
            source=SOURCE,
            time=self._clock.now(),
            executor=self._identity.name,
            boot=boot,
            attempts=(ref,),
            reason=reason,
            log_seq=log_seq,
        )
        while not isinstance(await self._ask(release), ReleaseAnswer):
            pass
        log.info("attempt released", attempt_id=str(ref.attempt_id), reason=reason)

    async def _ask(self, question: AttemptClaim | AttemptRelease) -> Answer | None:
        asked_at = self._clock.monotonic()
        try:
            return await self._requests.ask(question, timeout_s=ASK_AGAIN_S)
        except BrokerUnavailable:
            # It may fail at once, without a connection: once a second all the same.
            await self._clock.sleep(asked_at + ASK_AGAIN_S - self._clock.monotonic())
            return None

    def _checked(self, signed: SignedGrant, claim: AttemptClaim) -> Grant | None:
        """Return the grant, or None for one that is forged or answers something else."""
        try:
            grant = verified(signed, self._key)
        except ForgedGrant as error:
            log.error("grant refused", reason=str(error))  # noqa: TRY400 - a fact, not a fault of ours
            return None
        asked = (claim.claim_id, claim.executor, claim.boot)
        ref = AttemptRef(grant.attempt_id, grant.token)
        if (grant.claim_id, grant.executor, grant.boot) != asked or ref not in claim.attempts:
            log.error("grant refused", reason="it answers another claim", attempt_id=str(grant.attempt_id))
            return None
        return grant

"""Grants attempts, each at most once."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduler.admission import Admission, Go, Replace, Skip, Wait, admission, is_going
from services.scheduler.announcer import SOURCE
from services.scheduler.braking import is_judged, starts_of
from services.scheduler.deadlines import deadline_detail
from services.scheduler.endings import Ending, end_unstarted, withdrawal
from services.scheduler.given import Given, given_to
from services.scheduler.holding import Wishes, held_back, too_exposed
from services.scheduler.ledger import Effects
from services.scheduler.limiting import kept_in_line, places_for, turn_of
from services.scheduler.overlap import note_skipped
from shared.db.asked import pending_cancels
from shared.db.attempts import AttemptView, Claimant, attempts_by_id, claim_attempt
from shared.db.holds import open_holds
from shared.db.runs import Unfinished, move_run, start_runs, unfinished_runs
from shared.domain.brake import braked, is_counted
from shared.domain.ids import AttemptId, JobId
from shared.domain.limits import Places
from shared.domain.run import Cause, Reason, RunState
from shared.messages.answers import ClaimAnswer, Grant, Refusal, SignedGrant
from shared.messages.codec import MAX_BODY
from shared.messages.commands import AttemptClaim
from shared.messages.envelope import AttemptRef
from shared.messages.signing import sign

log = structlog.get_logger()

_CLAIM_LEASE = timedelta(seconds=15)
"""So long after its claim an executor may still start a script."""
_SLACK = timedelta(seconds=5)
_MAX_ANSWER = MAX_BODY - 28 * 1024
"""Bytes of grants in one answer; what is left holds the refusals of the largest claim."""


@dataclass(slots=True, kw_only=True)
class Scene:
    """What the claims of one transaction are judged by; it follows what they change."""

    attempts: dict[AttemptId, AttemptView]
    wishes: Wishes
    going: dict[JobId, list[Unfinished]]
    """The runs that are going, or may be, of the jobs that do not let any number go at once."""
    key: bytes
    now: datetime
    starts: dict[JobId, int]
    """How often the jobs that start by themselves did so lately."""
    places: dict[str, Places]
    """How the shared limits of the jobs stand."""
    given: Given
    room: int = 0
    """Bytes that the answer in the making can still hold."""


async def grant_claims(
    session: AsyncSession, effects: Effects, claims: Sequence[AttemptClaim], *, key: bytes, now: datetime
) -> list[ClaimAnswer]:
    """Answer these claims in order. Asked again under the same claim id, a grant is given again."""
    attempts = await attempts_by_id(session, {ref.attempt_id for claim in claims for ref in claim.attempts})
    wishes = await _wishes(session, attempts)
    scene = Scene(
        attempts=attempts,
        wishes=wishes,
        going=await _going(session, attempts, now=now),
        starts=await starts_of(session, attempts.values(), now=now),
        places=await places_for(session, attempts.values(), wishes.holds, now=now),
        given=await given_to(session, attempts.values()),
        key=key,
        now=now,
    )
    answers = [await _answer(session, effects, scene, claim) for claim in claims]
    started = [one for one in scene.attempts.values() if one.run_id in effects.changed]
    await start_runs(session, [(one.run_id, one.number, one.executor) for one in started if one.executor])
    return answers


async def _answer(session: AsyncSession, effects: Effects, scene: Scene, claim: AttemptClaim) -> ClaimAnswer:
    scene.room = _MAX_ANSWER
    grants: list[SignedGrant] = []
    refusals: list[Refusal] = []
    for ref in claim.attempts:
        granted = await _grant(session, effects, scene, claim, ref)
        if isinstance(granted, str):
            refusals.append(Refusal(attempt_id=ref.attempt_id, token=ref.token, reason=granted))
        else:
            grants.append(granted)
    return ClaimAnswer(
        source=SOURCE,
        time=scene.now,
        claim_id=claim.claim_id,
        grants=tuple(grants),
        refusals=tuple(refusals),
    )


def withdrawn(attempt: AttemptView, *, now: datetime) -> Ending | None:
    """Return how a queued run ends whose job was deleted, paused or edited before its instant.

    What was due before that goes on; what somebody asked for runs while the job is paused, too.
    """
    if attempt.deleted_at is not None:
        return withdrawal(Reason.DELETED, now=now)
    if attempt.cause is not Cause.SCHEDULE:
        return None
    if attempt.retired_at is not None and attempt.run_due_at > attempt.retired_at:
        return withdrawal(Reason.EDITED, now=now)
    # Of a run that is tried again each attempt has an instant of its own.
    due_at = attempt.run_due_at if attempt.number == 1 else attempt.due_at
    if attempt.paused_at is not None and due_at > attempt.paused_at:
        return withdrawal(Reason.PAUSED, now=now)
    return None


async def _grant(
    session: AsyncSession, effects: Effects, scene: Scene, claim: AttemptClaim, ref: AttemptRef
) -> SignedGrant | str:
    """Return the grant, or why there is none."""
    attempt = scene.attempts.get(ref.attempt_id)
    if attempt is None:
        return "the ledger has no such attempt"
    if attempt.state is RunState.RUNNING and (attempt.claim_id, attempt.boot, attempt.token) == (
        claim.claim_id,
        claim.boot,
        ref.token,
    ):
        return _signed_grant(attempt.as_granted(), claim, scene)
    refusal = _refusal(attempt, ref, now=scene.now) or await _withheld(
        session, effects, scene, attempt, claim
    )
    return refusal or await _claim(session, effects, scene, attempt, claim)


async def _withheld(
    session: AsyncSession, effects: Effects, scene: Scene, attempt: AttemptView, claim: AttemptClaim
) -> str | None:
    """End or hold a run that is not to start now, and return why; None: it may."""
    ending = withdrawn(attempt, now=scene.now) or overdue(attempt, now=scene.now)
    if ending is not None:
        await end_unstarted(session, effects, attempt, ending)
        return ending.detail
    held = await held_back(session, effects, attempt, claim.executor, scene.wishes, now=scene.now)
    held = held or await too_exposed(session, effects, attempt, claim.sandbox, now=scene.now)
    if held is not None:
        return held
    match _admission(attempt, scene):
        case Skip(why=why):
            return await _skip(session, effects, attempt, Reason.OVERLAP, why, now=scene.now)
        case Wait(why=why) | Replace(why=why):
            return await _hold(session, effects, attempt, why)
        case Go():
            pass
    too_often = _braked(attempt, scene)
    if too_often is not None:
        return await _skip(session, effects, attempt, Reason.BRAKED, too_often, now=scene.now)
    return await kept_in_line(session, attempt, scene.places)


def _braked(attempt: AttemptView, scene: Scene) -> str | None:
    if not is_judged(attempt):
        return None
    return braked(scene.starts.get(attempt.job_id, 0), attempt.policy.starts_per_minute)


def _refusal(attempt: AttemptView, ref: AttemptRef, *, now: datetime) -> str | None:
    if attempt.token != ref.token:
        return "the message is older than the attempt's token"
    if attempt.state is not RunState.QUEUED:
        return f"the attempt is {attempt.state} already"
    if attempt.run_state is RunState.HELD:
        return "it waits for a run before it"
    if attempt.due_at > now:
        return "it is not due yet: compare this machine's clock with the scheduler's"
    return None


def overdue(attempt: AttemptView, *, now: datetime) -> Ending | None:
    """Return how a run ends that was not started by its job's deadline; it counts from when it was due.

    A run after the fact has none: it waits for those before it for as long as they take.
    """
    deadline = attempt.policy.start_deadline
    if deadline is None or attempt.number > 1 or attempt.cause is Cause.BACKFILL:
        return None
    if now <= attempt.run_due_at + deadline:
        return None
    return Ending(
        state=RunState.MISSED, reason=Reason.DEADLINE, detail=deadline_detail(deadline), finished_at=now
    )


def _admission(attempt: AttemptView, scene: Scene) -> Admission:
    """Judge overlap once more: a run that was asked for can have come first since this one was planned.

    A later attempt is not judged: since its first one no other run of the job was let in.
    """
    others = scene.going.get(attempt.job_id, [])
    if not others or attempt.number > 1:
        return Go()
    run = Unfinished(
        id=attempt.run_id,
        job_id=attempt.job_id,
        number=attempt.run_number,
        state=RunState.QUEUED,
        due_at=attempt.run_due_at,
        cause=attempt.cause,
        attempt=attempt.number,
    )
    return admission(run, others, overlap=attempt.overlap, at_once=attempt.policy.at_once(attempt.overlap))


async def _skip(
    session: AsyncSession, effects: Effects, attempt: AttemptView, reason: Reason, why: str, *, now: datetime
) -> str:
    ending = Ending(state=RunState.SKIPPED, reason=reason, detail=why, finished_at=now)
    if await end_unstarted(session, effects, attempt, ending):
        is_counted = attempt.policy.max_runs is not None
        await note_skipped(session, attempt.job_id, attempt.cause, is_counted=is_counted)
    return why


async def _hold(session: AsyncSession, effects: Effects, attempt: AttemptView, why: str) -> str:
    """Let the run wait again; its attempt stays as it is, and is published anew when the run may go."""
    if await move_run(session, attempt.run_id, RunState.HELD, {}, attempt=attempt.number):
        effects.run_changed(attempt.run_id)
        effects.held.append((attempt.due_at, attempt.job_id))
    return f"it waits: {why}"


async def _claim(
    session: AsyncSession, effects: Effects, scene: Scene, attempt: AttemptView, claim: AttemptClaim
) -> SignedGrant | str:
    signed = _signed_grant(attempt, claim, scene)
    size = len(msgspec.json.encode(signed))
    if size > _MAX_ANSWER:
        ending = Ending(
            state=RunState.CANCELLED,
            reason=None,
            detail="its arguments, secrets and parameters are together too long to be sent to an executor",
            finished_at=scene.now,
        )
        await end_unstarted(session, effects, attempt, ending)
        return ending.detail
    if size > scene.room:
        effects.attempt_again(attempt, token=attempt.token, due_at=scene.now)
        return "the answer is full: its message comes again"
    claimant = Claimant(
        claim_id=claim.claim_id,
        executor=claim.executor,
        boot=claim.boot,
        claimed_at=scene.now,
        limit_key=attempt.job_limit_key,
    )
    until = over_by(attempt, now=scene.now)
    if not await claim_attempt(session, attempt, claimant, may_run_until=until):
        return "another executor was faster"
    await scene.given.record(session, attempt)
    scene.room -= size
    _note_claimed(scene, attempt, claimant)
    effects.run_changed(attempt.run_id)
    return signed


def over_by(attempt: AttemptView, *, now: datetime) -> datetime:
    """Return by when its script has ended, if it is started within a lease from now."""
    return now + _CLAIM_LEASE + timedelta(seconds=attempt.timeout_s + attempt.kill_grace_s) + _SLACK


def _note_claimed(scene: Scene, attempt: AttemptView, claimant: Claimant) -> None:
    scene.attempts[attempt.id] = replace(attempt, state=RunState.RUNNING, **asdict(claimant))
    if is_counted(attempt.cause, attempt.number):
        scene.starts[attempt.job_id] = scene.starts.get(attempt.job_id, 0) + 1
    if attempt.job_limit_key is not None:
        places = scene.places[attempt.job_limit_key]
        scene.places[places.key] = places.taken_by(turn_of(attempt))
    going = Unfinished(
        id=attempt.run_id,
        job_id=attempt.job_id,
        number=attempt.run_number,
        state=RunState.RUNNING,
        due_at=attempt.due_at,
        cause=attempt.cause,
        attempt=attempt.number,
    )
    # It is among them already where it comes back for another attempt.
    others = [run for run in scene.going.get(attempt.job_id, ()) if run.id != attempt.run_id]
    scene.going[attempt.job_id] = [*others, going]


async def _wishes(session: AsyncSession, attempts: dict[AttemptId, AttemptView]) -> Wishes:
    jobs = {one.job_id for one in attempts.values()}
    return Wishes(await open_holds(session), await pending_cancels(session, jobs))


async def _going(
    session: AsyncSession, attempts: dict[AttemptId, AttemptView], *, now: datetime
) -> dict[JobId, list[Unfinished]]:
    jobs = {
        one.job_id
        for one in attempts.values()
        if one.number == 1 and one.policy.at_once(one.overlap) is not None
    }
    unfinished = await unfinished_runs(session, jobs, now=now)
    return {job: [run for run in runs if is_going(run)] for job, runs in unfinished.items()}


def _signed_grant(attempt: AttemptView, claim: AttemptClaim, scene: Scene) -> SignedGrant:
    grant = Grant(
        claim_id=claim.claim_id,
        executor=claim.executor,
        boot=claim.boot,
        attempt_id=attempt.id,
        token=attempt.token,
        number=attempt.number,
        run_id=attempt.run_id,
        run_number=attempt.run_number,
        job_id=attempt.job_id,
        job_name=attempt.job_name,
        script=attempt.script,
        args=attempt.args,
        nominal_at=attempt.nominal_at,
        due_at=attempt.due_at,
        timeout_s=attempt.timeout_s,
        kill_grace_s=attempt.kill_grace_s,
        on_lost=attempt.on_lost,
        max_output_bytes=attempt.max_output_bytes,
        merge_output=attempt.merge_output,
        network=attempt.network,
        pinned_sha256=attempt.pinned_sha256,
        pinned_at=attempt.pinned_at,
        resources=attempt.resources or {},
        min_sandbox=attempt.min_sandbox,
        log_seq=attempt.log_seq or 0,
        secrets=scene.given.secrets_of(attempt),
        parameters=scene.given.values_of(attempt),
        parameter_secrets=scene.given.sealed_values_of(attempt),
    )
    return sign(grant, scene.key)

"""What a grant says of a job's secrets: as they are stored at its claim, still sealed."""

from services.scheduler.grants import _MAX_ANSWER
from shared.db.secrets import Secret, forget_secret, put_secret, replace_uses
from shared.domain.ids import JobId
from shared.domain.run import RunState
from shared.domain.secret import SecretUse
from shared.messages.answers import SealedSecret
from tests.integration.scheduler.stage import Desk, Holder, at, manual, ref


async def put(desk: Desk, name: str, sealed: str) -> None:
    secret = Secret(name=name, sealed=sealed, description="", changed_by="local", changed_at=at(0))
    await desk.do(lambda s, _: put_secret(s, secret))


async def a_job_that_uses(desk: Desk, *uses: SecretUse) -> JobId:
    job_id = await desk.job(manual())
    await desk.do(lambda s, _: replace_uses(s, job_id, uses))
    return job_id


async def test_a_grant_holds_the_secrets_of_its_job_as_they_are_stored_now(desk: Desk) -> None:
    await put(desk, "B", "sealed b")
    await put(desk, "OTHER", "not asked for")
    job_id = await a_job_that_uses(desk, SecretUse(name="B"), SecretUse(name="A", as_file=True))
    await put(desk, "A", "sealed a")
    await desk.ask(job_id)
    await put(desk, "B", "sealed b again")

    grant = await desk.granted(Holder(), await desk.attempt())

    assert grant.secrets == (
        SealedSecret(name="A", sealed="sealed a", as_file=True),
        SealedSecret(name="B", sealed="sealed b again"),
    )


async def test_one_that_is_gone_is_granted_as_missing(desk: Desk) -> None:
    job_id = await a_job_that_uses(desk, SecretUse(name="A"))
    await desk.do(lambda s, _: forget_secret(s, "A"))
    await desk.ask(job_id)

    grant = await desk.granted(Holder(), await desk.attempt())

    assert grant.secrets == (SealedSecret(name="A", sealed=""),)


async def test_a_run_whose_secrets_fit_into_no_message_ends_with_words(desk: Desk) -> None:
    job_id = await a_job_that_uses(desk, SecretUse(name="A"))
    await put(desk, "A", "x" * _MAX_ANSWER)
    await desk.ask(job_id)

    (answer,) = await desk.claim(Holder().claim(ref(await desk.attempt())))

    assert (answer.grants, [one.reason for one in answer.refusals]) == (
        (),
        ["its arguments, secrets and parameters are together too long to be sent to an executor"],
    )
    assert (await desk.attempt()).state is RunState.CANCELLED

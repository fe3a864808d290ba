"""What runs are given besides their arguments: their jobs' secrets, sealed, and values of parameters."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.attempts import AttemptView
from shared.db.parameters import RunValues, record_values, values_of_runs
from shared.db.secrets import SealedUse, sealed_uses
from shared.domain.ids import JobId, RunId
from shared.domain.parameters import Value
from shared.messages.answers import SealedSecret


@dataclass(frozen=True, slots=True)
class Given:
    """What the attempts of one transaction are given."""

    secrets: dict[JobId, list[SealedUse]]
    parameters: dict[RunId, RunValues]

    def secrets_of(self, attempt: AttemptView) -> tuple[SealedSecret, ...]:
        """Return the secrets of its job; one that is gone has no text."""
        return tuple(
            SealedSecret(name=one.use.name, as_file=one.use.as_file, sealed=one.sealed or "")
            for one in self.secrets.get(attempt.job_id, ())
        )

    def values_of(self, attempt: AttemptView) -> dict[str, Value] | None:
        """Return the values of its run that may be read; None where its job declares no parameters."""
        run = self.parameters.get(attempt.run_id)
        return None if run is None else run.values

    def sealed_values_of(self, attempt: AttemptView) -> tuple[SealedSecret, ...]:
        """Return the values of its run that only its executor may read."""
        run = self.parameters.get(attempt.run_id)
        sealed = {} if run is None else run.sealed
        return tuple(SealedSecret(name=name, sealed=text) for name, text in sealed.items())

    async def record(self, session: AsyncSession, attempt: AttemptView) -> None:
        """Let the defaults that a run is granted with stand with it from now on."""
        run = self.parameters.get(attempt.run_id)
        if run is not None and not run.is_recorded:
            await record_values(session, attempt.run_id, run.values)


async def given_to(session: AsyncSession, attempts: Iterable[AttemptView]) -> Given:
    """Look up what these attempts are to be given."""
    attempts = tuple(attempts)
    return Given(
        await sealed_uses(session, {one.job_id for one in attempts}),
        await values_of_runs(session, {one.run_id for one in attempts}),
    )

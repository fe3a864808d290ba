"""Storing, describing and deleting secrets. A value is sealed before it goes anywhere else."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.access import demand
from shared.db import changes, secrets
from shared.db.changes import Deed
from shared.db.engine import Sessions
from shared.db.secrets import Secret
from shared.db.types import storable
from shared.domain.access import Role
from shared.domain.changes import ChangeKind
from shared.domain.errors import Conflict, InvalidInput, NotFound
from shared.domain.ids import JobId
from shared.domain.secret import (
    SecretUse,
    checked_secret_description,
    checked_secret_name,
    checked_secret_value,
)
from shared.runtime.clock import Clock
from shared.runtime.vault import Vault

_NAMED = 3
"""So many of the jobs that use a secret are named where it cannot be deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What people do with secrets; none of it gives a value back."""

    sessions: Sessions
    clock: Clock
    vault: Vault

    async def put(self, name: str, value: str | None, *, description: str = "") -> bool:
        """Store a secret, or give it a new value; None changes its description alone. Say whether it is new.

        Runs that start from now on are given the new value.

        Raises:
            InvalidInput: with the field and what to do.
            NotFound: no value was given, and no such secret is stored.
            NoSecretsKey: the portal has no key to seal it with.
        """
        by = demand(Role.EDITOR).name
        checked_secret_name(name)
        description = checked_secret_description(description)
        if value is None:
            async with self.sessions.begin() as session:
                if not await secrets.describe_secret(session, name, description):
                    raise NotFound("There is no such secret. Type a value to store one.")
                await self._note(session, ChangeKind.SECRET_DESCRIBED, name, by=by)
            return False
        secret = Secret(
            name=name,
            sealed=self.vault.seal(checked_secret_value(value)),
            description=description,
            changed_by=by,
            changed_at=self.clock.now(),
        )
        try:
            return await self._store(secret)
        except IntegrityError:  # somebody stored the first one at the same moment: now it can be changed
            return await self._store(secret)

    async def delete(self, name: str) -> None:
        """Delete a secret that no job uses.

        Raises:
            NotFound: there is none.
            Conflict: jobs use it, and which.
        """
        by = demand(Role.EDITOR).name
        async with self.sessions.begin() as session:
            if not await secrets.lock_secrets(session, [storable(name)]):
                raise NotFound("There is no such secret.")
            users = [job for _, job in (await secrets.users_of(session, [name])).get(name, ())]
            if users:
                raise Conflict(_in_use(name, users))
            await secrets.forget_secret(session, name)
            await self._note(session, ChangeKind.SECRET_DELETED, name, by=by)

    async def _store(self, secret: Secret) -> bool:
        async with self.sessions.begin() as session:
            is_new = await secrets.put_secret(session, secret)
            await self._note(session, ChangeKind.SECRET_STORED, secret.name, by=secret.changed_by)
            return is_new

    async def _note(self, session: AsyncSession, kind: ChangeKind, name: str, *, by: str) -> None:
        await changes.record(session, Deed(kind=kind, by=by, at=self.clock.now(), subject=name))


async def names_of(session: AsyncSession, job_id: JobId) -> frozenset[str]:
    """Return which secrets the job's runs are given."""
    return frozenset(one.use.name for one in (await secrets.sealed_uses(session, [job_id])).get(job_id, ()))


async def save_uses(session: AsyncSession, job_id: JobId, uses: Iterable[SecretUse]) -> None:
    """Store which secrets the job's runs are given, in the transaction that stores the job.

    Raises:
        InvalidInput: on field `secrets`, where one is not stored.
    """
    uses = tuple(uses)
    refuse_unknown(uses, await secrets.lock_secrets(session, (use.name for use in uses)))
    await secrets.replace_uses(session, job_id, uses)


def refuse_unknown(uses: Iterable[SecretUse], stored: Collection[str]) -> None:
    """Refuse a secret that is not stored.

    Raises:
        InvalidInput: on field `secrets`.
    """
    unknown = [use.name for use in uses if use.name not in stored]
    if unknown:
        raise InvalidInput(
            "secrets", f"There is no secret {unknown[0]}. Store it under Secrets first, or take it out here."
        )


def _in_use(name: str, jobs: list[str]) -> str:
    named = ", ".join(jobs[:_NAMED])
    more = f" and {len(jobs) - _NAMED} more" if len(jobs) > _NAMED else ""
    return f"{name} is used by {named}{more}. Take it out of there first, then delete it."

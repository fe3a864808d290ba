"""Sealed secrets, and which job's runs are given which.

Nothing here can open a secret. Who changes what a job is given, and who deletes a secret, first locks the
rows of the secrets: a job never comes to use one that goes at the same moment.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import bindparam, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.statements import changed_where, columns_of, insert_all, table_of
from shared.db.tables import JobRow, JobSecretRow, SecretRow
from shared.domain.ids import JobId
from shared.domain.secret import SecretUse

_SECRETS = table_of(SecretRow)
_USES = table_of(JobSecretRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A stored secret."""

    name: str
    sealed: str = field(repr=False)
    description: str
    changed_by: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class SealedUse:
    """A secret that a job's runs are given, as it is stored; None: there is none of this name."""

    use: SecretUse
    sealed: str | None = field(repr=False)


async def secrets(session: AsyncSession) -> list[Secret]:
    """Return what is stored, by name."""
    rows = await session.execute(select(*_SECRETS.c).order_by(_SECRETS.c.name))
    return [Secret(**values) for values in rows.mappings()]


async def put_secret(session: AsyncSession, secret: Secret) -> bool:
    """Store it in place of an earlier one of its name; say whether there was none.

    Raises:
        sqlalchemy.exc.IntegrityError: somebody stored the first one of this name at the same moment.
    """
    values = columns_of(secret)
    name = values.pop("name")
    if await changed_where(session, SecretRow, {"name": name}, values):
        return False
    await insert_all(session, SecretRow, [{"name": name, **values}])
    return True


async def describe_secret(session: AsyncSession, name: str, description: str) -> bool:
    """Change what people read about it, its value stays; False: there is none of this name."""
    return await changed_where(session, SecretRow, {"name": name}, {"description": description}) == 1


async def forget_secret(session: AsyncSession, name: str) -> None:
    """Delete it."""
    await session.execute(delete(SecretRow).where(SecretRow.name == name))


async def seal_again(session: AsyncSession, name: str, *, was: str, sealed: str) -> bool:
    """Replace its sealed text and nothing else; False: somebody changed or deleted it meanwhile."""
    return await changed_where(session, SecretRow, {"name": name, "sealed": was}, {"sealed": sealed}) == 1


async def lock_secrets(session: AsyncSession, names: Iterable[str]) -> set[str]:
    """Wait for the locks of these secrets and return the names of those that are stored."""
    wanted = sorted(set(names))
    if not wanted:
        return set()
    rows = await session.scalars(
        select(SecretRow.name)
        .where(SecretRow.name.in_(wanted))
        .order_by(SecretRow.name)
        .with_for_update()
        .with_hint(SecretRow, "WITH (UPDLOCK, HOLDLOCK)", "mssql")
    )
    return set(rows)


async def users_of(session: AsyncSession, names: Collection[str]) -> dict[str, list[tuple[JobId, str]]]:
    """Return id and name of the jobs that use each of these secrets, by name; deleted ones do not count."""
    rows = await session.execute(
        select(JobSecretRow.name.label("secret"), JobRow.id, JobRow.name)
        .join(JobRow, JobRow.id == JobSecretRow.job_id)
        .where(JobSecretRow.name.in_(names), JobRow.deleted_at.is_(None))
        .order_by(JobRow.name_key)
    )
    users: dict[str, list[tuple[JobId, str]]] = defaultdict(list)
    for row in rows:
        users[row.secret].append((JobId(row.id), row.name))
    return users


async def sealed_uses(session: AsyncSession, job_ids: Collection[JobId]) -> dict[JobId, list[SealedUse]]:
    """Return what the runs of these jobs are given, by name, of those jobs that use any."""
    if not job_ids:
        return {}
    found: dict[JobId, list[SealedUse]] = defaultdict(list)
    for row in await session.execute(_SEALED, {"ids": list(job_ids)}):
        use = SecretUse(name=row.name, as_file=row.as_file)
        found[JobId(row.job_id)].append(SealedUse(use, row.sealed))
    return found


async def replace_uses(session: AsyncSession, job_id: JobId, uses: Iterable[SecretUse]) -> None:
    """Let the job's runs be given these secrets and no others."""
    await session.execute(delete(JobSecretRow).where(JobSecretRow.job_id == job_id))
    await insert_all(session, JobSecretRow, [{"job_id": job_id, **columns_of(use)} for use in uses])


_SEALED = (
    select(*_USES.c, _SECRETS.c.sealed)
    .outerjoin(_SECRETS, _SECRETS.c.name == _USES.c.name)
    .where(_USES.c.job_id.in_(bindparam("ids", expanding=True)))
    .order_by(_USES.c.name)
)

"""What is stored as secrets, and who uses it. There is no question whose answer holds a value."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.models import SecretUseItem
from shared.db import secrets
from shared.db.tables import JobSecretRow


class SecretUser(msgspec.Struct, frozen=True, kw_only=True):
    """A job whose runs are given a secret."""

    id: UUID
    name: str


class SecretItem(msgspec.Struct, frozen=True, kw_only=True):
    """A stored secret, as its page and the job editor show it."""

    name: str
    description: str
    changed_at: datetime
    """When its value was given."""
    changed_by: str
    used_by: tuple[SecretUser, ...]


async def all_secrets(session: AsyncSession) -> tuple[SecretItem, ...]:
    """Return the secrets by name, each with the jobs that are not deleted and use it."""
    stored = await secrets.secrets(session)
    users = await secrets.users_of(session, [one.name for one in stored])
    return tuple(
        SecretItem(
            name=one.name,
            description=one.description,
            changed_at=one.changed_at,
            changed_by=one.changed_by,
            used_by=tuple(SecretUser(id=id_, name=name) for id_, name in users.get(one.name, ())),
        )
        for one in stored
    )


async def uses_by_job(session: AsyncSession, job_ids: Collection[UUID]) -> dict[UUID, list[SecretUseItem]]:
    """Return what the runs of these jobs are given, by name, of those that use any."""
    rows = await session.execute(
        select(JobSecretRow.job_id, JobSecretRow.name, JobSecretRow.as_file)
        .where(JobSecretRow.job_id.in_(job_ids))
        .order_by(JobSecretRow.name)
    )
    uses: dict[UUID, list[SecretUseItem]] = defaultdict(list)
    for job_id, name, as_file in rows:
        uses[job_id].append(SecretUseItem(name=name, as_file=as_file))
    return uses

"""The values that runs have of their jobs' parameters, and the sealed ones that were typed for one run."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.statements import changed_where, insert_all, table_of
from shared.db.tables import JobRow, RunRow, RunSecretRow
from shared.domain.ids import JobId, RunId
from shared.domain.parameters import Parameter, Value, defaults_of, parameters_from_json

_JOBS, _RUNS, _SECRETS = table_of(JobRow), table_of(RunRow), table_of(RunSecretRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunValues:
    """What a run is given of its job's parameters."""

    values: dict[str, Value]
    sealed: dict[str, str]
    is_recorded: bool
    """The values stand with the run; if not, they are the job's defaults of now."""


async def parameters_of(session: AsyncSession, job_id: JobId) -> tuple[Parameter, ...]:
    """Return what the job declares now; none for a job that is not there."""
    found = await session.scalar(select(JobRow.parameters).where(JobRow.id == job_id))
    return parameters_from_json(found)


async def values_of_runs(session: AsyncSession, run_ids: Collection[RunId]) -> dict[RunId, RunValues]:
    """Return what each of these runs is given; one whose job declares nothing has no entry."""
    if not run_ids:
        return {}
    rows = [*await session.execute(_VALUES, {"ids": list(run_ids)})]
    sealed = await sealed_values(session, [RunId(row.id) for row in rows])
    return {
        RunId(row.id): RunValues(
            values=_defaults(row.declared) if row.parameters is None else row.parameters,
            sealed=sealed.get(RunId(row.id), {}),
            is_recorded=row.parameters is not None,
        )
        for row in rows
    }


async def record_values(session: AsyncSession, run_id: RunId, values: Mapping[str, Value]) -> None:
    """Let these values stand with the run: its later attempts and its repeats have the same."""
    await changed_where(session, RunRow, {"id": run_id}, {"parameters": dict(values)})


async def sealed_values(session: AsyncSession, run_ids: Collection[RunId]) -> dict[RunId, dict[str, str]]:
    """Return the sealed values of these runs by parameter; a run without any has no entry."""
    if not run_ids:
        return {}
    found: dict[RunId, dict[str, str]] = defaultdict(dict)
    for row in await session.execute(_SEALED, {"ids": list(run_ids)}):
        found[RunId(row.run_id)][row.name] = row.sealed
    return found


async def store_sealed(session: AsyncSession, run_id: RunId, sealed: Mapping[str, str]) -> None:
    """Store sealed values for a run that is asked for in the same transaction."""
    rows = [{"run_id": run_id, "name": name, "sealed": text} for name, text in sealed.items()]
    await insert_all(session, RunSecretRow, rows)


async def every_sealed_value(session: AsyncSession) -> list[tuple[RunId, str, str]]:
    """Return run, parameter and sealed value of all that is stored."""
    rows = await session.execute(select(_SECRETS.c.run_id, _SECRETS.c.name, _SECRETS.c.sealed))
    return [(RunId(row.run_id), row.name, row.sealed) for row in rows]


async def seal_value_again(session: AsyncSession, run_id: RunId, name: str, *, sealed: str) -> None:
    """Replace the sealed text of one value; what was typed for a run never changes."""
    await changed_where(session, RunSecretRow, {"run_id": run_id, "name": name}, {"sealed": sealed})


def _defaults(declared: list[dict[str, Any]] | None) -> dict[str, Value]:
    return defaults_of(parameters_from_json(declared))


_VALUES = (
    select(_RUNS.c.id, _RUNS.c.parameters, _JOBS.c.parameters.label("declared"))
    .join(_JOBS, _JOBS.c.id == _RUNS.c.job_id)
    .where(
        _RUNS.c.id.in_(bindparam("ids", expanding=True)),
        or_(_RUNS.c.parameters.is_not(None), _JOBS.c.parameters.is_not(None)),
    )
)
_SEALED = (
    select(*_SECRETS.c)
    .where(_SECRETS.c.run_id.in_(bindparam("ids", expanding=True)))
    .order_by(_SECRETS.c.name)
)

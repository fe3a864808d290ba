"""The executors as their newest renewals described them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.statements import changed_where, insert_all
from shared.db.tables import ExecutorRow
from shared.domain.ids import BootId, ExecutorName


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorView:
    """One executor: its newest boot, what that offers, and when it was last heard."""

    name: ExecutorName
    boot: BootId
    beat_seq: int
    host: str
    pid: int
    version: str
    sandbox: str
    sandbox_features: str
    pools: list[str]
    slots: int
    busy: int
    draining: bool
    problems: list[str]
    started_at: datetime
    last_seen_at: datetime
    online: bool

    @property
    def has_left(self) -> bool:
        """Say whether it drained and said goodbye; who falls silent is `offline` and not draining."""
        return self.draining and not self.online

    @property
    def is_ailing(self) -> bool:
        """Say whether it is there and takes no runs because of its own problems."""
        return self.online and not self.draining and bool(self.problems)

    @property
    def takes_runs(self) -> bool:
        """Say whether it would take one."""
        return self.online and not self.draining and not self.problems


async def executor_by_name(session: AsyncSession, name: ExecutorName) -> ExecutorView | None:
    """Return the executor, or None if it was never heard."""
    rows = await session.execute(_BY_NAME, {"a_name": name})
    values = rows.mappings().one_or_none()
    return None if values is None else ExecutorView(**values)


async def executors(session: AsyncSession) -> list[ExecutorView]:
    """Return every executor that was ever heard, by name: there are few."""
    rows = await session.execute(_ALL)
    return [ExecutorView(**values) for values in rows.mappings()]


async def store_executor(session: AsyncSession, executor: ExecutorView, *, is_new: bool) -> None:
    """Write what a renewal said. `is_new`: the caller saw, in this transaction, that there is no row."""
    if is_new:
        await insert_all(session, ExecutorRow, [asdict(executor)])
        return
    values: Mapping[str, object] = asdict(executor)
    await changed_where(session, ExecutorRow, {"name": executor.name}, values)


async def set_offline(session: AsyncSession, name: ExecutorName, *, boot: BootId, beat_seq: int) -> bool:
    """Take the executor for gone without a word; False when it was heard since this beat of this boot."""
    heard = {"name": name, "boot": boot, "beat_seq": beat_seq}
    return await changed_where(session, ExecutorRow, heard, {"online": False, "draining": False}) == 1


_VIEW = tuple(ExecutorRow.__table__.c[field.name] for field in fields(ExecutorView))
_ALL = select(*_VIEW).order_by(ExecutorRow.name)
_BY_NAME = select(*_VIEW).where(ExecutorRow.name == bindparam("a_name"))

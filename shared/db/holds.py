"""What people hold back: written by the ui, read by the scheduler with every claim."""

from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.statements import changed, table_of
from shared.db.tables import HoldRow
from shared.domain.holds import Hold, HoldKind, Holds
from shared.domain.ids import HoldId, new_id

_HOLDS = table_of(HoldRow)


async def begin_hold(session: AsyncSession, hold: Hold) -> HoldId:
    """Note that it is held back from now on.

    Raises:
        sqlalchemy.exc.IntegrityError: it is held back already.
    """
    hold_id = HoldId(new_id())
    session.add(
        HoldRow(
            id=hold_id,
            kind=hold.kind,
            subject=hold.subject,
            open_key=_open_key(hold.kind, hold.subject),
            begun_at=hold.begun_at,
            begun_by=hold.begun_by,
            ends_at=hold.ends_at,
            lifted_at=None,
            lifted_by=None,
        )
    )
    await session.flush()
    return hold_id


async def lift_hold(session: AsyncSession, kind: HoldKind, subject: str, *, by: str, at: datetime) -> bool:
    """Note that it goes on; one that has ended by itself is closed all the same. False: there was none."""
    statement = update(HoldRow).where(HoldRow.open_key == _open_key(kind, subject))
    values = {"open_key": f"lifted:{new_id()}", "lifted_at": at, "lifted_by": by}
    return await changed(session, statement.values(**values)) == 1


async def open_holds(session: AsyncSession) -> Holds:
    """Return what nobody has lifted, also what has ended by itself since: `Holds` asks for the instant."""
    rows = await session.execute(_OPEN)
    return Holds(tuple(Hold(**values) for values in rows.mappings()))


async def over_since(session: AsyncSession, since: datetime) -> tuple[Hold, ...]:
    """Return what was lifted or ended by itself since then, each with when that was as its end."""
    rows = await session.scalars(
        select(HoldRow).where(or_(HoldRow.lifted_at >= since, HoldRow.ends_at >= since))
    )
    return tuple(
        Hold(
            kind=row.kind,
            subject=row.subject,
            begun_at=row.begun_at,
            begun_by=row.begun_by,
            ends_at=min(at for at in (row.lifted_at, row.ends_at) if at is not None),
        )
        for row in rows
    )


def _open_key(kind: HoldKind, subject: str) -> str:
    return f"{kind}:{subject}"


# Built once: every claim asks.
_OPEN = select(
    *(_HOLDS.c[name] for name in (*("kind", "subject", "begun_at", "begun_by", "ends_at"),))
).where(_HOLDS.c.lifted_at.is_(None))

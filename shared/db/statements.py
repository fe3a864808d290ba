"""How statements are sent: the few lines that every table's functions share."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sqlalchemy import CursorResult, Delete, Table, Update, bindparam, insert, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Value = TypeVar("Value")

_MOST_NAMED = 10_000
"""So many values are named in one statement: drivers refuse more than some 32,700 of them."""


def pieces(values: Collection[Value]) -> Iterator[list[Value]]:
    """Yield the values in lists that one statement can name each; nothing for none."""
    rest = iter(values)
    while piece := list(islice(rest, _MOST_NAMED)):
        yield piece


def table_of(row: type[DeclarativeBase]) -> Table:
    """Return the table behind a row class: batches by executemany are cheapest on it."""
    return cast("Table", row.__table__)


def columns_of(value: "DataclassInstance") -> dict[str, Any]:
    """Return a flat dataclass as a row, without `asdict`: its copies cost more than to insert."""
    return {field.name: getattr(value, field.name) for field in fields(value)}


async def insert_all(
    session: AsyncSession, row: type[DeclarativeBase], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert by executemany; many rows in one VALUES are 14 times slower. No rows: nothing is sent."""
    # In pieces: while a driver makes ready what it sends, the server takes the transaction for idle.
    for piece in pieces(rows):
        await session.execute(insert(table_of(row)), [dict(values) for values in piece])


async def update_all(
    session: AsyncSession, statement: Update | Delete, parameters: Sequence[Mapping[str, Any]]
) -> None:
    """Send one UPDATE for each set of parameters by executemany; how many rows it hit is not known."""
    if parameters:
        await session.execute(statement, [dict(values) for values in parameters])


async def changed(
    session: AsyncSession, statement: Update | Delete, parameters: Mapping[str, object] | None = None
) -> int:
    """Send one UPDATE or DELETE and return how many rows it met: the proof of a conditional one."""
    result = await session.execute(statement, parameters, execution_options={"synchronize_session": False})
    return cast("CursorResult[Any]", result).rowcount


async def changed_where(
    session: AsyncSession,
    row: type[DeclarativeBase],
    is_: Mapping[str, object],
    values: Mapping[str, object],
) -> int:
    """Give the rows whose columns are as in `is_` these values; return how many these were.

    A frozenset in `is_` names constants of which the column has one. None is equal to nothing.
    """
    among = tuple((name, one) for name, one in is_.items() if isinstance(one, frozenset))
    equal = {name: one for name, one in is_.items() if not isinstance(one, frozenset)}
    statement = _update_where(table_of(row), tuple(equal), among, tuple(values))
    parameters = {f"is_{name}": one for name, one in equal.items()}
    return await changed(session, statement, parameters | {f"to_{name}": to for name, to in values.items()})


@cache  # to build such a statement costs five times what it costs to send it
def _update_where(
    table: Table,
    equal: tuple[str, ...],
    among: tuple[tuple[str, frozenset[object]], ...],
    values: tuple[str, ...],
) -> Update:
    return (
        update(table)
        .where(*(table.c[name] == bindparam(f"is_{name}") for name in equal))
        .where(*(table.c[name].in_(sorted(ones, key=str)) for name, ones in among))
        .values({name: bindparam(f"to_{name}") for name in values})
    )

"""What tables have in common: two databases, and how values are stored."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlalchemy.orm import DeclarativeBase

from shared.db.types import EnumText, UtcDateTime
from shared.domain.access import Role
from shared.domain.alert import AlertKind, AlertScope, ChannelKind, DeliveryState
from shared.domain.chain import ChainOn, Join
from shared.domain.changes import ChangeKind
from shared.domain.holds import HoldKind
from shared.domain.job import Network, OnLost
from shared.domain.parked import ParkedState, ParkedWish
from shared.domain.policy import Overlap
from shared.domain.run import Cause, Reason, RunState
from shared.domain.sandbox import MinSandbox


class LedgerBase(DeclarativeBase):
    """Tables of the ledger."""

    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own way
        datetime: UtcDateTime(),
        dict[str, Any]: JSON(),
        list[str]: JSON(),
        RunState: EnumText(RunState),
        Reason: EnumText(Reason),
        Cause: EnumText(Cause),
        OnLost: EnumText(OnLost),
        Overlap: EnumText(Overlap),
        HoldKind: EnumText(HoldKind),
        Join: EnumText(Join),
        Network: EnumText(Network),
        MinSandbox: EnumText(MinSandbox),
        ChainOn: EnumText(ChainOn),
        ChangeKind: EnumText(ChangeKind),
        Role: EnumText(Role),
        AlertKind: EnumText(AlertKind),
        AlertScope: EnumText(AlertScope),
        ChannelKind: EnumText(ChannelKind),
        DeliveryState: EnumText(DeliveryState),
        ParkedState: EnumText(ParkedState),
        ParkedWish: EnumText(ParkedWish),
    }


class LogsBase(DeclarativeBase):
    """Tables of the logs: on SQLite a file of their own, so that logs never block promises."""

    type_annotation_map = {datetime: UtcDateTime()}  # noqa: RUF012 - SQLAlchemy's own way


def some_rows(condition: Any) -> dict[str, Any]:
    """Return the options of an index over some rows only, on every database."""
    return {f"{name}_where": condition for name in ("sqlite", "postgresql", "mssql")}

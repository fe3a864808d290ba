"""What people are told: channels, rules, what holds, and messages with their fate; all of it the ui's."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Double, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.tables.base import LedgerBase, some_rows
from shared.db.types import Words
from shared.domain.alert import AlertKind, AlertScope, ChannelKind, DeliveryState


class AlertChannelRow(LedgerBase):
    """Where messages go. Its address holds credentials: it is sealed, and only `shown` is seen again."""

    __tablename__ = "alert_channels"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Words(60))
    kind: Mapped[ChannelKind]
    sealed: Mapped[str] = mapped_column(Text)
    shown: Mapped[str] = mapped_column(Words(200))
    quiet: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # NULL: never
    changed_by: Mapped[str] = mapped_column(Words(200))
    changed_at: Mapped[datetime]


class AlertRuleRow(LedgerBase):
    """What somebody wants to be told."""

    __tablename__ = "alert_rules"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[AlertKind]
    scope: Mapped[AlertScope]
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("jobs.id"))
    folder: Mapped[str] = mapped_column(Words(255))
    in_a_row: Mapped[int]
    after_s: Mapped[int]
    factor: Mapped[float] = mapped_column(Double)
    channels: Mapped[list[str]]
    tells_end: Mapped[bool]
    remind_s: Mapped[int | None]
    is_on: Mapped[bool]
    snoozed_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(Words(200))
    changed_at: Mapped[datetime]


class AlertIncidentRow(LedgerBase):
    """That what a rule tells of holds, or held, of a subject: told once until it ends."""

    __tablename__ = "alert_incidents"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    rule_id: Mapped[UUID] = mapped_column(ForeignKey("alert_rules.id"))
    subject: Mapped[str] = mapped_column(String(200))  # the job's id, or the executor's name
    job_id: Mapped[UUID | None]
    run_id: Mapped[UUID | None]
    opened_at: Mapped[datetime]
    ended_at: Mapped[datetime | None] = mapped_column()
    # Up to which end of a run it was judged: what was noted before says nothing new.
    seen_at: Mapped[datetime]
    told_at: Mapped[datetime]
    count: Mapped[int]
    title: Mapped[str] = mapped_column(Words(200))

    __table_args__ = (
        UniqueConstraint("rule_id", "subject", name="uq_alert_incidents_rule_subject"),
        Index("ix_alert_incidents_open", "opened_at", **some_rows(ended_at.is_(None))),  # what holds now
        Index("ix_alert_incidents_ended", "ended_at"),  # what is old
    )


class AlertDeliveryRow(LedgerBase):
    """A message on its way to a channel, and what became of it."""

    __tablename__ = "alert_deliveries"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    channel_id: Mapped[UUID] = mapped_column(ForeignKey("alert_channels.id"))
    state: Mapped[DeliveryState]
    created_at: Mapped[datetime]
    send_at: Mapped[datetime]  # the next try
    claimed_until: Mapped[datetime | None]  # somebody sends it; should they die, another one does then
    tries: Mapped[int]
    done_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(Words(400))
    notices: Mapped[int]
    is_trial: Mapped[bool]  # it is of nobody's failure: nothing joins it, and nothing waits because of it
    title: Mapped[str] = mapped_column(Words(200))  # as it was sent last
    body: Mapped[str] = mapped_column(Words)

    __table_args__ = (
        Index("ix_alert_deliveries_due", "state", "send_at"),  # what is to be sent
        Index("ix_alert_deliveries_channel", "channel_id", "created_at"),  # the newest of a channel
        Index("ix_alert_deliveries_created", "created_at"),  # the log, newest first
    )


class AlertNoticeRow(LedgerBase):
    """One thing that a message tells."""

    __tablename__ = "alert_notices"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    delivery_id: Mapped[UUID] = mapped_column(
        ForeignKey("alert_deliveries.id"),
        index=True,  # what a message tells
    )
    at: Mapped[datetime]
    title: Mapped[str] = mapped_column(Words(200))
    text: Mapped[str] = mapped_column(Words(500))
    job_id: Mapped[UUID | None]
    run_id: Mapped[UUID | None]
    with_log: Mapped[bool]  # whether the last lines of the run's output belong to it


class AlertLookRow(LedgerBase):
    """How far the ends of runs were judged. One row; its version is the claim of who judges."""

    __tablename__ = "alert_looks"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int]
    noted_until: Mapped[datetime]

"""Alerts, and when each end of a run was noted: what ended since a look is read from that index."""

from typing import Any

import sqlalchemy as sa
from alembic import context, op

from shared.db.types import UtcDateTime

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "ledger" not in context.config.attributes["parts"]:
        return
    op.add_column("runs", sa.Column("noted_at", UtcDateTime(), nullable=True))
    _index("ix_runs_noted", "runs", ["noted_at", "id"], "noted_at IS NOT NULL")
    _channels_and_rules()
    _incidents()
    _messages()


def _index(name: str, table: str, columns: list[str], where: str) -> None:
    some = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=some, postgresql_where=some, mssql_where=some)


def _column(name: str, kind: Any, *more: Any, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, *more, nullable=nullable)


def _channels_and_rules() -> None:
    op.create_table(
        "alert_channels",
        sa.Column("id", sa.Uuid(), primary_key=True),
        _column("name", sa.String(60)),
        _column("kind", sa.String(20)),
        _column("sealed", sa.Text()),
        _column("shown", sa.String(200)),
        _column("quiet", sa.JSON(), nullable=True),
        _column("changed_by", sa.String(200)),
        _column("changed_at", UtcDateTime()),
    )
    op.create_table(
        "alert_rules",
        sa.Column("id", sa.Uuid(), primary_key=True),
        _column("kind", sa.String(20)),
        _column("scope", sa.String(20)),
        _column("job_id", sa.Uuid(), sa.ForeignKey("jobs.id"), nullable=True),
        _column("folder", sa.String(255)),
        _column("in_a_row", sa.Integer()),
        _column("after_s", sa.Integer()),
        _column("factor", sa.Double()),
        _column("channels", sa.JSON()),
        _column("tells_end", sa.Boolean()),
        _column("remind_s", sa.Integer(), nullable=True),
        _column("is_on", sa.Boolean()),
        _column("snoozed_until", UtcDateTime(), nullable=True),
        _column("created_at", UtcDateTime()),
        _column("changed_by", sa.String(200)),
        _column("changed_at", UtcDateTime()),
    )


def _incidents() -> None:
    op.create_table(
        "alert_incidents",
        sa.Column("id", sa.Uuid(), primary_key=True),
        _column("rule_id", sa.Uuid(), sa.ForeignKey("alert_rules.id")),
        _column("subject", sa.String(200)),
        _column("job_id", sa.Uuid(), nullable=True),
        _column("run_id", sa.Uuid(), nullable=True),
        _column("opened_at", UtcDateTime()),
        _column("ended_at", UtcDateTime(), nullable=True),
        _column("seen_at", UtcDateTime()),
        _column("told_at", UtcDateTime()),
        _column("count", sa.Integer()),
        _column("title", sa.String(200)),
        sa.UniqueConstraint("rule_id", "subject", name="uq_alert_incidents_rule_subject"),
    )
    _index("ix_alert_incidents_open", "alert_incidents", ["opened_at"], "ended_at IS NULL")
    op.create_index("ix_alert_incidents_ended", "alert_incidents", ["ended_at"])
    op.create_table(
        "alert_looks",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        _column("version", sa.Integer()),
        _column("noted_until", UtcDateTime()),
    )


def _messages() -> None:
    op.create_table(
        "alert_deliveries",
        sa.Column("id", sa.Uuid(), primary_key=True),
        _column("channel_id", sa.Uuid(), sa.ForeignKey("alert_channels.id")),
        _column("state", sa.String(20)),
        _column("created_at", UtcDateTime()),
        _column("send_at", UtcDateTime()),
        _column("claimed_until", UtcDateTime(), nullable=True),
        _column("tries", sa.Integer()),
        _column("done_at", UtcDateTime(), nullable=True),
        _column("error", sa.String(400)),
        _column("notices", sa.Integer()),
        _column("is_trial", sa.Boolean()),
        _column("title", sa.String(200)),
        _column("body", sa.Text()),
    )
    op.create_index("ix_alert_deliveries_due", "alert_deliveries", ["state", "send_at"])
    op.create_index("ix_alert_deliveries_channel", "alert_deliveries", ["channel_id", "created_at"])
    op.create_index("ix_alert_deliveries_created", "alert_deliveries", ["created_at"])
    op.create_table(
        "alert_notices",
        sa.Column("id", sa.Uuid(), primary_key=True),
        _column("delivery_id", sa.Uuid(), sa.ForeignKey("alert_deliveries.id")),
        _column("at", UtcDateTime()),
        _column("title", sa.String(200)),
        _column("text", sa.String(500)),
        _column("job_id", sa.Uuid(), nullable=True),
        _column("run_id", sa.Uuid(), nullable=True),
        _column("with_log", sa.Boolean()),
    )
    op.create_index("ix_alert_notices_delivery_id", "alert_notices", ["delivery_id"])

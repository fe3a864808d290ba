"""Policies, several schedules with arguments of their own, calendars, the history of pauses, backfills."""

import sqlalchemy as sa
from alembic import context, op

from shared.db.types import OrderedKey, UtcDateTime, Words

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "ledger" not in context.config.attributes["parts"]:
        return
    op.add_column("jobs", sa.Column("policy", sa.JSON(), nullable=False, server_default=sa.text("'{}'")))
    op.create_index("ix_jobs_updated_at", "jobs", ["updated_at"])
    op.add_column("schedules", sa.Column("args", sa.JSON(), nullable=True))
    op.add_column(
        "job_ledgers", sa.Column("promised_count", sa.Integer(), nullable=False, server_default=sa.text("0"))
    )
    op.add_column("cursors", sa.Column("shown_at", UtcDateTime(), nullable=True))
    op.execute(sa.text("UPDATE cursors SET shown_at = next_due_at"))
    op.add_column("requests", sa.Column("scope", sa.JSON(), nullable=True))
    op.create_table(
        "pauses",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("paused_at", UtcDateTime(), nullable=False),
        sa.Column("paused_by", Words(200), nullable=False),
        sa.Column("resumed_at", UtcDateTime(), nullable=True),
        sa.Column("resumed_by", Words(200), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_pauses_job_id", "pauses", ["job_id"])
    op.create_table(
        "calendars",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("name_key", OrderedKey, nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("deleted_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name_key"),
    )
    op.create_table(
        "ledger_facts",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("value", Words(400), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    # A pause of before is known by its beginning alone.
    op.execute(
        sa.text(
            "INSERT INTO pauses (id, job_id, paused_at, paused_by) "
            "SELECT id, id, paused_at, 'local' FROM jobs WHERE paused_at IS NOT NULL"
        )
    )

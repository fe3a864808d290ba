"""Shared limits: which one a job names, which one an attempt has a place of, and their maxima."""

from typing import Any

import sqlalchemy as sa
from alembic import context, op

from shared.db.types import UtcDateTime, Words

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "ledger" not in context.config.attributes["parts"]:
        return
    op.add_column("jobs", sa.Column("limit_key", sa.String(40), nullable=True))
    op.create_index("ix_jobs_limit_key", "jobs", ["limit_key"])
    op.add_column("attempts", sa.Column("limit_key", sa.String(40), nullable=True))
    op.add_column("attempts", sa.Column("let_in_at", UtcDateTime(), nullable=True))
    line = ["state", "limit_key", sa.column("urgent").desc(), "due_at", "id"]
    _index_some("ix_attempts_line", line, "limit_key IS NOT NULL")
    _index_some("ix_attempts_job_claimed", ["job_id", "claimed_at"], "claimed_at IS NOT NULL")
    op.create_table(
        "limits",
        sa.Column("key", sa.String(40), nullable=False),
        sa.Column("maximum", sa.Integer(), nullable=False),
        sa.Column("set_by", Words(200), nullable=False),
        sa.Column("set_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )


def _index_some(name: str, columns: list[Any], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, "attempts", columns, sqlite_where=where, postgresql_where=where, mssql_where=where)

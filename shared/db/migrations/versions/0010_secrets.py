"""Sealed secrets and which job's runs are given which; parameters of jobs and their values of runs."""

import sqlalchemy as sa
from alembic import context, op

from shared.db.types import UtcDateTime, Words

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "ledger" not in context.config.attributes["parts"]:
        return
    op.create_table(
        "secrets",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("description", Words(400), nullable=False),
        sa.Column("changed_by", Words(200), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "job_secrets",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("as_file", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"]),
        sa.PrimaryKeyConstraint("job_id", "name"),
    )
    op.create_index("ix_job_secrets_name", "job_secrets", ["name"])
    op.create_table(
        "run_secrets",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "name"),
    )
    op.add_column("jobs", sa.Column("parameters", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("runs", sa.Column("parameters", sa.JSON(none_as_null=True), nullable=True))

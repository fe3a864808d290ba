"""What people changed: the versions of jobs, and who did what else."""

import sqlalchemy as sa
from alembic import context, op

from shared.db.types import UtcDateTime

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "ledger" in context.config.attributes["parts"]:
        op.create_table(
            "changes",
            sa.Column("id", sa.Uuid(), primary_key=True),
            sa.Column("at", UtcDateTime(), nullable=False),
            sa.Column("by", sa.String(200), nullable=False),
            sa.Column("kind", sa.String(20), nullable=False),
            sa.Column("subject", sa.String(200), nullable=False),
            sa.Column("job_id", sa.Uuid(), nullable=True),
            sa.Column("version", sa.Integer(), nullable=True),
            sa.Column("detail", sa.String(400), nullable=False),
            sa.Column("definition", sa.JSON(), nullable=True),
        )
        op.create_index("ix_changes_at", "changes", ["at", "id"])
        op.create_index("ix_changes_job", "changes", ["job_id", "version"])

"""Jobs whose failures are known for now."""

import sqlalchemy as sa
from alembic import context, op

from shared.db.types import UtcDateTime

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "ledger" in context.config.attributes["parts"]:
        op.create_table(
            "mutes",
            sa.Column("job_id", sa.Uuid(), sa.ForeignKey("jobs.id"), primary_key=True),
            sa.Column("muted_at", UtcDateTime(), nullable=False),
            sa.Column("muted_by", sa.String(200), nullable=False),
            sa.Column("ends_at", UtcDateTime(), nullable=False),
        )

"""What people hold back: a freeze, paused pools, drained executors; and who asked for a run's end."""

import sqlalchemy as sa
from alembic import context, op

from shared.db.types import OrderedKey, UtcDateTime, Words

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "ledger" not in context.config.attributes["parts"]:
        return
    op.create_table(
        "holds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("subject", Words(200), nullable=False),
        sa.Column("open_key", OrderedKey, nullable=False),
        sa.Column("begun_at", UtcDateTime(), nullable=False),
        sa.Column("begun_by", Words(200), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=True),
        sa.Column("lifted_at", UtcDateTime(), nullable=True),
        sa.Column("lifted_by", Words(200), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("open_key"),
    )
    op.create_index("ix_holds_lifted_at", "holds", ["lifted_at"])
    op.create_index("ix_requests_run_id", "requests", ["run_id"])

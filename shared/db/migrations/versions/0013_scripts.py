"""Which script an attempt ran, and which one a job may run."""

import sqlalchemy as sa
from alembic import context, op

from shared.db.types import UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "ledger" in context.config.attributes["parts"]:
        op.add_column("attempts", sa.Column("script_sha256", sa.String(64), nullable=True))
        op.add_column("jobs", sa.Column("pinned_sha256", sa.String(64), nullable=True))
        op.add_column("jobs", sa.Column("pinned_at", UtcDateTime(), nullable=True))

"""How much of a job's history was removed."""

import sqlalchemy as sa
from alembic import context, op

from shared.db.types import UtcDateTime

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "ledger" in context.config.attributes["parts"]:
        op.add_column("job_ledgers", sa.Column("removed_until", UtcDateTime()))
        count = sa.Column("removed_count", sa.Integer(), nullable=False, server_default=sa.text("0"))
        op.add_column("job_ledgers", count)

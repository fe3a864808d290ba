"""When what an attempt printed was removed, while the attempt itself stays."""

import sqlalchemy as sa
from alembic import context, op

from shared.db.types import UtcDateTime

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "ledger" in context.config.attributes["parts"]:
        op.add_column("attempts", sa.Column("output_removed_at", UtcDateTime()))

"""What fenced a run in besides the name of its level."""

import sqlalchemy as sa
from alembic import context, op

from shared.db.types import Words

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "ledger" not in context.config.attributes["parts"]:
        return
    for table in ("attempts", "executors"):
        op.add_column(table, sa.Column("sandbox_features", Words(200), nullable=False, server_default=""))

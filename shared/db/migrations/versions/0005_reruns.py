"""Runs that repeat another one, with arguments of their own; what a loss means is kept per attempt."""

import sqlalchemy as sa
from alembic import context, op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "ledger" not in context.config.attributes["parts"]:
        return
    op.add_column("runs", sa.Column("rerun_of", sa.Uuid(), nullable=True))
    op.add_column("runs", sa.Column("args", sa.JSON(), nullable=True))
    op.add_column("attempts", sa.Column("on_lost", sa.String(20), nullable=True))

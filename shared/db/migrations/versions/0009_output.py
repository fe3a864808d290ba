"""How much of what a job prints is kept, and whether its two streams are one."""

import sqlalchemy as sa
from alembic import context, op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "ledger" not in context.config.attributes["parts"]:
        return
    cap = sa.Column("max_output_bytes", sa.Integer(), nullable=False, server_default=sa.text("10000000"))
    op.add_column("jobs", cap)
    op.add_column("jobs", sa.Column("merge_output", sa.Boolean(), nullable=False, server_default=sa.false()))

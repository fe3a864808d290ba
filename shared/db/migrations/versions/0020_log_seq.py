"""What is in the log of an attempt that was given back before its script started."""

import sqlalchemy as sa
from alembic import context, op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "ledger" in context.config.attributes["parts"]:
        op.add_column("attempts", sa.Column("log_seq", sa.Integer(), nullable=True))

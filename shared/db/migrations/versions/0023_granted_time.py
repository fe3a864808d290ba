"""How long an attempt's script may take, as its grant said: its job may be edited meanwhile."""

import sqlalchemy as sa
from alembic import context, op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "ledger" in context.config.attributes["parts"]:
        op.add_column("attempts", sa.Column("timeout_s", sa.Integer(), nullable=True))
        op.add_column("attempts", sa.Column("kill_grace_s", sa.Integer(), nullable=True))

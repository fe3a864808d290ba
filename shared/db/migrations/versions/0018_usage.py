"""What an attempt used over time."""

import sqlalchemy as sa
from alembic import context, op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "ledger" in context.config.attributes["parts"]:
        op.add_column("attempts", sa.Column("usage", sa.JSON(none_as_null=True), nullable=True))

"""Runs whose environments had to be made, and how long that took."""

import sqlalchemy as sa
from alembic import context, op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "ledger" in context.config.attributes["parts"]:
        op.add_column(
            "attempts",
            sa.Column("prepared_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        )

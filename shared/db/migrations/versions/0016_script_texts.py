"""The texts of scripts, by their hash."""

import sqlalchemy as sa
from alembic import context, op

from shared.db.types import Large, UtcDateTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "ledger" in context.config.attributes["parts"]:
        op.create_table(
            "script_texts",
            sa.Column("sha256", sa.String(64), primary_key=True),
            sa.Column("size", Large, nullable=False),
            sa.Column("body", sa.LargeBinary(), nullable=True),
            sa.Column("used_at", UtcDateTime(), nullable=False),
        )
        op.create_index("ix_script_texts_used_at", "script_texts", ["used_at"])

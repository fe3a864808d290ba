"""The searches that people keep under a name."""

import sqlalchemy as sa
from alembic import context, op

from shared.db.types import UtcDateTime

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "ledger" in context.config.attributes["parts"]:
        op.create_table(
            "views",
            sa.Column("id", sa.Uuid(), primary_key=True),
            sa.Column("person_id", sa.Uuid(), sa.ForeignKey("people.id"), nullable=False),
            sa.Column("name", sa.String(60), nullable=False),
            sa.Column("question", sa.JSON(), nullable=False),
            sa.Column("created_at", UtcDateTime(), nullable=False),
        )
        op.create_index("ix_views_person_id", "views", ["person_id"])

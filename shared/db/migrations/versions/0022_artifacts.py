"""The files that runs leave to be kept, piece by piece, beside their output."""

import sqlalchemy as sa
from alembic import context, op

from shared.db.types import Large

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "logs" in context.config.attributes["parts"]:
        op.create_table(
            "artifact_chunks",
            sa.Column("attempt_id", sa.Uuid(), primary_key=True),
            sa.Column("seq", sa.Integer(), primary_key=True),
            sa.Column("run_id", sa.Uuid(), nullable=False),
            sa.Column("name", sa.String(255), nullable=False),
            sa.Column("start", Large, nullable=False),
            sa.Column("length", sa.Integer(), nullable=False),
            sa.Column("size", Large, nullable=True),
            sa.Column("sha256", sa.String(64), nullable=True),
            sa.Column("body", sa.LargeBinary(), nullable=False),
        )
        op.create_index("ix_artifact_chunks_run_id", "artifact_chunks", ["run_id"])

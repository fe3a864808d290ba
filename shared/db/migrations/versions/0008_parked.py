"""Messages that could not be handled, where people can see them, and what they want done with each."""

import sqlalchemy as sa
from alembic import context, op

from shared.db.types import Large, UtcDateTime, Words

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "ledger" not in context.config.attributes["parts"]:
        return
    op.create_table(
        "parked_messages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("queue", Words(300), nullable=False),
        sa.Column("exchange", Words(300), nullable=False),
        sa.Column("routing_key", Words(500), nullable=False),
        sa.Column("reason", Words(500), nullable=False),
        sa.Column("message_id", Words(500), nullable=False),
        sa.Column("type", Words(500), nullable=False),
        sa.Column("source", Words(500), nullable=False),
        sa.Column("correlation_id", Words(500), nullable=False),
        sa.Column("said_at", UtcDateTime(), nullable=True),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("body_bytes", Large, nullable=False),
        sa.Column("parked_at", UtcDateTime(), nullable=False),
        sa.Column("parked_count", sa.Integer(), nullable=False),
        sa.Column("put_back_count", sa.Integer(), nullable=False),
        sa.Column("taken_at", UtcDateTime(), nullable=True),
        sa.Column("decided_by", Words(200), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_parked_messages_state_at", "parked_messages", ["state", "parked_at"])
    op.create_table(
        "parked_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("parked_id", sa.Uuid(), nullable=False),
        sa.Column("wish", sa.String(20), nullable=False),
        sa.Column("requested_by", Words(200), nullable=False),
        sa.Column("requested_at", UtcDateTime(), nullable=False),
        sa.Column("handled_at", UtcDateTime(), nullable=True),
        sa.Column("outcome", Words(400), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_parked_requests_parked_id", "parked_requests", ["parked_id"])
    op.create_index("ix_parked_requests_handled_at", "parked_requests", ["handled_at"])

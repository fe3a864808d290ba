"""Jobs that run after others, the ends that arrived at them, and which ends were told."""

import sqlalchemy as sa
from alembic import context, op

from shared.db.types import UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "ledger" not in context.config.attributes["parts"]:
        return
    op.add_column(
        "jobs", sa.Column("chain_join", sa.String(20), nullable=False, server_default=sa.text("'all'"))
    )
    op.add_column("runs", sa.Column("chained_at", UtcDateTime(), nullable=True))
    op.create_table(
        "chain_edges",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("upstream_id", sa.Uuid(), nullable=False),
        sa.Column("chain_on", sa.String(20), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"]),
        sa.ForeignKeyConstraint(["upstream_id"], ["jobs.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("job_id", "upstream_id", name="uq_chain_edges_job_upstream"),
    )
    op.create_index("ix_chain_edges_upstream_id", "chain_edges", ["upstream_id"])
    op.create_table(
        "chain_arrivals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("edge_id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("upstream_id", sa.Uuid(), nullable=False),
        sa.Column("upstream_run_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("arrived_at", UtcDateTime(), nullable=False),
        sa.Column("taken_at", UtcDateTime(), nullable=True),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"]),
        sa.ForeignKeyConstraint(["upstream_id"], ["jobs.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("upstream_run_id", "job_id", name="uq_chain_arrivals_run_job"),
    )
    op.create_index("ix_chain_arrivals_taken_at", "chain_arrivals", ["taken_at"])
    op.create_index("ix_chain_arrivals_run_id", "chain_arrivals", ["run_id"])

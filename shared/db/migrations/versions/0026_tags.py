"""The tags of jobs."""

import sqlalchemy as sa
from alembic import context, op

from shared.db.types import OrderedTag

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "ledger" in context.config.attributes["parts"]:
        op.create_table(
            "job_tags",
            sa.Column("job_id", sa.Uuid(), sa.ForeignKey("jobs.id"), primary_key=True),
            sa.Column("tag", OrderedTag, primary_key=True),
        )
        op.create_index("ix_job_tags_tag", "job_tags", ["tag", "job_id"])

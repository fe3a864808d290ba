"""What ended lately, by when: how busy the executors were is reckoned from this index alone."""

import sqlalchemy as sa
from alembic import context, op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "ledger" in context.config.attributes["parts"]:
        where = sa.text("finished_at IS NOT NULL")
        op.create_index(
            "ix_attempts_finished",
            "attempts",
            ["finished_at", "executor", "claimed_at"],
            sqlite_where=where,
            postgresql_where=where,
            mssql_where=where,
        )

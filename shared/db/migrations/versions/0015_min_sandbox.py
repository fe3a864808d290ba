"""Jobs that run only where scripts are fenced in well enough."""

import sqlalchemy as sa
from alembic import context, op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "ledger" in context.config.attributes["parts"]:
        least = sa.Column("min_sandbox", sa.String(20), nullable=False, server_default=sa.text("'any'"))
        op.add_column("jobs", least)

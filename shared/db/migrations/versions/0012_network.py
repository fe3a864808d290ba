"""Jobs whose scripts have no network."""

import sqlalchemy as sa
from alembic import context, op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "ledger" in context.config.attributes["parts"]:
        network = sa.Column("network", sa.String(20), nullable=False, server_default=sa.text("'host'"))
        op.add_column("jobs", network)

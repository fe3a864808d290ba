"""The language that a browser wants the portal in; those that chose none go on to be asked theirs."""

import sqlalchemy as sa
from alembic import context, op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "ledger" in context.config.attributes["parts"]:
        op.add_column(
            "people", sa.Column("language", sa.String(12), nullable=False, server_default=sa.text("'auto'"))
        )

"""What a job's attempts may use of the machine that they run on."""

import sqlalchemy as sa
from alembic import context, op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "ledger" in context.config.attributes["parts"]:
        op.add_column("jobs", sa.Column("resources", sa.JSON(none_as_null=True), nullable=True))

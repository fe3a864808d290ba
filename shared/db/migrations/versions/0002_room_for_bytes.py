"""Room for more than 2 GB in the counters, and one order of names on every server.

SQLite needs neither: its integers have 64 bits, its text is compared byte by byte.
"""

import sqlalchemy as sa
from alembic import context, op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_COUNTERS = ("cpu_ms", "peak_memory_bytes", "stdout_bytes", "stderr_bytes", "dropped_bytes")


def upgrade() -> None:
    if "ledger" not in context.config.attributes["parts"] or op.get_bind().dialect.name == "sqlite":
        return
    with op.batch_alter_table("attempts") as attempts:
        for column in _COUNTERS:
            attempts.alter_column(column, type_=sa.BigInteger())
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("jobs", "name_key", type_=sa.String(450, collation="C"))

"""${message}."""

import sqlalchemy as sa
from alembic import context, op

from shared.db.types import UtcDateTime

revision = "${up_revision}"
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    parts = context.config.attributes["parts"]
    if "ledger" in parts:
        _upgrade_ledger()
    if "logs" in parts:
        _upgrade_logs()


def _upgrade_ledger() -> None:
    ${upgrades if upgrades else "pass"}


def _upgrade_logs() -> None:
    pass

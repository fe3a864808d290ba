"""What lists of many jobs and runs are read by: a text of each job to search in, and indexes."""

import unicodedata

import sqlalchemy as sa
from alembic import context, op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_BATCH = 5_000
# (name, table, columns, which rows)
_NEW = (
    ("ix_jobs_living", "jobs", ("name_key",), "deleted_at IS NULL"),
    (
        "ix_jobs_paused",
        "jobs",
        ("name_key", "id", "paused_at", "deleted_at"),
        "paused_at IS NOT NULL AND deleted_at IS NULL",
    ),
    ("ix_jobs_deleted", "jobs", ("name_key",), "deleted_at IS NOT NULL"),
    ("ix_jobs_pool", "jobs", ("pool", "deleted_at"), None),
    ("ix_job_ledgers_next", "job_ledgers", ("next_due_at", "job_id"), None),
    ("ix_job_ledgers_last", "job_ledgers", ("last_finished_at", "job_id"), None),
    ("ix_job_ledgers_state", "job_ledgers", ("last_state", "last_finished_at", "job_id"), None),
    ("ix_runs_job_state_number", "runs", ("job_id", "state", "number"), None),
    ("ix_runs_executor_due", "runs", ("executor", "due_at"), "executor IS NOT NULL"),
    ("ix_runs_cause_due", "runs", ("cause", "due_at"), "cause <> 'schedule'"),
    ("ix_runs_reason_due", "runs", ("reason", "due_at"), "reason IS NOT NULL"),
)
_OLD = (("ix_job_ledgers_next_due_at", "job_ledgers"), ("ix_runs_job_state", "runs"))


def upgrade() -> None:
    if "ledger" not in context.config.attributes["parts"]:
        return
    texts = op.create_table(
        "job_texts",
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("job_id", sa.Uuid(), sa.ForeignKey("jobs.id"), nullable=False, unique=True),
        sa.Column("body", sa.Text(), nullable=False),
    )
    is_indexed = _index_texts()
    _fill(texts)
    if is_indexed and op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE INDEX ix_job_texts_body ON job_texts USING gin (body gin_trgm_ops)")
    for name, table, columns, rows in _NEW:
        some = "" if rows is None else f" WHERE {rows}"
        op.execute(f"CREATE INDEX {name} ON {table} ({', '.join(columns)}){some}")
    for name, table in _OLD:
        op.drop_index(name, table)


def _index_texts() -> bool:
    """Prepare an index of three letters in a row; False where the database has none: texts are read then."""
    if op.get_bind().dialect.name == "postgresql":
        return _tried("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    if not _tried(
        "CREATE VIRTUAL TABLE job_search USING fts5"
        "(body, content='job_texts', content_rowid='number', tokenize='trigram')"
    ):
        return False
    forget = "INSERT INTO job_search (job_search, rowid, body) VALUES ('delete', old.number, old.body);"
    remember = "INSERT INTO job_search (rowid, body) VALUES (new.number, new.body);"
    for event, act in (("INSERT", remember), ("DELETE", forget), ("UPDATE", forget + remember)):
        op.execute(f"CREATE TRIGGER job_texts_{event.lower()} AFTER {event} ON job_texts BEGIN {act} END")
    return True


def _tried(statement: str) -> bool:
    bind = op.get_bind()
    try:
        with bind.begin_nested():
            bind.execute(sa.text(statement))
    except sa.exc.DBAPIError:
        return False
    return True


def _fill(texts: sa.Table) -> None:
    """Write the text of every job; the database's own folding would know no letters but English ones."""
    bind = op.get_bind()
    jobs = sa.table("jobs", *(sa.column(name) for name in ("id", "name", "script", "description")))
    jobs.c.id.type = sa.Uuid()
    last = None
    while True:
        some = sa.select(jobs).order_by(jobs.c.id).limit(_BATCH)
        rows = bind.execute(some if last is None else some.where(jobs.c.id > last)).all()
        if not rows:
            return
        bind.execute(texts.insert(), [{"job_id": row.id, "body": _folded(row)} for row in rows])
        last = rows[-1].id


def _folded(row: sa.Row[tuple[str, str, str, str]]) -> str:
    text = f"{row.name}\n{row.script}\n{row.description}"
    return unicodedata.normalize("NFKC", text).casefold()

"""The database of an older portal, as it comes: read on either kind of server, and left as it was."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

from services.cli.errors import CannotDo
from services.cli.from_portal import ZONE, jobs_of
from services.cli.old_database import read_old_portal
from shared.domain.schedules import from_json, timetable
from tests.support.postgres import Postgres

TABLES = """
CREATE TABLE scheduled_jobs (id INTEGER PRIMARY KEY, name VARCHAR(80), script_path VARCHAR(200),
  script_args TEXT, interval_seconds INTEGER, schedule_type VARCHAR(20), schedule_time VARCHAR(5),
  schedule_day INTEGER,
  is_active BOOLEAN, next_run TIMESTAMP);
CREATE TABLE job_execution_logs (id INTEGER PRIMARY KEY, job_id INTEGER, run_time TIMESTAMP,
  status VARCHAR(10), log_output TEXT);
INSERT INTO scheduled_jobs VALUES
  (1, 'Poll', 'poll.py', '', 300, 'interval', NULL, NULL, TRUE, '2026-11-30 09:00:10.5'),
  (2, 'Hourly', 'a.py', '', NULL, 'hourly', '00:15', NULL, TRUE, '2026-11-30 09:15:00'),
  (3, 'Morning', 'a.py', '--x "1 2"', NULL, 'daily', '23:00', NULL, TRUE, '2026-11-30 23:00:00'),
  (4, 'Monday early', 'a.py', NULL, NULL, 'weekly', '23:30', 6, FALSE, '2026-12-06 23:30:00'),
  (5, 'Second', 'a.py', NULL, NULL, 'monthly', '22:00', 1, TRUE, '2026-12-01 22:00:00'),
  (6, 'By hand', 'a.py', NULL, NULL, 'manual', NULL, NULL, TRUE, NULL);
INSERT INTO job_execution_logs VALUES
  (1, 1, '2026-11-29 08:00:00', 'SUCCESS', ''),
  (2, 1, '2026-11-30 08:00:00', 'ERROR', '')
"""
SINCE = datetime(2026, 11, 30, 8, 30, tzinfo=UTC)
PERIODS = {
    "interval": timedelta(seconds=300),
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(days=7),
    "monthly": timedelta(days=28),
}


def fill(connection: Connection) -> None:
    for statement in TABLES.split(";"):
        connection.execute(text(statement))


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        with create_engine(f"sqlite:///{tmp_path / 'old.db'}").begin() as connection:
            fill(connection)
        (tmp_path / "old.db").chmod(0o400)
        return str(tmp_path / "old.db")
    server: Postgres = request.getfixturevalue("postgres")
    url = server.fresh_database()
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.begin() as connection:
        await connection.run_sync(fill)
    await engine.dispose()
    return url


async def test_every_kind_of_job_comes_with_the_instants_that_it_had(database: str) -> None:
    old = await read_old_portal(database)

    found = jobs_of(old.jobs)

    assert [one.job for one in found.told] == [
        "Poll",
        "Hourly",
        "Morning",
        "Monday early",
        "Second",
        "By hand",
    ]
    for row, entry in zip(old.jobs, found.jobs.values(), strict=True):
        if row["next_run"] is not None:
            schedule = from_json(entry["schedules"][0])  # type: ignore[index]
            reckoned = datetime.fromisoformat(str(row["next_run"])).replace(tzinfo=UTC, microsecond=0)
            since = max(SINCE, reckoned - PERIODS[row["schedule_type"]])
            assert timetable(schedule, ZONE).next_after(since) == reckoned
    assert [name for name, entry in found.jobs.items() if entry.get("paused")] == ["Monday early"]
    notes = {one.job: one.notes for one in found.told if one.notes}
    assert notes.keys() == {"Monday early", "Second"}
    assert "sun in UTC: in Hong Kong that is mon" in notes["Monday early"][0]
    assert [(row["status"], row["runs"]) for row in old.runs] == [("ERROR", 1), ("SUCCESS", 1)]
    assert await read_old_portal(database) == old


async def test_what_is_no_older_portal_is_told(tmp_path: Path) -> None:
    (tmp_path / "text").write_text(
        "This is no database, only a text that is long enough to be taken for one." * 20
    )

    for url, words in (
        (str(tmp_path / "none.db"), "There is no file"),
        (str(tmp_path / "text"), "not a database"),
        ("mysql://host/name", "mysql is no database"),
        ("postgresql://nobody@127.0.0.1:1/none", "No jobs can be read"),
    ):
        with pytest.raises(CannotDo, match=words):
            await read_old_portal(url)
    assert not (tmp_path / "none.db").exists()

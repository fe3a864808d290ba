"""PostgreSQL's clock as its sessions see it, which can be set forward and back while everybody works.

Schedulers go by what `clock_timestamp()` says. The database's path of schemas has one of ours before
PostgreSQL's own; nothing of the portal knows.
"""

from dataclasses import dataclass

from tests.support.postgres import Postgres, name_in

_MAKE = (
    "CREATE SCHEMA chaos",
    "CREATE TABLE chaos.clock (ahead_s double precision)",
    "INSERT INTO chaos.clock VALUES (0)",
    """CREATE FUNCTION chaos.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
    'SELECT pg_catalog.clock_timestamp() + make_interval(secs => ahead_s) FROM chaos.clock'""",
)


@dataclass(frozen=True, slots=True)
class LedgerClock:
    """The clock of one database. Its schema must be there already: new tables would be made in ours."""

    postgres: Postgres
    name: str

    def step(self, ahead_s: float) -> None:
        """Let it be wrong by so much from now on. Raises OSError, asyncpg.PostgresError."""
        self.postgres.execute(f"UPDATE chaos.clock SET ahead_s = {ahead_s:f}", database=self.name)


def steppable_clock(postgres: Postgres, url: str) -> LedgerClock:
    """Make the clock of this database one that can be set; sessions that begin from now on go by it."""
    name = name_in(url)
    postgres.execute(*_MAKE, database=name)
    postgres.execute(f'ALTER DATABASE "{name}" SET search_path = chaos, pg_catalog, public')
    return LedgerClock(postgres, name)

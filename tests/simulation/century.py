"""Many years, one after the other: what they share, and the order that makes a seed repeat a run exactly."""

import gc
import os
import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from types import SimpleNamespace

import structlog
from alembic import command

from shared.db.migrate import config_for
from shared.domain import ids
from tests.simulation.database import Seat
from tests.simulation.life import Crashes, Life, NoCrashes, RandomCrashes
from tests.simulation.machine import Machine, micros
from tests.simulation.named import Oracle
from tests.simulation.stepping import SteppedLoop
from tests.simulation.told import Told
from tests.simulation.year import Ground, Wish, Year

_WATCH = """
CREATE TABLE wrong (what TEXT NOT NULL);
CREATE TRIGGER cursor_back AFTER UPDATE OF decided_until ON cursors
WHEN NEW.decided_until < OLD.decided_until BEGIN
  INSERT INTO wrong VALUES ('G2: the cursor of schedule ' || OLD.schedule_id || ' moved back from '
    || OLD.decided_until || ' to ' || NEW.decided_until);
END;
CREATE TRIGGER run_after_its_end AFTER UPDATE OF state ON runs
WHEN OLD.state IN ('succeeded', 'failed', 'timed_out', 'cancelled', 'skipped', 'missed')
  AND NEW.state != OLD.state BEGIN
  INSERT INTO wrong VALUES ('run #' || OLD.number || ' of ' || OLD.nominal_at || ' went from ' || OLD.state
    || ' to ' || NEW.state);
END;
CREATE TRIGGER run_of_another_instant AFTER UPDATE OF nominal_at, schedule_id, instants ON runs BEGIN
  INSERT INTO wrong VALUES ('run #' || OLD.number || ' of ' || OLD.nominal_at || ' changed its instant');
END;
CREATE TRIGGER run_deleted AFTER DELETE ON runs BEGIN
  INSERT INTO wrong VALUES ('run #' || OLD.number || ' of ' || OLD.nominal_at || ' was deleted');
END;
"""


class Century:
    """Simulates year after year in this process."""

    def __init__(self, folder: Path, *, schedulers: int = 1) -> None:
        template = folder / "template.db"
        make_template(template)
        self._loop = SteppedLoop()
        seats = [Seat() for _ in range(1 + schedulers)]
        for seat in seats:
            self._loop.run_until_complete(_connected_once(seat, template))
        self._ground = Ground(loop=self._loop, seats=seats, oracle=Oracle(), template=template, folder=folder)

    def year(self, wish: Wish, crashes: Crashes | None = None) -> tuple[Told, Year]:
        """Simulate one year; the same wish gives the same year."""
        drawn = RandomCrashes(Random(wish.seed + 5), wish.crashes if wish.faults else 0)
        random_state = random.getstate()
        random.seed(wish.seed)  # how long a retry waits for the database is drawn from this one
        year = Year(wish, self._ground, crashes or drawn)
        gc.disable()  # it takes a tenth of the time
        try:
            with repeatable_ids(year.machine, Random(wish.seed + 6)):
                told = self._loop.run_until_complete(year.run())
        finally:
            gc.enable()
            self._loop.run_until_complete(year.close())
            gc.collect(0)  # what came while it was off is the youngest: the heap before it is not looked at
            random.setstate(random_state)
        told.passed, told.struck = drawn.passed, drawn.struck
        return told, year

    def close(self) -> None:
        """Close the loop."""
        self._loop.close()


async def _connected_once(seat: Seat, template: Path) -> None:
    """Let an engine ask what it asks at its first connection only: the first year shall be as any other."""
    nobody = Life(Machine(datetime(2000, 1, 1, tzinfo=UTC)), NoCrashes(), Random(0), yields=0)
    seat.take(template, nobody)
    async with seat.engine.connect():
        pass


def make_template(path: Path) -> None:
    """Make an empty ledger that writes down what must never happen to a row."""
    command.upgrade(config_for(f"sqlite+aiosqlite:///{path}", ("ledger",)), "head")
    connection = sqlite3.connect(path)
    connection.executescript(_WATCH)
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.close()


@contextmanager
def repeatable_ids(machine: Machine, random: Random) -> Iterator[None]:
    """Let new ids come from the virtual clock and from this source of chance."""
    clock = SimpleNamespace(time_ns=lambda: micros(machine.wall) * 1_000)
    entropy = SimpleNamespace(urandom=random.randbytes)
    ids.time, ids.os = clock, entropy  # type: ignore[assignment]  # the two names by which it asks
    try:
        yield
    finally:
        ids.time, ids.os = time, os


@contextmanager
def silence() -> Iterator[None]:
    """Let the scheduler say nothing: what it has to say of a year fills megabytes."""
    known = structlog.get_config()
    structlog.configure(processors=[_drop], wrapper_class=structlog.make_filtering_bound_logger(50))
    try:
        yield
    finally:
        structlog.configure(**known)


def _drop(*_: object) -> structlog.typing.EventDict:
    raise structlog.DropEvent

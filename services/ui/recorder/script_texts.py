"""Keeps the text of each script that runs, so that a later change of it can be shown.

A run reports a hash. One that is not known yet is looked for in the scripts directory: if the file there
has it, its text is kept. A file that has changed again by then has nothing to show; its next run does.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from services.ui.scripts import Scripts
from shared.db import script_texts
from shared.db.engine import Database
from shared.domain.errors import UnusableScript
from shared.domain.ids import RunId
from shared.runtime.clock import Clock
from shared.runtime.script_files import ScriptFile, read_script

log = structlog.get_logger()

EVERY_S = 1.0
_MOST_RUNS = 1_000
"""A flood of short runs is of few scripts: those that do not fit are seen at their next run."""
_MOST_KNOWN = 5_000
_AGAIN_S = timedelta(hours=1).total_seconds()


class ScriptTexts:
    """The endless loop between what runs report and the table `script_texts`."""

    def __init__(self, database: Database, scripts: Scripts, clock: Clock) -> None:
        self._database = database
        self._scripts = scripts
        self._clock = clock
        self._runs: set[RunId] = set()
        self._wanted = asyncio.Event()
        self._known: OrderedDict[str, float] = OrderedDict()
        self._drop_at = 0.0

    def note(self, run_id: RunId) -> None:
        """Look at a run soon: it has started or ended."""
        if len(self._runs) < _MOST_RUNS:
            self._runs.add(run_id)
            self._wanted.set()

    async def run(self) -> None:
        """Look at every job's last run, then at what is noted, at most once a second; for ever."""
        first = True
        while True:
            try:
                await self._look(at_last_runs=first)
                first = False
            except (SQLAlchemyError, OSError) as error:
                log.warning("the texts of scripts wait for the database", error=repr(error))
            await self._clock.sleep(EVERY_S)
            if not first:
                await self._wanted.wait()
                self._wanted.clear()

    async def _look(self, *, at_last_runs: bool) -> None:
        runs, self._runs = self._runs, set()
        async with self._database.reading() as session:
            found = await script_texts.scripts_of_runs(session, runs)
            if at_last_runs:
                found |= await script_texts.scripts_of_last_runs(session)
        now = self._clock.monotonic()
        wanted = {
            one: name for one, name in found.items() if now - self._known.get(one, -_AGAIN_S) >= _AGAIN_S
        }
        if wanted:
            await self._keep(wanted)
            self._known |= dict.fromkeys(wanted, now)
            while len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
        if now >= self._drop_at:
            self._drop_at = now + _AGAIN_S
            async with self._database.ledger.begin() as session:
                await script_texts.drop_unused(session)

    async def _keep(self, wanted: Mapping[str, str]) -> None:
        now = self._clock.now()
        async with self._database.ledger.begin() as session:
            missing = await script_texts.note_use(session, set(wanted), now=now)
        # One at a time: each may have 16 MB, and after an upgrade no script is known.
        for name in sorted({wanted[one] for one in missing}):
            await self._keep_file(name, missing, now=now)

    async def _keep_file(self, name: str, missing: Collection[str], *, now: datetime) -> None:
        found = await asyncio.to_thread(self._read, name)
        if found is not None and found.content is not None and found.sha256 in missing:
            async with self._database.ledger.begin() as session:
                await script_texts.keep(session, str(found.sha256), found.content, now=now)

    def _read(self, name: str) -> ScriptFile | None:
        try:
            return read_script(self._scripts.root, name)
        except UnusableScript:
            return None

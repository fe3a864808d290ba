"""Storing scripts that people upload, where the scripts directory may be written to."""

import asyncio
import os
from collections.abc import AsyncIterable
from dataclasses import dataclass

from services.ui.access import demand, demand_somewhere
from services.ui.commands.incoming import Incoming
from services.ui.scripts import Scripts
from shared.db import changes
from shared.db.changes import Deed
from shared.db.engine import Sessions
from shared.domain.access import Role, folder_of
from shared.domain.changes import ChangeKind
from shared.domain.errors import InvalidInput
from shared.domain.script import checked_script
from shared.runtime.clock import Clock

_PATIENCE_S = 120
"""So long an upload may take: nobody holds a file open for ever."""
_BY_ITSELF = b"#!"


@dataclass(frozen=True, slots=True)
class Uploads:
    """What people put into the scripts directory."""

    sessions: Sessions
    scripts: Scripts
    clock: Clock
    most_bytes: int
    """A script may have so many; 0: nobody uploads any."""

    def room(self) -> int:
        """Return how many bytes a script may have; 0 where none can be uploaded. Blocks on the disk."""
        return self.most_bytes if os.access(self.scripts.root, os.W_OK | os.X_OK) else 0

    async def store(
        self,
        name: str,
        content: AsyncIterable[bytes],
        *,
        replaces: str | None = None,
    ) -> str:
        """Store a script, whole or not at all, and return its name in normal form.

        With `replaces`, the hash of a version, it is stored over that version and no other. One that
        begins with `#!` can be executed.

        Raises:
            InvalidInput: on field `script`: the name, or the file, is none that could be run from there.
            Conflict: something has this name already, or another version than the one to be replaced.
        """
        # The one place that stores scripts: whoever may not decide what runs is refused here.
        demand_somewhere(Role.EDITOR)
        name = checked_script(name)
        by = demand(Role.EDITOR, folder_of(name)).name
        if not self.most_bytes:
            raise InvalidInput("script", "Scripts are not uploaded here. Put it into the scripts directory.")
        file = await asyncio.to_thread(Incoming.begin, self.scripts.root, name)
        try:
            begins = await self._receive(file, content)
            executable = begins.startswith(_BY_ITSELF)
            problem = self.scripts.problem_of(name, executable=executable)
            if problem:
                raise InvalidInput("script", problem)
            deed = Deed(
                kind=ChangeKind.SCRIPT_UPLOADED if replaces is None else ChangeKind.SCRIPT_REPLACED,
                by=by,
                at=self.clock.now(),
                subject=name[:200],
            )
            async with self.sessions.begin() as session:
                await changes.record(session, deed)
                # Before the note is kept: what could not be stored was not done.
                await asyncio.to_thread(file.settle, executable=executable, replaces=replaces)
        finally:
            await asyncio.to_thread(file.discard)
        return name

    async def _receive(self, file: Incoming, content: AsyncIterable[bytes]) -> bytes:
        """Write what comes; return its first bytes."""
        begins, size = b"", 0
        try:
            async with asyncio.timeout(_PATIENCE_S):
                async for part in content:
                    size += len(part)
                    if size > self.most_bytes:
                        raise InvalidInput("script", self._too_large())
                    begins += part[: len(_BY_ITSELF) - len(begins)]
                    await asyncio.to_thread(file.add, part)
        except TimeoutError as error:
            raise InvalidInput("script", "The file took too long to arrive. Try again.") from error
        if not size:
            raise InvalidInput("script", "The file is empty.")
        await asyncio.to_thread(file.keep)
        return begins

    def _too_large(self) -> str:
        return (
            f"The file has more than {self.most_bytes / 1e6:g} MB. "
            "Put it into the scripts directory, or set PORTAL_UPLOAD_BYTES higher."
        )

"""What a script left to be kept, on its way from its keeper to where the attempt's output goes. Pure."""

import hashlib
from collections.abc import Callable

from services.executor.sandbox.told import FileRead, NotKept
from shared.messages.events import FilePart

_NO_ROOM = "this executor has no room for more that waits to be stored"


class Artifacts:
    """Those of one attempt: `keep` takes each piece and says whether it has it, `note` lines for people."""

    def __init__(self, keep: Callable[[FilePart], bool], note: Callable[[str], None]) -> None:
        self._keep = keep
        self._note = note
        self._sha256 = hashlib.sha256()
        self._size = 0
        self._is_lost = False

    def take(self, told: FileRead | NotKept) -> None:
        """Take the next of what the keeper tells."""
        if isinstance(told, NotKept):
            self._tell(told)
            self._begin()  # one that could not be read to its end is left as it is: never whole
            return
        self._sha256.update(told.data)
        part = FilePart(
            name=told.name,
            start=self._size,
            data=told.data,
            size=self._size + len(told.data) if told.is_last else None,
            sha256=self._sha256.hexdigest() if told.is_last else None,
        )
        self._size += len(told.data)
        if not self._is_lost and not self._keep(part):
            self._is_lost = True
            self._tell(NotKept(told.name, _NO_ROOM))
        if told.is_last:
            self._begin()

    def _begin(self) -> None:
        self._sha256, self._size, self._is_lost = hashlib.sha256(), 0, False

    def _tell(self, told: NotKept) -> None:
        self._note(f"[Not kept: {told.name}: {told.why}]\n" if told.name else f"[Not kept: {told.why}]\n")

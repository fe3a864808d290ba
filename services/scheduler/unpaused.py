"""The instants of a schedule that its job's pauses left: what a pause took was never promised."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from services.scheduler.rules import Fires, Line
from shared.db.pauses import EndedPause


@dataclass(frozen=True, slots=True)
class Unpaused:
    """The instants of `fires` outside of these pauses, which do not overlap.

    An instant at which a pause begins is before it, one at which it ends is in it.
    """

    fires: Fires
    pauses: tuple[EndedPause, ...]

    def next_after(self, instant: datetime) -> datetime | None:
        """Return the first instant strictly after; None: there is none."""
        found = self.fires.next_after(instant)
        while found is not None and (pause := self._around(found)) is not None:
            found = self.fires.next_after(pause.resumed_at)
        return found

    def last_until(self, instant: datetime) -> datetime | None:
        """Return the newest instant at or before; None: there is none."""
        found = self.fires.last_until(instant)
        while found is not None and (pause := self._around(found)) is not None:
            found = self.fires.last_until(pause.paused_at)
        return found

    def count_between(self, after: datetime, until: datetime) -> int:
        """Return how many instants lie in (after, until], without walking through them."""
        paused = ((max(after, pause.paused_at), min(until, pause.resumed_at)) for pause in self.pauses)
        return self.fires.count_between(after, until) - sum(
            self.fires.count_between(begun, ended) for begun, ended in paused if begun < ended
        )

    def _around(self, instant: datetime) -> EndedPause | None:
        return next((one for one in self.pauses if one.paused_at < instant <= one.resumed_at), None)


def unpaused(line: Line, pauses: Iterable[EndedPause]) -> Line:
    """Return the line without the instants of those pauses that reach beyond its cursor."""
    beyond = _apart(beyond_cursor(line, pauses))
    return replace(line, fires=Unpaused(line.fires, beyond), named=line.fires) if beyond else line


def _apart(pauses: Iterable[EndedPause]) -> tuple[EndedPause, ...]:
    """Return pauses that take the same time and do not overlap.

    They do where a clock was set back between the end of one and the beginning of the next.
    """
    apart: list[EndedPause] = []
    for one in sorted(pauses, key=lambda pause: pause.paused_at):
        if apart and one.paused_at <= apart[-1].resumed_at:
            last = apart.pop()
            apart.append(EndedPause(last.paused_at, max(last.resumed_at, one.resumed_at)))
        else:
            apart.append(one)
    return tuple(apart)


def beyond_cursor(line: Line, pauses: Iterable[EndedPause]) -> tuple[EndedPause, ...]:
    """Return those of the pauses that nobody had seen the end of when the cursor was moved last."""
    return tuple(one for one in pauses if one.resumed_at > line.decided_until)

"""The week view's memory: what was read is kept for a moment, and computed once however many ask."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from services.ui.planned import Planned, Week
from services.ui.queries import week
from services.ui.queries.week import Plans
from shared.db.engine import Sessions
from shared.runtime.clock import Clock

FRESH_S: Final = 15.0
_KEPT: Final = 16


@dataclass(slots=True, kw_only=True)
class Planning:
    """Answers on the plans of all jobs: those of the newest change of a job, and at most `FRESH_S` old."""

    reading: Sessions
    clock: Clock
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _plans: Plans | None = None
    _read_at: float = 0.0
    _changed_at: datetime | None = None
    _weeks: OrderedDict[tuple[date, str], Week] = field(default_factory=OrderedDict)

    async def week(self, *, start: date, zone: str) -> Week:
        """Return what is planned from now on in the seven days from `start` in this zone."""
        async with self._turn:
            plans = await self._fresh()
            known = self._weeks.get((start, zone))
            if known is None:
                known = await asyncio.to_thread(
                    week.week_of, plans, start=start, zone=zone, now=self.clock.now()
                )
                self._weeks[start, zone] = known
                if len(self._weeks) > _KEPT:
                    self._weeks.popitem(last=False)
            return known

    async def between(self, *, begin: datetime, end: datetime) -> Planned:
        """Return the jobs that are planned in [`begin`, `end`), from now on."""
        async with self._turn:
            plans = await self._fresh()
        ahead = max(begin, self.clock.now())
        return await asyncio.to_thread(week.planned_between, plans, begin=ahead, end=end)

    async def _fresh(self) -> Plans:
        now = self.clock.monotonic()
        async with self.reading() as session:
            changed_at = await week.newest_change(session)
            is_fresh = changed_at == self._changed_at and now - self._read_at <= FRESH_S
            rows = [] if is_fresh else await week.rows_of_schedules(session)
        if self._plans is None or not is_fresh:
            self._changed_at = changed_at
            self._plans = await asyncio.to_thread(week.plans_of, rows)
            self._read_at = now
            self._weeks.clear()
        return self._plans

"""The attempts this executor holds, and which it held: who it is answerable for."""

import asyncio
from collections import OrderedDict

import structlog

from services.executor.attempt import Attempt, Means
from services.executor.slots import Slots
from services.executor.verdict import Asked
from shared.domain.ids import AttemptId
from shared.messages.answers import Grant
from shared.messages.envelope import AttemptRef

log = structlog.get_logger()

_REMEMBERED = 4096
"""Ended attempts whose late duplicates are known at once; older ones just lose their claim."""


class Holdings:
    """Starts granted attempts in one group and finds them again by attempt and token."""

    def __init__(self, means: Means, slots: Slots) -> None:
        self._means = means
        self._slots = slots
        self._held: dict[AttemptRef, Attempt] = {}
        self._seen: OrderedDict[AttemptRef, None] = OrderedDict()
        self._starts: asyncio.Queue[Attempt] = asyncio.Queue()
        self.changed = asyncio.Event()
        """Set when an attempt has come or gone."""
        self.is_idle = asyncio.Event()
        """Set while no attempt is held."""
        self.is_idle.set()

    @property
    def refs(self) -> tuple[AttemptRef, ...]:
        """Return the attempts whose scripts run, or are about to."""
        return tuple(self._held)

    @property
    def preparing(self) -> tuple[AttemptId, ...]:
        """Return those of them that have not started."""
        return tuple(ref.attempt_id for ref, attempt in self._held.items() if attempt.may_start)

    def knows(self, ref: AttemptRef) -> bool:
        """Say whether this executor holds the attempt or held it lately."""
        return ref in self._seen

    def start(self, grant: Grant, *, lease_until: float) -> None:
        """Start a granted attempt, for which a slot was taken; the slot is freed when it has ended."""
        attempt = Attempt(grant, lease_until=lease_until, means=self._means)
        self._held[attempt.ref] = attempt
        self._seen[attempt.ref] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        self.is_idle.clear()
        self._starts.put_nowait(attempt)

    def stop(self, ref: AttemptRef) -> None:
        """End an attempt gently; one that is not held is none of ours."""
        if ref in self._held:
            log.info("run to be cancelled", attempt_id=str(ref.attempt_id))
            self._held[ref].stop()

    def kill(self, ref: AttemptRef) -> None:
        """End an attempt at once: the ledger has given it up."""
        if ref in self._held:
            log.warning("run revoked", attempt_id=str(ref.attempt_id))
            self._held[ref].kill(Asked.REVOKED)

    def extend(self, ref: AttemptRef, *, lease_until: float) -> None:
        """Let an attempt live until then."""
        if ref in self._held:
            self._held[ref].extend(lease_until)

    async def run(self) -> None:
        """Run attempts until cancelled; none outlives this call."""
        async with asyncio.TaskGroup() as group:
            while True:
                attempt = await self._starts.get()
                self.changed.set()
                group.create_task(attempt.run())
                group.create_task(self._let_go(attempt))

    async def _let_go(self, attempt: Attempt) -> None:
        await attempt.has_ended.wait()
        del self._held[attempt.ref]
        self._slots.give_back()
        self.changed.set()
        if not self._held:
            self.is_idle.set()

"""Alerts as pages and programs see them: channels without their addresses, rules, what holds, messages."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import alerts, deliveries
from shared.db.alerts import Channel
from shared.db.deliveries import Delivery
from shared.db.engine import Database
from shared.db.tables import JobRow
from shared.domain.alert import AlertKind, AlertScope, ChannelKind, DeliveryState, Rule
from shared.domain.errors import NotFound
from shared.domain.ids import JobId

_MOST_HOLDING = 200


class ChannelItem(msgspec.Struct, frozen=True, kw_only=True):
    """Where messages go."""

    id: UUID
    name: str
    kind: ChannelKind
    shown: str
    """What may be seen of its address."""
    quiet: dict[str, Any] | None
    changed_by: str
    changed_at: datetime
    rules: int
    """So many rules tell it."""


class ChannelRef(msgspec.Struct, frozen=True, kw_only=True):
    """A channel by its name."""

    id: UUID
    name: str


class RuleItem(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to be told."""

    id: UUID
    kind: AlertKind
    scope: AlertScope
    job_id: UUID | None
    job_name: str | None
    folder: str
    in_a_row: int
    after_s: int
    factor: float
    channels: tuple[ChannelRef, ...]
    tells_end: bool
    remind_s: int | None
    is_on: bool
    snoozed_until: datetime | None
    holding: int
    """Of so many jobs or executors it holds now."""


class HoldingItem(msgspec.Struct, frozen=True, kw_only=True):
    """What was told and is not over."""

    id: UUID
    rule_id: UUID
    title: str
    since: datetime
    count: int
    """So often it was found."""
    job_id: UUID | None
    run_id: UUID | None


class DeliveryItem(msgspec.Struct, frozen=True, kw_only=True):
    """A message and what became of it."""

    id: UUID
    channel: ChannelRef
    state: DeliveryState
    created_at: datetime
    send_at: datetime | None
    """Of one that waits: its next try."""
    done_at: datetime | None
    tries: int
    error: str
    notices: int
    title: str
    body: str


class JobAlerts(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of a job."""

    rules: tuple[RuleItem, ...]
    """Those for it, for its folder and for all, in this order."""
    holding: tuple[HoldingItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAlerts:
    """What is asked about alerts."""

    database: Database

    async def channels(self) -> tuple[ChannelItem, ...]:
        """Return where messages go, by name."""
        async with self.database.reading() as session:
            found = await alerts.channels(session)
            rules = await alerts.rules(session)
        return tuple(
            ChannelItem(
                id=one.id,
                name=one.name,
                kind=one.kind,
                shown=one.shown,
                quiet=one.quiet,
                changed_by=one.changed_by,
                changed_at=one.changed_at,
                rules=sum(one.id in rule.channels for rule in rules),
            )
            for one in found
        )

    async def rules(self) -> tuple[RuleItem, ...]:
        """Return all rules, oldest first."""
        async with self.database.reading() as session:
            return await _items(session, await alerts.rules(session))

    async def rule(self, rule_id: UUID) -> RuleItem:
        """Return one.

        Raises:
            NotFound: there is none.
        """
        for one in await self.rules():
            if one.id == rule_id:
                return one
        raise NotFound("There is no such rule. The page Alerts lists those there are.")

    async def holding(self) -> tuple[HoldingItem, ...]:
        """Return what was told and is not over, the newest first, at most 200."""
        async with self.database.reading() as session:
            found = await alerts.incidents(session, is_open=True)
        return tuple(_holding(one) for one in found[::-1][:_MOST_HOLDING])

    async def deliveries(
        self, *, before: UUID | None, limit: int
    ) -> tuple[tuple[DeliveryItem, ...], UUID | None]:
        """Return messages, newest first, and where the next page begins; None: there is no more."""
        async with self.database.reading() as session:
            found = await deliveries.deliveries(session, before=before, limit=limit + 1)
            names = _refs(await alerts.channels(session))
        more = found[limit - 1].id if len(found) > limit else None
        return tuple(_delivery(one, names) for one in found[:limit]), more

    async def of_job(self, job_id: JobId) -> JobAlerts:
        """Return what is told of a job, and from where.

        Raises:
            NotFound: no such job.
        """
        order = (AlertScope.JOB, AlertScope.FOLDER, AlertScope.ALL)
        async with self.database.reading() as session:
            script = await session.scalar(select(JobRow.script).where(JobRow.id == job_id))
            if script is None:
                raise NotFound("There is no such job.")
            rules = [
                rule for rule in await alerts.rules(session, job_id=job_id) if rule.covers(job_id, script)
            ]
            items = await _items(session, sorted(rules, key=lambda rule: order.index(rule.scope)))
            told = await alerts.incidents(session, is_open=False, subjects=[str(job_id)])
        return JobAlerts(rules=items, holding=tuple(_holding(one) for one in told if one.ended_at is None))


def _refs(channels: Iterable[Channel]) -> dict[UUID, ChannelRef]:
    return {one.id: ChannelRef(id=one.id, name=one.name) for one in channels}


async def _items(session: AsyncSession, rules: Sequence[Rule]) -> tuple[RuleItem, ...]:
    refs = _refs(await alerts.channels(session))
    names = await alerts.names_of(session, [rule.job_id for rule in rules if rule.job_id is not None])
    held = [one.rule_id for one in await alerts.incidents(session, is_open=True)] if rules else []
    return tuple(
        RuleItem(
            id=rule.id,
            kind=rule.kind,
            scope=rule.scope,
            job_id=rule.job_id,
            job_name=None if rule.job_id is None else names.get(rule.job_id),
            folder=rule.folder,
            in_a_row=rule.in_a_row,
            after_s=rule.after_s,
            factor=rule.factor,
            channels=tuple(refs[one] for one in rule.channels if one in refs),
            tells_end=rule.tells_end,
            remind_s=rule.remind_s,
            is_on=rule.is_on,
            snoozed_until=rule.snoozed_until,
            holding=held.count(rule.id),
        )
        for rule in rules
    )


def _holding(one: alerts.Incident) -> HoldingItem:
    return HoldingItem(
        id=one.id,
        rule_id=one.rule_id,
        title=one.title,
        since=one.opened_at,
        count=one.count,
        job_id=one.job_id,
        run_id=one.run_id,
    )


def _delivery(one: Delivery, names: dict[UUID, ChannelRef]) -> DeliveryItem:
    return DeliveryItem(
        id=one.id,
        channel=names.get(one.channel_id) or ChannelRef(id=one.channel_id, name=""),
        state=one.state,
        created_at=one.created_at,
        send_at=one.send_at if one.state is DeliveryState.WAITING else None,
        done_at=one.done_at,
        tries=one.tries,
        error=one.error,
        notices=one.notices,
        title=one.title,
        body=one.body,
    )

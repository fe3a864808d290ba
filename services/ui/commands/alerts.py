"""Channels and rules of alerts: checked, sealed, stored; a trial is a message like any other."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from services.ui.access import demand
from services.ui.addresses import Place, mail, service, webhook
from shared.db import alerts, changes, deliveries, jobs
from shared.db.alerts import MOST_RULES, Channel
from shared.db.changes import Deed
from shared.db.deliveries import Notice
from shared.db.engine import Sessions
from shared.db.tables import AlertChannelRow
from shared.domain.access import Role, Who, folder_of
from shared.domain.alert import (
    AlertKind,
    AlertScope,
    ChannelKind,
    Rule,
    checked_rule,
    checked_snooze,
    quiet_from,
)
from shared.domain.changes import ChangeKind
from shared.domain.errors import Conflict, InvalidInput, NotFound
from shared.domain.ids import JobId, new_id
from shared.runtime.clock import Clock
from shared.runtime.vault import Vault

MOST_CHANNELS = 50
MAX_NAME = 60
_NO_CHANNEL = "There is no such channel. The page Alerts lists those there are."
_NO_RULE = "There is no such rule. The page Alerts lists those there are."


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelDraft:
    """A channel as somebody typed it."""

    name: str
    kind: ChannelKind
    address: str = ""
    """Of a webhook or a service; empty: it stays as it is."""
    account: Mapping[str, str] | None = None
    """Of e-mail, as `addresses.mail` takes it; None: it stays as it is."""
    quiet: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """What people do about being told."""

    sessions: Sessions
    clock: Clock
    vault: Vault

    async def put_channel(self, channel_id: UUID | None, draft: ChannelDraft) -> tuple[UUID, str]:
        """Store a channel, None for a new one; return its id and, of a new webhook address, its secret.

        Raises:
            NotFound: there is no such channel.
            InvalidInput: with the field and what to do.
            NoSecretsKey: the portal has no key to seal the address with.
        """
        by, name = demand(Role.ADMIN).name, draft.name.strip()
        if not 0 < len(name) <= MAX_NAME or not name.isprintable():
            raise InvalidInput("name", f"Give the channel a name of at most {MAX_NAME} characters.")
        quiet_from(draft.quiet)
        place = _place(draft)
        async with self.sessions.begin() as session:
            known = {one.id: one for one in await alerts.channels(session)}
            was = _known(known, channel_id)
            if any(one.name == name for one in known.values() if one.id != channel_id):
                raise InvalidInput("name", "Another channel has this name.")
            if was is None and len(known) >= MOST_CHANNELS:
                raise InvalidInput("name", f"There are {MOST_CHANNELS} channels already. Delete one first.")
            if place is None and (was is None or was.kind is not draft.kind):
                raise InvalidInput(
                    "host" if draft.kind is ChannelKind.MAIL else "address", "Say where messages are sent."
                )
            channel = Channel(
                id=was.id if was else new_id(),
                name=name,
                kind=draft.kind,
                sealed=self.vault.seal(place.address) if place else was.sealed if was else "",
                shown=place.shown if place else was.shown if was else "",
                quiet=draft.quiet,
                changed_by=by,
                changed_at=self.clock.now(),
            )
            await alerts.put_channel(session, channel)
            await self._note(session, ChangeKind.CHANNEL_SET, name, by=by)
        return channel.id, place.secret if place else ""

    async def delete_channel(self, channel_id: UUID) -> None:
        """Delete a channel that no rule names, with its messages.

        Raises:
            NotFound: there is none.
            Conflict: rules name it.
        """
        by = demand(Role.ADMIN).name
        async with self.sessions.begin() as session:
            known = {one.id: one for one in await alerts.channels(session)}
            if channel_id not in known:
                raise NotFound(_NO_CHANNEL)
            count = sum(channel_id in rule.channels for rule in await alerts.rules(session))
            if count:
                said = "1 rule tells" if count == 1 else f"{count} rules tell"
                raise Conflict(f"{said} this channel. Choose another one there first.")
            await deliveries.forget_of_channel(session, channel_id)
            await session.execute(delete(AlertChannelRow).where(AlertChannelRow.id == channel_id))
            await self._note(session, ChangeKind.CHANNEL_DELETED, known[channel_id].name, by=by)

    async def try_channel(self, channel_id: UUID) -> UUID:
        """Send a message for a trial; return its id, by which the log says what became of it.

        Raises:
            NotFound: there is no such channel.
        """
        by, now = demand(Role.ADMIN).name, self.clock.now()
        async with self.sessions.begin() as session:
            if channel_id not in {one.id for one in await alerts.channels(session)}:
                raise NotFound(_NO_CHANNEL)
            title = "A trial of the Job Trigger Portal"
            text = f"{by} asked for this message. Alerts come the same way."
            return await deliveries.send_now(
                session, channel_id, Notice(at=now, title=title, text=text), now=now
            )

    async def put_rule(self, rule: Rule, *, is_new: bool) -> UUID:
        """Store a rule. What it held of before is forgotten: it tells anew.

        Raises:
            NotFound: there is no such rule, or no such job.
            InvalidInput: with the field and what to do.
        """
        now = self.clock.now()
        async with self.sessions.begin() as session:
            known = {one.id: one for one in await alerts.rules(session)}
            by = (await _allowed(session, Role.EDITOR, rule)).name
            if not is_new:
                await _allowed(session, Role.EDITOR, known.get(rule.id))
            rule = checked_rule(rule)
            if is_new and len(known) >= MOST_RULES:
                raise InvalidInput("kind", f"There are {MOST_RULES} rules already. Delete one first.")
            if not is_new and rule.id not in known:
                raise NotFound(_NO_RULE)
            there = {one.id for one in await alerts.channels(session)}
            if not there.issuperset(rule.channels):
                raise InvalidInput("channels", "One of these channels is gone. Choose again.")
            if rule.job_id is not None and not await alerts.names_of(session, [rule.job_id]):
                raise NotFound("There is no such job, or it is deleted.")
            await alerts.forget_incidents_of(session, rule.id)
            # What happens before it speaks is not told afterwards.
            kept = replace(
                rule, created_at=now, snoozed_until=None if is_new else known[rule.id].snoozed_until
            )
            await alerts.put_rule(session, kept, by=by, at=now)
            await self._note(session, ChangeKind.RULE_SET, _named(kept), by=by, rule=kept)
        return rule.id

    async def snooze_rule(self, rule_id: UUID, seconds: int) -> None:
        """Let a rule begin nothing new for so long; 0: it speaks again.

        Raises:
            NotFound: there is none.
            InvalidInput: on field `for_s`: more than 30 days.
        """
        async with self.sessions.begin() as session:
            known = {one.id: one for one in await alerts.rules(session)}
            by = (await _allowed(session, Role.OPERATOR, known.get(rule_id))).name
            length = checked_snooze(seconds)
            if not await alerts.snooze(session, rule_id, self.clock.now() + length if length else None):
                raise NotFound(_NO_RULE)
            await self._note(session, ChangeKind.RULE_SET, "snoozed" if length else "woken", by=by)

    async def delete_rule(self, rule_id: UUID) -> None:
        """Delete a rule; one that is gone stays so."""
        async with self.sessions.begin() as session:
            known = {one.id: one for one in await alerts.rules(session)}.get(rule_id)
            by = (await _allowed(session, Role.EDITOR, known)).name
            if await alerts.forget_rule(session, rule_id):
                name = _named(known) if known else "of a job that is gone"
                await self._note(session, ChangeKind.RULE_DELETED, name, by=by)

    async def _note(
        self, session: AsyncSession, kind: ChangeKind, subject: str, *, by: str, rule: Rule | None = None
    ) -> None:
        detail = "" if rule is None or rule.is_on else "off"
        await changes.record(
            session, Deed(kind=kind, by=by, at=self.clock.now(), subject=subject, detail=detail)
        )


async def _allowed(session: AsyncSession, role: Role, rule: Rule | None) -> Who:
    """Return who asks, who may do so much to the jobs that the rule is about; None: to all."""
    if rule is None or rule.scope is AlertScope.ALL:
        return demand(role)
    if rule.scope is AlertScope.FOLDER:
        return demand(role, rule.folder.strip().strip("/"))
    head = None if rule.job_id is None else await jobs.head_of(session, JobId(rule.job_id))
    return demand(role) if head is None else demand(role, folder_of(head.script))


def _place(draft: ChannelDraft) -> Place | None:
    match draft.kind:
        case ChannelKind.MAIL:
            return None if draft.account is None else mail(draft.account)
        case ChannelKind.WEBHOOK:
            return webhook(draft.address) if draft.address.strip() else None
        case ChannelKind.APPRISE:
            place = service(draft.address) if draft.address.strip() else None
            return None if place is None else replace(place, kind=ChannelKind.APPRISE)


def _known(known: Mapping[UUID, Channel], channel_id: UUID | None) -> Channel | None:
    if channel_id is not None and channel_id not in known:
        raise NotFound(_NO_CHANNEL)
    return None if channel_id is None else known[channel_id]


def _named(rule: Rule) -> str:
    kind = rule.kind.replace("-", " ")
    match rule.scope:
        case AlertScope.FOLDER:
            return f"{kind} in {rule.folder}"
        case AlertScope.JOB:
            return f"{kind} of one job"
        case AlertScope.ALL:
            return kind if rule.kind in (AlertKind.EXECUTOR, AlertKind.QUEUE) else f"{kind} of any job"

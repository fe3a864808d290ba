"""The loop that sends what was decided: each channel by itself, so that one that hangs delays no other."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import httpx
import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from services.ui.notifications import senders
from services.ui.notifications.phrases import MOST_TOLD, Told, message
from services.ui.notifications.senders import Undelivered
from shared.db import alerts, deliveries, logs
from shared.db.alerts import Channel
from shared.db.deliveries import Delivery, Notice
from shared.db.engine import Database
from shared.db.tables import AttemptRow
from shared.domain.alert import GIVES_UP_AFTER, ChannelKind, DeliveryState, next_try
from shared.domain.errors import NoSecretsKey, Unopenable
from shared.domain.ids import AttemptId
from shared.runtime.clock import Clock
from shared.runtime.vault import Vault

log = structlog.get_logger()

_EVERY_S = 2.0
_MOST_AT_ONCE = 16
_LINES_OF_ONE = 8
_LINES_OF_MANY = 2
_LONGEST_LINE = 200


class Courier:
    """Sends what is due, again and again, until it arrived or is given up; by several replicas, each once."""

    def __init__(self, database: Database, clock: Clock, vault: Vault, *, public_url: str | None) -> None:
        self._database = database
        self._clock = clock
        self._vault = vault
        self._public_url = public_url
        self._busy: set[UUID] = set()
        """Channels that are being sent to; one whose thread hangs stays here until that ends."""

    async def run(self) -> None:
        """Send until cancelled."""
        # Trusting the environment would send alerts through proxies that were meant for other things.
        limits = httpx.Limits(max_connections=_MOST_AT_ONCE, max_keepalive_connections=0)
        async with httpx.AsyncClient(limits=limits, trust_env=False) as http, asyncio.TaskGroup() as group:
            while True:
                try:
                    await self.send_due(group, http)
                except (SQLAlchemyError, OSError) as error:
                    log.warning("alerts wait for the database", error=repr(error))
                await self._clock.sleep(_EVERY_S)

    async def send_due(self, group: asyncio.TaskGroup, http: httpx.AsyncClient) -> None:
        """Begin to send what is due, of each channel one message; the group carries it out."""
        now = self._clock.now()
        async with self._database.reading() as session:
            due = await deliveries.due(session, now, limit=200)
            known = {one.id: one for one in await alerts.channels(session)} if due else {}
        for delivery in due:
            channel = known.get(delivery.channel_id)
            if channel is None or channel.id in self._busy or len(self._busy) >= _MOST_AT_ONCE:
                continue
            self._busy.add(channel.id)
            group.create_task(self._send(delivery, channel, http))

    async def _send(self, delivery: Delivery, channel: Channel, http: httpx.AsyncClient) -> None:
        is_left = False  # to a thread, which says itself when the channel is free
        try:
            now = self._clock.now()
            async with self._database.ledger.begin() as session:
                if not await deliveries.claim(session, delivery, now):
                    return
            told, notices = await self._told(delivery)
            error = ""
            try:
                address = self._vault.open(channel.sealed)
                if channel.kind is ChannelKind.WEBHOOK:
                    await self._post(http, address, delivery, told, notices)
                else:
                    is_left = True
                    await senders.in_thread(
                        lambda: senders.notify(channel.kind, address, told),
                        on_end=lambda: self._busy.discard(channel.id),
                    )
            except Undelivered as failed:
                error = str(failed)
            except (NoSecretsKey, Unopenable):
                error = "The channel's address cannot be opened with the keys of this portal. Store it again."
            await self._settle(delivery, told, error)
        except (SQLAlchemyError, OSError) as failure:
            # The claim ends by itself, and it is sent again.
            log.warning("an alert waits for the database", error=repr(failure))
        except Exception:
            # One message that cannot be made must not end the portal: it is tried again until it is given up.
            log.exception("an alert failed", delivery=str(delivery.id))
        finally:
            if not is_left:
                self._busy.discard(channel.id)

    async def _post(
        self,
        http: httpx.AsyncClient,
        address: str,
        delivery: Delivery,
        told: Told,
        notices: Sequence[Notice],
    ) -> None:
        facts: list[Any] = [
            senders.fact(one.title, one.text, one.at, one.run_id, one.job_id) for one in notices[:1_000]
        ]
        # More may have joined since an earlier try: then it is another message.
        key = f"msg_{delivery.id.hex}_{len(notices)}"
        now = self._clock.now()
        await senders.post(http, address, key=key, told=told, facts=facts, now=now)

    async def _settle(self, delivery: Delivery, told: Told, error: str) -> None:
        now = self._clock.now()
        values: dict[str, object] = {"title": told.title, "body": told.body, "error": error}
        if not error:
            values |= {"state": DeliveryState.DELIVERED, "done_at": now}
        elif now - delivery.created_at >= GIVES_UP_AFTER:
            values |= {"state": DeliveryState.GIVEN_UP, "done_at": now}
        else:
            values |= {"send_at": next_try(delivery.tries + 1, now)}
        async with self._database.ledger.begin() as session:
            await deliveries.settle(session, delivery.id, values)
        log.info("alert sent" if not error else "alert not sent", delivery=str(delivery.id), error=error)

    async def _told(self, delivery: Delivery) -> tuple[Told, Sequence[Notice]]:
        async with self._database.reading() as session:
            notices = await deliveries.notices_of(session, delivery.id)
        shown = [one for one in notices[:MOST_TOLD] if one.with_log and one.run_id is not None]
        most = _LINES_OF_ONE if len(notices) == 1 else _LINES_OF_MANY
        printed = {one.run_id: await self._last_lines(one.run_id, most) for one in shown if one.run_id}
        return message(notices, printed, self._public_url), notices

    async def _last_lines(self, run_id: UUID, most: int) -> Sequence[str]:
        """Return the last lines that are not empty on stderr, else on stdout; secrets are masked in them."""
        async with self._database.reading() as session:
            newest = select(AttemptRow.id).where(AttemptRow.run_id == run_id)
            attempt_id = await session.scalar(newest.order_by(AttemptRow.number.desc()).limit(1))
        if attempt_id is None:
            return ()
        async with self._database.reading_logs() as session:
            for stream in ("stderr", "stdout"):
                chunk = await logs.last_chunk(session, AttemptId(attempt_id), stream)
                lines = [] if chunk is None else [line.strip() for line in chunk.text.split("\n")]
                if found := [_printable(line) for line in lines if line][-most:]:
                    return found
        return ()


def _printable(line: str) -> str:
    return "".join(c if c.isprintable() else "\ufffd" for c in line)[:_LONGEST_LINE]

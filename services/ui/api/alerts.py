"""Alerts over HTTP: addresses go in and never come out."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from starlette.responses import Response

from services.ui.api.answers import answer
from services.ui.api.roles import ADMIN, FOLDER_EDITOR, FOLDER_OPERATOR, VIEWER, roled
from services.ui.commands.alerts import ChannelDraft
from services.ui.portal import Portal
from shared.domain.alert import AlertKind, AlertScope, ChannelKind, Rule
from shared.domain.ids import JobId, new_id


class QuietBody(BaseModel):
    """Hours in which a channel is left alone, such as 22:00 to 07:00 of a zone."""

    model_config = ConfigDict(extra="forbid")

    begins: str = Field(max_length=8)
    ends: str = Field(max_length=8)
    zone: str = Field(max_length=64)


class AccountBody(BaseModel):
    """An e-mail account and who gets the mail."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    host: str = ""
    port: str = ""
    security: str = "starttls"
    user: str = ""
    password: SecretStr = SecretStr("")
    sender: str = ""
    to: str = ""


class ChannelBody(BaseModel):
    """A channel; without an address or account one that is stored keeps its own."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: str
    kind: ChannelKind
    address: SecretStr = SecretStr("")
    account: AccountBody | None = None
    quiet: QuietBody | None = None

    def draft(self) -> ChannelDraft:
        """Return it as the command takes it."""
        account = None
        if self.account is not None:
            said = self.account.model_dump(exclude={"password"})
            account = {**said, "password": self.account.password.get_secret_value()}
        return ChannelDraft(
            name=self.name,
            kind=self.kind,
            address=self.address.get_secret_value(),
            account=account,
            quiet=None if self.quiet is None else self.quiet.model_dump(),
        )


class RuleBody(BaseModel):
    """What is to be told, and where."""

    model_config = ConfigDict(extra="forbid")

    kind: AlertKind
    scope: AlertScope = AlertScope.ALL
    job_id: UUID | None = None
    folder: str = Field("", max_length=255)
    in_a_row: int = 1
    after_s: int = 600
    factor: float = Field(3.0, allow_inf_nan=False)
    channels: list[UUID] = Field(max_length=50)
    tells_end: bool = True
    remind_s: int | None = None
    is_on: bool = True

    def rule(self, rule_id: UUID) -> Rule:
        """Return it as the command takes it."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return Rule(**{**values, "id": rule_id, "channels": tuple(dict.fromkeys(self.channels))})


class SnoozeBody(BaseModel):
    """For how long, in seconds from now; 0 wakes the rule."""

    model_config = ConfigDict(extra="forbid")

    for_s: int = 3_600


def router(portal: Portal) -> APIRouter:
    """Return the routes of alerts."""
    routes = roled("/api/v1")
    _channels(routes, portal)
    _rules(routes, portal)

    @routes.get("/alerts/holding", openapi_extra=VIEWER)
    async def holding() -> Response:
        """Return what was told and is not over."""
        return answer(_listed(await portal.kept_alerts.holding()))

    @routes.get("/alerts/deliveries", openapi_extra=VIEWER)
    async def messages(
        before: UUID | None = None, limit: Annotated[int, Query(ge=1, le=200)] = 50
    ) -> Response:
        """Return messages and what became of them, newest first."""
        items, more = await portal.kept_alerts.deliveries(before=before, limit=limit)
        return answer({"items": items, "next": more})

    @routes.get("/jobs/{job_id}/alerts", openapi_extra=VIEWER)
    async def of_job(job_id: UUID) -> Response:
        """Return what is told of a job, and by which rules."""
        return answer(await portal.kept_alerts.of_job(JobId(job_id)))

    return routes


def _listed(items: tuple[object, ...]) -> dict[str, object]:
    return {"items": items, "next": None, "total": len(items)}


def _channels(routes: APIRouter, portal: Portal) -> None:
    async def kept(channel_id: UUID, secret: str, status: int) -> Response:
        (item,) = [one for one in await portal.kept_alerts.channels() if one.id == channel_id]
        return answer({"channel": item, "secret": secret or None}, status)

    @routes.get("/alerts/channels", openapi_extra=VIEWER)
    async def list_channels() -> Response:
        """Return the channels by name, without their addresses."""
        return answer(_listed(await portal.kept_alerts.channels()))

    @routes.post("/alerts/channels", openapi_extra=ADMIN)
    async def add_channel(body: ChannelBody) -> Response:
        """Store a channel. Of a webhook the answer has the secret that signs its messages, this once."""
        channel_id, secret = await portal.alerts.put_channel(None, body.draft())
        return await kept(channel_id, secret, 201)

    @routes.put("/alerts/channels/{channel_id}", openapi_extra=ADMIN)
    async def change_channel(channel_id: UUID, body: ChannelBody) -> Response:
        """Change a channel; a new address of a webhook has a new secret."""
        _, secret = await portal.alerts.put_channel(channel_id, body.draft())
        return await kept(channel_id, secret, 200)

    @routes.delete("/alerts/channels/{channel_id}", openapi_extra=ADMIN)
    async def delete_channel(channel_id: UUID) -> Response:
        """Delete a channel that no rule tells, with its messages."""
        await portal.alerts.delete_channel(channel_id)
        return Response(status_code=204)

    @routes.post("/alerts/channels/{channel_id}/test", openapi_extra=ADMIN)
    async def try_channel(channel_id: UUID) -> Response:
        """Send a message for a trial; the deliveries say what became of it."""
        return answer({"delivery_id": await portal.alerts.try_channel(channel_id)}, 202)


def _rules(routes: APIRouter, portal: Portal) -> None:
    @routes.get("/alerts/rules", openapi_extra=VIEWER)
    async def list_rules() -> Response:
        """Return what is to be told."""
        return answer(_listed(await portal.kept_alerts.rules()))

    @routes.post("/alerts/rules", openapi_extra=FOLDER_EDITOR)
    async def add_rule(body: RuleBody) -> Response:
        """Store a rule; it tells of what happens from now on."""
        rule_id = await portal.alerts.put_rule(body.rule(new_id()), is_new=True)
        return answer(await portal.kept_alerts.rule(rule_id), 201)

    @routes.put("/alerts/rules/{rule_id}", openapi_extra=FOLDER_EDITOR)
    async def change_rule(rule_id: UUID, body: RuleBody) -> Response:
        """Change a rule; it tells of what happens from now on."""
        await portal.alerts.put_rule(body.rule(rule_id), is_new=False)
        return answer(await portal.kept_alerts.rule(rule_id))

    @routes.post("/alerts/rules/{rule_id}/snooze", openapi_extra=FOLDER_OPERATOR)
    async def snooze(rule_id: UUID, body: SnoozeBody | None = None) -> Response:
        """Let a rule begin nothing new for a while."""
        await portal.alerts.snooze_rule(rule_id, (body or SnoozeBody()).for_s)
        return answer(await portal.kept_alerts.rule(rule_id))

    @routes.delete("/alerts/rules/{rule_id}", openapi_extra=FOLDER_EDITOR)
    async def delete_rule(rule_id: UUID) -> Response:
        await portal.alerts.delete_rule(rule_id)
        return Response(status_code=204)

"""What every route answers when all is well, for the OpenAPI document: it cannot be made without one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from services.ui.chained import ChainGraph
from services.ui.documents.plan import Plan
from services.ui.many import BulkPreview, BulkResult, RunsResult
from services.ui.models import (
    ExecutorItem,
    Freeze,
    Health,
    JobItem,
    LogPage,
    Page,
    Person,
    RunDetail,
    RunItem,
)
from services.ui.planned import Planned, SchedulePreview, Week
from services.ui.queries.alerts import ChannelItem, DeliveryItem, HoldingItem, JobAlerts, RuleItem
from services.ui.queries.artifacts import ArtifactsPage
from services.ui.queries.backfill import BackfillPreview, ResumePreview
from services.ui.queries.calendars import CalendarItem
from services.ui.queries.executors import ExecutorDetail
from services.ui.queries.explained import WhyAnswer
from services.ui.queries.folder import ListedFile, ReadScript
from services.ui.queries.history import Activity, ChangedField, JobVersion
from services.ui.queries.insights import Insights
from services.ui.queries.limits import LimitItem
from services.ui.queries.log_lines import LogHits, LogLinesPage
from services.ui.queries.mutes import JobMute
from services.ui.queries.overview import Overview
from services.ui.queries.parked import ParkedList
from services.ui.queries.pools import PoolItem
from services.ui.queries.secrets import SecretItem
from services.ui.queries.since import ChangesOfRun
from services.ui.queries.utilisation import Utilisation
from services.ui.queries.versions import ScriptChange, ScriptNow
from services.ui.queries.views import ViewItem
from shared.domain.access import Role, Via


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What went wrong, and what to do next (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    """A sentence for people."""
    field: str | None = None
    """Of what was sent, the field that is wrong."""
    part: str | None = None
    """Of a schedule, the part of that field."""


class Alive(msgspec.Struct, frozen=True):
    """The service answers."""

    alive: bool


class Ready(msgspec.Struct, frozen=True):
    """Whether it can show and store, and what that is told by."""

    ready: bool
    facts: Health


class RunAsked(msgspec.Struct, frozen=True):
    """The run that was asked for; it can be watched at once."""

    run_id: UUID


class Asked(msgspec.Struct, frozen=True):
    """What the scheduler will do soon, under this id."""

    request_id: UUID


class Waiting(msgspec.Struct, frozen=True):
    """How many runs wait."""

    waiting: int


class Frozen(msgspec.Struct, frozen=True):
    """Whether everything is frozen; null: it is not."""

    freeze: Freeze | None


class ScriptNames(msgspec.Struct, frozen=True):
    """The scripts that can be chosen, where they lie, and how large one that is uploaded may be."""

    items: tuple[str, ...]
    next: str | None
    total: int
    root: str
    upload_bytes: int


class ScriptFolder(msgspec.Struct, frozen=True):
    """All of the scripts directory, with its users."""

    items: tuple[ListedFile, ...]
    missing: tuple[ListedFile, ...]
    cut: bool
    root: str
    upload_bytes: int


class ScriptChanged(msgspec.Struct, frozen=True):
    """What changed in a script since the job's last success; null: nothing, or nobody knows."""

    change: ScriptChange | None


class Oneself(msgspec.Struct, frozen=True):
    """Who asks, and what they may do."""

    name: str
    role: Role
    grants: dict[str, Role]
    """By folder of scripts."""
    via: Via


class Me(Person, frozen=True, kw_only=True):
    """How whoever asks sees the portal, and who they are."""

    user: Oneself


class OwnSession(msgspec.Struct, frozen=True):
    """A browser in which one is signed in."""

    id: str
    address: str
    agent: str
    created_at: datetime
    seen_at: datetime
    is_this: bool


class UserItem(msgspec.Struct, frozen=True, kw_only=True):
    """A person who may sign in."""

    id: UUID
    name: str
    role: Role
    grants: dict[str, Role]
    created_at: datetime
    disabled_at: datetime | None
    has_password: bool


class ListedUser(UserItem, frozen=True, kw_only=True):
    """A user, and when they were last seen; null: they are signed in nowhere."""

    seen_at: datetime | None


class Linked(msgspec.Struct, frozen=True):
    """A link that is good for once; null: none is needed."""

    link: str | None


class NewUser(UserItem, frozen=True, kw_only=True):
    """A user, and the link by which they set their password."""

    link: str


class TokenItem(msgspec.Struct, frozen=True, kw_only=True):
    """A token, without what a program shows."""

    id: UUID
    owner: str
    name: str
    prefix: str
    role: Role
    folder: str | None
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


class NewToken(TokenItem, frozen=True, kw_only=True):
    """A token as it is told once."""

    token: str


class Kept(msgspec.Struct, frozen=True):
    """A channel; and, of a webhook that is new or has another key, what it signs with, told once."""

    channel: ChannelItem
    secret: str | None


class Delivered(msgspec.Struct, frozen=True):
    """Messages, newest first; `next` is the `before` of the following page."""

    items: tuple[DeliveryItem, ...]
    next: UUID | None


class Tried(msgspec.Struct, frozen=True):
    """The message that was sent to try a channel."""

    delivery_id: UUID


@dataclass(frozen=True, slots=True)
class Answer:
    """What a route answers when all is well."""

    shown: Any
    status: int = 200
    media_type: str = "application/json"
    also: int | None = None
    """Another status with the same answer."""


_JOB, _NOTHING = Answer(JobItem), Answer(None, 204)
_FREEZE, _POOLS, _EXECUTORS = Answer(Frozen), Answer(Page[PoolItem]), Answer(Page[ExecutorItem])
_LIMITS, _SECRETS, _CALENDAR = Answer(Page[LimitItem]), Answer(Page[SecretItem]), Answer(CalendarItem)
_PREVIEW, _MUTE, _VIEW = Answer(BulkPreview), Answer(JobMute), Answer(ViewItem)
_RUN_ASKED, _ASKED = Answer(RunAsked, 202), Answer(Asked, 202)
_FORM = Answer(dict[str, Any])
_PARKED = Answer(ParkedList, 202)

ANSWERS: Final[Mapping[str, Answer]] = {
    "GET /healthz": Answer(Alive),
    "GET /readyz": Answer(Ready),
    "GET /api/v1/jobs": Answer(Page[JobItem]),
    "POST /api/v1/jobs": Answer(JobItem, 201),
    "GET /api/v1/jobs/tags": Answer(Page[str]),
    "POST /api/v1/jobs/bulk/preview": _PREVIEW,
    "POST /api/v1/jobs/bulk": Answer(BulkResult),
    "GET /api/v1/jobs/{job_id}": _JOB,
    "PATCH /api/v1/jobs/{job_id}": _JOB,
    "DELETE /api/v1/jobs/{job_id}": _JOB,
    "POST /api/v1/jobs/{job_id}/restore": _JOB,
    "POST /api/v1/jobs/{job_id}/accept-script": _JOB,
    "POST /api/v1/jobs/{job_id}/run": _RUN_ASKED,
    "POST /api/v1/jobs/{job_id}/pause": _JOB,
    "GET /api/v1/jobs/{job_id}/resume": Answer(ResumePreview),
    "POST /api/v1/jobs/{job_id}/resume": _JOB,
    "GET /api/v1/jobs/{job_id}/backfill": Answer(BackfillPreview),
    "POST /api/v1/jobs/{job_id}/backfill": _ASKED,
    "GET /api/v1/jobs/{job_id}/cancel-waiting": Answer(Waiting),
    "POST /api/v1/jobs/{job_id}/cancel-waiting": _ASKED,
    "GET /api/v1/jobs/{job_id}/mute": _MUTE,
    "POST /api/v1/jobs/{job_id}/mute": _MUTE,
    "DELETE /api/v1/jobs/{job_id}/mute": _MUTE,
    "GET /api/v1/jobs/{job_id}/script": Answer(ScriptNow),
    "GET /api/v1/jobs/{job_id}/chain": Answer(ChainGraph),
    "GET /api/v1/jobs/{job_id}/why": Answer(WhyAnswer),
    "GET /api/v1/jobs/{job_id}/insights": Answer(Insights),
    "GET /api/v1/jobs/{job_id}/versions": Answer(Page[JobVersion]),
    "GET /api/v1/jobs/{job_id}/changes": Answer(tuple[ChangedField, ...]),
    "GET /api/v1/jobs/{job_id}/versions/{version}": _FORM,
    "POST /api/v1/jobs/{job_id}/versions/{version}/restore": _JOB,
    "GET /api/v1/jobs/{job_id}/alerts": Answer(JobAlerts),
    "GET /api/v1/alerts/channels": Answer(Page[ChannelItem]),
    "POST /api/v1/alerts/channels": Answer(Kept, 201),
    "PUT /api/v1/alerts/channels/{channel_id}": Answer(Kept),
    "DELETE /api/v1/alerts/channels/{channel_id}": _NOTHING,
    "POST /api/v1/alerts/channels/{channel_id}/test": Answer(Tried, 202),
    "GET /api/v1/alerts/rules": Answer(Page[RuleItem]),
    "POST /api/v1/alerts/rules": Answer(RuleItem, 201),
    "PUT /api/v1/alerts/rules/{rule_id}": Answer(RuleItem),
    "DELETE /api/v1/alerts/rules/{rule_id}": _NOTHING,
    "POST /api/v1/alerts/rules/{rule_id}/snooze": Answer(RuleItem),
    "GET /api/v1/alerts/holding": Answer(Page[HoldingItem]),
    "GET /api/v1/alerts/deliveries": Answer(Delivered),
    "GET /api/v1/export": Answer(bytes, media_type="application/yaml"),
    "POST /api/v1/plan": Answer(Plan),
    "POST /api/v1/apply": Answer(Plan),
    "GET /api/v1/runs": Answer(Page[RunItem]),
    "POST /api/v1/runs/bulk/preview": _PREVIEW,
    "POST /api/v1/runs/bulk": Answer(RunsResult),
    "GET /api/v1/runs/{run_id}": Answer(RunDetail),
    "GET /api/v1/runs/{run_id}/script": Answer(ScriptChanged),
    "GET /api/v1/runs/{run_id}/changes": Answer(ChangesOfRun),
    "POST /api/v1/runs/{run_id}/rerun": _RUN_ASKED,
    "POST /api/v1/runs/{run_id}/cancel": Answer(RunDetail, 202),
    "GET /api/v1/runs/{run_id}/log": Answer(LogPage),
    "GET /api/v1/runs/{run_id}/log/lines": Answer(LogLinesPage),
    "GET /api/v1/runs/{run_id}/log/search": Answer(LogHits),
    "GET /api/v1/runs/{run_id}/log.txt": Answer(str, media_type="text/plain"),
    "GET /api/v1/runs/{run_id}/artifacts": Answer(ArtifactsPage),
    "GET /api/v1/runs/{run_id}/artifacts/{name}": Answer(bytes, media_type="application/octet-stream"),
    "GET /api/v1/calendars": Answer(Page[CalendarItem]),
    "POST /api/v1/calendars": Answer(CalendarItem, 201),
    "GET /api/v1/calendars/hong-kong": _FORM,
    "POST /api/v1/calendars/read-file": _FORM,
    "POST /api/v1/calendars/read-country": _FORM,
    "GET /api/v1/calendars/{calendar_id}": _CALENDAR,
    "PATCH /api/v1/calendars/{calendar_id}": _CALENDAR,
    "DELETE /api/v1/calendars/{calendar_id}": _NOTHING,
    "GET /api/v1/freeze": _FREEZE,
    "POST /api/v1/freeze": _FREEZE,
    "DELETE /api/v1/freeze": _FREEZE,
    "GET /api/v1/pools": _POOLS,
    "POST /api/v1/pools/{pool}/pause": _POOLS,
    "POST /api/v1/pools/{pool}/resume": _POOLS,
    "GET /api/v1/executors": _EXECUTORS,
    "GET /api/v1/executors/{name}": Answer(ExecutorDetail),
    "POST /api/v1/executors/{name}/drain": _EXECUTORS,
    "POST /api/v1/executors/{name}/resume": _EXECUTORS,
    "GET /api/v1/utilisation": Answer(Utilisation),
    "GET /api/v1/health": Answer(Health),
    "GET /api/v1/overview": Answer(Overview),
    "GET /api/v1/activity": Answer(Page[Activity]),
    "GET /api/v1/limits": _LIMITS,
    "PUT /api/v1/limits/{key}": _LIMITS,
    "DELETE /api/v1/limits/{key}": _LIMITS,
    "GET /api/v1/parked": Answer(ParkedList),
    "POST /api/v1/parked/{parked_id}/put-back": _PARKED,
    "POST /api/v1/parked/{parked_id}/discard": _PARKED,
    "GET /api/v1/me": Answer(Me),
    "PUT /api/v1/me": Answer(Person),
    "PUT /api/v1/me/password": _NOTHING,
    "GET /api/v1/me/sessions": Answer(Page[OwnSession]),
    "DELETE /api/v1/me/sessions": _NOTHING,
    "DELETE /api/v1/me/sessions/{session_id}": _NOTHING,
    "GET /api/v1/tokens": Answer(Page[TokenItem]),
    "POST /api/v1/tokens": Answer(NewToken, 201),
    "DELETE /api/v1/tokens/{token_id}": _NOTHING,
    "GET /api/v1/users": Answer(Page[ListedUser]),
    "POST /api/v1/users": Answer(NewUser, 201),
    "POST /api/v1/users/setup-link": Answer(Linked),
    "PATCH /api/v1/users/{user_id}": Answer(UserItem),
    "POST /api/v1/users/{user_id}/link": Answer(Linked, 201),
    "GET /api/v1/me/views": Answer(Page[ViewItem]),
    "POST /api/v1/me/views": Answer(ViewItem, 201),
    "PATCH /api/v1/me/views/{view_id}": _VIEW,
    "DELETE /api/v1/me/views/{view_id}": _NOTHING,
    "GET /api/v1/views/{view_id}": _VIEW,
    "POST /api/v1/schedules/preview": Answer(SchedulePreview),
    "GET /api/v1/zones": Answer(Page[str]),
    "GET /api/v1/week": Answer(Week),
    "GET /api/v1/week/jobs": Answer(Planned),
    "GET /api/v1/scripts": Answer(ScriptNames),
    "POST /api/v1/scripts": Answer(ReadScript, 201),
    "GET /api/v1/scripts/folder": Answer(ScriptFolder),
    "GET /api/v1/scripts/text": Answer(ReadScript),
    "GET /api/v1/secrets": _SECRETS,
    "PUT /api/v1/secrets/{name}": Answer(Page[SecretItem], also=201),
    "DELETE /api/v1/secrets/{name}": _SECRETS,
}

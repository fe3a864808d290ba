"""Every table, with who writes it. A service never writes a table of another.

| written by | tables |
|---|---|
| ui | `jobs`, `job_texts`, `job_tags`, `schedules`, `chain_edges`, `secrets`, `job_secrets`, |
| | `run_secrets`, `script_texts`, `changes`, `pauses`, `holds`, `mutes`, `limits`, `calendars`, |
| | `people`, `views`, `alert_*`, `idempotency_keys`, `users`, `user_grants`, `sessions`, `api_tokens`, |
| | `one_time_links`, `sign_in_failures`, `log_chunks`, `artifact_chunks`, both of requests |
| command line | `users`, `one_time_links` and their `changes`, on the portal's own machine |
| scheduler | all others, and the outcome of each of `requests` and `parked_requests` |

Ids are UUIDv7. Every index names the query that it serves.
"""

from shared.db.tables.access import (
    ApiTokenRow,
    OneTimeLinkRow,
    SessionRow,
    SignInFailureRow,
    UserGrantRow,
    UserRow,
)
from shared.db.tables.alerts import (
    AlertChannelRow,
    AlertDeliveryRow,
    AlertIncidentRow,
    AlertLookRow,
    AlertNoticeRow,
    AlertRuleRow,
)
from shared.db.tables.base import LedgerBase, LogsBase
from shared.db.tables.ledger import (
    AttemptRow,
    ChainArrivalRow,
    CursorRow,
    ExecutorRow,
    JobLedgerRow,
    LedgerFactRow,
    ParkedMessageRow,
    RunRow,
)
from shared.db.tables.wanted import (
    ArtifactChunkRow,
    CalendarRow,
    ChainEdgeRow,
    ChangeRow,
    HoldRow,
    JobRow,
    JobSecretRow,
    JobTagRow,
    JobTextRow,
    LimitRow,
    LogChunkRow,
    MuteRow,
    OnceRow,
    ParkedRequestRow,
    PauseRow,
    PersonRow,
    RequestRow,
    RunSecretRow,
    ScheduleRow,
    ScriptTextRow,
    SecretRow,
    ViewRow,
)

__all__ = [
    "AlertChannelRow",
    "AlertDeliveryRow",
    "AlertIncidentRow",
    "AlertLookRow",
    "AlertNoticeRow",
    "AlertRuleRow",
    "ApiTokenRow",
    "ArtifactChunkRow",
    "AttemptRow",
    "CalendarRow",
    "ChainArrivalRow",
    "ChainEdgeRow",
    "ChangeRow",
    "CursorRow",
    "ExecutorRow",
    "HoldRow",
    "JobLedgerRow",
    "JobRow",
    "JobSecretRow",
    "JobTagRow",
    "JobTextRow",
    "LedgerBase",
    "LedgerFactRow",
    "LimitRow",
    "LogChunkRow",
    "LogsBase",
    "MuteRow",
    "OnceRow",
    "OneTimeLinkRow",
    "ParkedMessageRow",
    "ParkedRequestRow",
    "PauseRow",
    "PersonRow",
    "RequestRow",
    "RunRow",
    "RunSecretRow",
    "ScheduleRow",
    "ScriptTextRow",
    "SecretRow",
    "SessionRow",
    "SignInFailureRow",
    "UserGrantRow",
    "UserRow",
    "ViewRow",
]

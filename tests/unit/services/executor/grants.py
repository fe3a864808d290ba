"""A grant in which only what matters is visible."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from shared.domain.ids import AttemptId, BootId, ClaimId, ExecutorName, JobId, RunId
from shared.domain.job import OnLost
from shared.messages.answers import Grant

INSTANT = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
A_GRANT = Grant(
    claim_id=ClaimId(UUID(int=1)),
    executor=ExecutorName("here"),
    boot=BootId(UUID(int=2)),
    attempt_id=AttemptId(UUID(int=3)),
    token=4,
    number=5,
    run_id=RunId(UUID(int=6)),
    run_number=7,
    job_id=JobId(UUID(int=8)),
    job_name="nightly report",
    script="report.py",
    args=(),
    nominal_at=INSTANT,
    due_at=INSTANT,
    timeout_s=300,
    kill_grace_s=10,
    on_lost=OnLost.FAIL,
)


def a_grant(**changes: Any) -> Grant:
    return msgspec.structs.replace(A_GRANT, **changes)

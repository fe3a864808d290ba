"""Identifiers: distinct types for distinct things, and the one seam that makes new ones.

Ids are UUIDv7 (RFC 9562, section 5.7): they sort by the millisecond in which they were made, so
that the primary key of a table that only grows is also its natural order.
"""

import os
import time
from typing import NewType
from uuid import UUID

JobId = NewType("JobId", UUID)
ScheduleId = NewType("ScheduleId", UUID)
CalendarId = NewType("CalendarId", UUID)
RunId = NewType("RunId", UUID)
AttemptId = NewType("AttemptId", UUID)
RequestId = NewType("RequestId", UUID)
HoldId = NewType("HoldId", UUID)
EdgeId = NewType("EdgeId", UUID)
ArrivalId = NewType("ArrivalId", UUID)
ParkedId = NewType("ParkedId", UUID)
BootId = NewType("BootId", UUID)
"""One start of an executor's process: a restarted executor keeps its name and gets a new boot."""
ClaimId = NewType("ClaimId", UUID)
ExecutorName = NewType("ExecutorName", str)

_VERSION = 0x7 << 76
_VARIANT = 0b10 << 62


def new_id() -> UUID:
    """Return a new UUIDv7. The one place of the domain that asks clock and entropy."""
    milliseconds = time.time_ns() // 1_000_000
    entropy = int.from_bytes(os.urandom(10), "big")
    rand_a = (entropy >> 68) & 0xFFF
    rand_b = entropy & ((1 << 62) - 1)
    return UUID(int=(milliseconds & ((1 << 48) - 1)) << 80 | _VERSION | rand_a << 64 | _VARIANT | rand_b)

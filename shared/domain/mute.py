"""A mute: until when nobody is told that a job fails. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.domain.errors import InvalidInput
from shared.domain.ids import JobId

LONGEST: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """It holds until its end, or until the job succeeds, whichever is first."""

    job_id: JobId
    muted_at: datetime
    muted_by: str
    ends_at: datetime


def checked_length(seconds: int) -> timedelta:
    """Return how long a mute is to hold.

    Raises:
        InvalidInput: on field `for_s`: less than a minute, or more than a week.
    """
    if not 60 <= seconds <= LONGEST.total_seconds():  # noqa: PLR2004 - a minute
        raise InvalidInput("for_s", "Mute a job for a minute at least and a week at most.")
    return timedelta(seconds=seconds)

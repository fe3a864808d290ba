"""The closed union of schedule kinds."""

from typing import TypeAlias

from shared.domain.schedules.cron import Cron
from shared.domain.schedules.daily import Daily
from shared.domain.schedules.hourly import Hourly
from shared.domain.schedules.interval import Interval
from shared.domain.schedules.manual import Manual
from shared.domain.schedules.monthly import Monthly
from shared.domain.schedules.once import Once
from shared.domain.schedules.weekly import Weekly

Schedule: TypeAlias = Interval | Hourly | Daily | Weekly | Monthly | Once | Cron | Manual

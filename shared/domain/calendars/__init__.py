"""Calendars: the days and hours at which schedules may or may not fire."""

from shared.domain.calendars.calendar import Calendar, Times
from shared.domain.calendars.dates import MAX_DATES, Dates, Day, dates_of, tidy_label
from shared.domain.calendars.hong_kong import HONG_KONG_NAME, hong_kong
from shared.domain.calendars.plain import from_json, to_json
from shared.domain.calendars.repeat import Frequency, Repeat
from shared.domain.calendars.rules import Allowed, CalendarRules, Excluded, Verdict
from shared.domain.calendars.weekly import WeeklyWindows, Window

__all__ = [
    "HONG_KONG_NAME",
    "MAX_DATES",
    "Allowed",
    "Calendar",
    "CalendarRules",
    "Dates",
    "Day",
    "Excluded",
    "Frequency",
    "Repeat",
    "Times",
    "Verdict",
    "WeeklyWindows",
    "Window",
    "dates_of",
    "from_json",
    "hong_kong",
    "tidy_label",
    "to_json",
]

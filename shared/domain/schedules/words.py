"""A rule in English: one sentence from what it means, however it was written."""

import re

from shared.domain.schedules.days import ALL_DAYS, ALL_MONTHS, ALL_WEEKDAYS, DateFields, Kind, Special
from shared.domain.schedules.rule import ALL_HOURS, ALL_SIXTY, Rule

WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
MONTHS = (
    "", "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
ORDINALS = ("", "first", "second", "third", "fourth", "fifth")
_WORKDAYS, _WEEKEND = 0b0111110, 0b1000001
_MOST_TIMES = 6
_LEAST_RUN = 3
_LEAST_STEPS = 5


def cron_words(rule: Rule) -> str:
    """Say a rule in one sentence; `rule.days` is that of a cron expression."""
    assert isinstance(rule.days, DateFields)
    when = " ".join(part for part in (day_words(rule.days), year_words(rule.days)) if part)
    times = time_words(rule)
    if when:
        return f"{times}, {when}"
    # "At :05 of every 2nd hour" says by itself that it is each day's.
    return f"Every day at{times[2:]}" if re.match(r"At \d", times) else times


def time_words(rule: Rule) -> str:
    """Say the times of day, beginning with a capital."""
    hours, minutes, seconds = members(rule.hours), members(rule.minutes), members(rule.seconds)
    if len(hours) * len(minutes) * len(seconds) <= _MOST_TIMES:
        times = [_clock(h, m, s) for h in hours for m in minutes for s in seconds]
        return f"At {listed(times)}"
    hour = _hours(rule.hours)
    minute = _minutes(rule.minutes, is_every_hour=rule.hours == ALL_HOURS)
    if rule.seconds == 1:
        return _sentence(minute, hour)
    return _sentence(_seconds(rule), hour)


def day_words(days: DateFields) -> str:
    """Say days and months; empty for every day."""
    numbers = members(days.months)
    months = "" if days.months == ALL_MONTHS else _runs([MONTHS[number] for number in numbers], numbers)
    by_day, by_weekday = _days_of_month(days), _days_of_week(days)
    if days.either and not (by_day and by_weekday):
        by_day = by_weekday = ""  # one of them names every day, and one is enough
    if by_day:
        by_day += f" of {months or 'the month'}"
    if by_day and by_weekday:
        if not days.either:
            return f"{by_day}, if it is also {by_weekday.removeprefix('on ')}"
        # The months bind the weekdays too.
        return f"{by_day} or {by_weekday} in {months}" if months else f"{by_day} or {by_weekday}"
    if not by_day:
        return f"{by_weekday} in {months}".strip() if months else by_weekday
    return by_day


def year_words(days: DateFields) -> str:
    """Say the years; empty for all."""
    years = sorted(days.years)
    words = _runs([str(year) for year in years], years) if years else ""
    return f"from {words}" if " to " in words else words and f"in {words}"


def on_weekdays(bits: int) -> str:
    """Say days of the week: `on Monday and Friday`."""
    if bits == _WORKDAYS:
        return "on weekdays"
    if bits == _WEEKEND:
        return "at weekends"
    # Weeks are read from Monday to Sunday.
    days = sorted(members(bits), key=lambda day: (day - 1) % 7)
    return f"on {_runs([WEEKDAYS[day] for day in days], [(day - 1) % 7 for day in days])}"


def special_words(specials: tuple[Special, ...]) -> list[str]:
    """Say the days that have to be computed for each month: `the last Friday`."""
    of_week = {Kind.LAST_OF, Kind.NTH}
    return [_special_weekday(one) if one.kind in of_week else _special_day(one) for one in specials]


def members(bits: int) -> list[int]:
    """Return the numbers of the bits that are set."""
    return [n for n in range(bits.bit_length()) if bits >> n & 1]


def listed(words: list[str]) -> str:
    """Join words as English does."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def ordinal(number: int) -> str:
    """Return 1st, 2nd, 3rd, 4th ..."""
    if number % 100 in {11, 12, 13}:
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def _sentence(what: str, hour: str) -> str:
    text = f"{what} {hour}".strip()
    return text[0].upper() + text[1:]


def _clock(hour: int, minute: int, second: int) -> str:
    return f"{hour:02}:{minute:02}:{second:02}" if second else f"{hour:02}:{minute:02}"


def _seconds(rule: Rule) -> str:
    every = _evenly(rule.seconds, 60)
    values = members(rule.seconds)
    second = f"at second{'s' * (len(values) > 1)} {_runs([str(value) for value in values], values)}"
    if every:
        second = "every second" if every == 1 else f"every {every} seconds"
    if rule.minutes == ALL_SIXTY:
        return second if every else f"{second} of every minute"
    values = members(rule.minutes)
    return (
        f"{second} in minute{'s' * (len(values) > 1)} {_runs([f':{value:02}' for value in values], values)}"
    )


def _minutes(bits: int, *, is_every_hour: bool) -> str:
    every = _evenly(bits, 60)
    if every:
        return "every minute" if every == 1 else f"every {every} minutes"
    values = members(bits)
    words = f"at {_runs([f':{value:02}' for value in values], values)}"
    return f"every hour {words}" if is_every_hour else words


def _hours(bits: int) -> str:
    if bits == ALL_HOURS:
        return ""
    values = members(bits)
    every = _evenly(bits, 24)
    if every:
        return f"of every {ordinal(every)} hour"
    if values == list(range(values[0], values[-1] + 1)):
        return f"from {values[0]:02}:00 to {values[-1]:02}:59"
    return f"in the hours {_runs([f'{value:02}' for value in values], values)}"


def _evenly(bits: int, size: int) -> int:
    """Return n if the values are every n-th from 0 around the whole cycle; else 0."""
    values = members(bits)
    step = size // len(values)
    return step if len(values) > 1 and values == list(range(0, size, step)) else 0


def _runs(words: list[str], values: list[int]) -> str:
    """Join words, with `to` where at least three values follow each other and no more than that."""
    if len(values) >= _LEAST_RUN and values == list(range(values[0], values[-1] + 1)):
        return f"{words[0]} to {words[-1]}"
    return listed(words)


def _days_of_month(days: DateFields) -> str:
    if days.days == ALL_DAYS:
        return ""
    values = members(days.days)
    words = [ordinal(day) for day in values]
    numbered = f"the {_runs(words, values)}" if words else ""
    step = values[1] - values[0] if len(values) >= _LEAST_STEPS else 1
    if step > 1 and values == list(range(values[0], 32, step)):
        numbered = f"every {ordinal(step)} day from the {words[0]}"
    special = [_special_day(one) for one in days.day_specials]
    return f"on {listed([part for part in (numbered, *special) if part])}"


def _days_of_week(days: DateFields) -> str:
    if days.weekdays == ALL_WEEKDAYS:
        return ""
    special = [_special_weekday(one) for one in days.weekday_specials]
    plain = [on_weekdays(days.weekdays)] if days.weekdays else []
    return listed([*plain, *(f"on {words}" for words in special)])


def _special_day(special: Special) -> str:
    match special.kind, special.number:
        case Kind.LAST, 0:
            return "the last day"
        case Kind.LAST, number:
            return f"the {ordinal(number + 1)} last day"
        case Kind.LAST_WORKDAY, 0:
            return "the last weekday"
        case Kind.LAST_WORKDAY, number:
            return f"the weekday nearest to the {ordinal(number + 1)} last day"
        case _, number:
            return f"the weekday nearest to the {ordinal(number)}"


def _special_weekday(special: Special) -> str:
    which = "last" if special.kind is Kind.LAST_OF else ORDINALS[special.number]
    return f"the {which} {WEEKDAYS[special.weekday]}"

"""Random schedules, aimed at the dates and times at which a clock is set."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from tests.oracle.cron import DAYS, MONTHS
from tests.oracle.kinds import WEEKDAYS
from tests.oracle.wall import DAY, HOUR, MINUTE, transitions, walk, zones

HALF = DAY
"""A window reaches so far to both sides of its transition."""
_ODD_SHARE = 0.3


@dataclass(frozen=True)
class Window:
    """The 48 hours around a real transition of a zone."""

    zone: str
    at: datetime

    @property
    def first(self) -> datetime:
        return self.at - HALF

    @property
    def last(self) -> datetime:
        return self.at + HALF


@cache
def windows() -> dict[timedelta, list[Window]]:
    """Return every transition of every zone in 2007 to 2037, by how far the clock is set."""
    found: dict[timedelta, list[Window]] = {}
    for zone in zones():
        wall_clock = ZoneInfo(zone)
        for at in transitions(zone):
            before, after = ((at - by).astimezone(wall_clock).utcoffset() for by in (MINUTE, 0 * MINUTE))
            assert before is not None
            assert after is not None
            found.setdefault(after - before, []).append(Window(zone, at))
    return found


def choose_window(random: Random) -> Window:
    """Return any transition; the rare ones, like a date that was left out, more often than they occur."""
    by_step = windows()
    if random.random() < _ODD_SHARE:
        return random.choice(by_step[random.choice(sorted(by_step))])
    return random.choice(random.choices(list(by_step.values()), [len(same) for same in by_step.values()])[0])


@dataclass(frozen=True)
class Aim:
    """Wall times near the transition: what a random schedule likes to name."""

    random: Random
    walls: list[datetime]

    def wall(self) -> datetime:
        return self.random.choice(self.walls)

    def chance(self, share: float) -> bool:
        return self.random.random() < share


def aim(window: Window, random: Random) -> Aim:
    """Collect the wall times of some hours before and after, those of a gap among them."""
    seen = walk(window.zone, window.at - 5 * HOUR, window.at + 5 * HOUR)
    walls = list(seen.shown)
    for start, end, _ in seen.gaps:
        left_out = [start + n * MINUTE for n in range((end - start) // MINUTE)]
        walls += left_out * max(1, len(walls) // max(1, len(left_out)))
    return Aim(random, walls)


def schedule(target: Aim, window: Window) -> dict[str, Any]:
    """Return the JSON form of a random schedule of a random kind; most are cron."""
    kind = target.random.choice(["cron"] * 6 + ["daily", "weekly", "monthly", "once", "hourly", "interval"])
    match kind:
        case "cron":
            return {"kind": "cron", "expr": expression(target)}
        case "interval":
            every = target.random.choice([60, 90, 300, 1800, 3600, 5400, 21600, 86400, 604800])
            shift = timedelta(seconds=target.random.randrange(-8 * 86400, 86400))
            return {"kind": kind, "every_s": every, "anchor": (window.at + shift).isoformat()}
        case "hourly":
            return {"kind": kind, "minute": target.wall().minute}
        case "once":
            return {"kind": kind, "at": _to_second(target, target.wall()).isoformat(timespec="seconds")}
    wall = _to_second(target, target.wall())
    at = wall.time().isoformat() if wall.second else wall.strftime("%H:%M")
    return {"kind": kind, "at": at, **_DATES[kind](target, wall)}


def _to_second(target: Aim, wall: datetime) -> datetime:
    return wall.replace(second=target.random.randrange(60) if target.chance(0.3) else 0)


def _some_daily(target: Aim, wall: datetime) -> dict[str, Any]:
    every = target.random.choice([1, 1, 2, 3, 10])
    back = timedelta(days=target.random.choice([-1, 0, 1, every, 7 * every, 400]))
    return {"every": every} if every == 1 else {"every": every, "start": f"{(wall - back).date()}"}


def _some_weekly(target: Aim, wall: datetime) -> dict[str, Any]:
    every = target.random.choice([1, 1, 2, 3])
    monday = (wall - timedelta(days=wall.weekday() + 7 * target.random.choice([-1, 0, 1, 2, 3, 60]))).date()
    days = {WEEKDAYS[wall.weekday()], *target.random.choices(WEEKDAYS, k=target.random.randrange(3))}
    ordered = sorted(days, key=WEEKDAYS.index)
    return {"days": ordered, "every": every} | ({} if every == 1 else {"start": f"{monday}"})


def _some_monthly(target: Aim, wall: datetime) -> dict[str, Any]:
    match target.random.randrange(4):
        case 0:
            return {"day": "last"}
        case 1:
            nth = target.random.choice([(wall.day - 1) // 7 + 1, 5, "last"])
            return {"weekday": WEEKDAYS[wall.weekday()], "nth": nth}
    day = target.random.choice([wall.day, wall.day, 29, 30, 31])
    return {"day": day, "short_months": target.random.choice(["clamp", "skip"])}


_DATES = {"daily": _some_daily, "weekly": _some_weekly, "monthly": _some_monthly}


def expression(target: Aim) -> str:
    """Return a random valid cron expression with 5, 6 or 7 fields, or a macro."""
    random, wall = target.random, target.wall()
    if target.chance(0.01):
        return random.choice(
            ["@hourly", "@daily", "@midnight", "@Weekly", "@monthly", "@yearly", "@ANNUALLY"]
        )
    starred = 0.35 if target.chance(0.5) else 0.0
    fields = [
        _plain(target, wall.minute, 0, 59, starred=starred),
        _plain(target, wall.hour, 0, 23, starred=starred),
        _day_of_month(target, wall),
        _plain(target, wall.month, 1, 12, starred=0.85, names=["", *MONTHS]),
        _day_of_week(target, wall),
    ]
    length = random.choice([5, 5, 5, 6, 7, 7])
    if length > 5:
        few = random.choice(["0", "0", "30", "*/20", "5-59/25", "59,1", "*/7", "45/5"])
        fields.insert(0, "*" if target.chance(0.02) else few)
    if length > 6:
        last = f"1999-{wall.year}"  # what fires last around a clock change, and never again
        years = ["*", f"{wall.year}", last, f"{wall.year - 1}-{wall.year + 1}", "*/2", f"{wall.year},2150"]
        fields.append(random.choice(years))
    return random.choice([" ", " ", " ", "\t", "  "]).join(fields)


def _plain(
    target: Aim, liked: int, low: int, high: int, *, starred: float, names: list[str] | None = None
) -> str:
    """Return a field that is a list of values, ranges and steps; the first item may be a star."""
    random = target.random
    if target.chance(starred):
        return random.choice(["*", "*", f"*/{random.choice([2, 3, 5, 7, 10, 15, 30, 70])}"])
    items = []
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        first = liked if target.chance(0.7) else random.randint(low, high)
        last = random.randint(low, high)
        step = random.choice([1, 2, 3, 7, 20, 99])
        word = names[first] if names and target.chance(0.5) else f"{first:0{random.choice([1, 1, 1, 2])}}"
        word = random.choice([word, word.lower(), word.title()])
        forms = [
            word,
            word,
            word,
            f"{word}-{last}",
            f"{word}-{last}/{step}",
            f"{word}/{step}",
            f"{word}-{word}",
        ]
        items.append(random.choice(forms))
    return ",".join(items)


def _day_of_month(target: Aim, wall: datetime) -> str:
    random, day = target.random, wall.day
    if target.chance(0.45):
        return random.choice(["*", "*", "*", "?", "*/2", "*/3", "*/9"])
    if target.chance(0.5):
        return _plain(target, day, 1, 31, starred=0)
    last = ((wall.replace(day=28) + timedelta(days=4)).replace(day=1) - DAY).day
    near = min(31, max(1, day + random.randint(-2, 2)))
    back = last - day if day < last else random.randint(1, 5)
    forms = ["L", "LW", f"L-{back}", f"{near}W", f"L-{back}W", f"{day},L", f"{near}W,{day}", "31W", "L-2,1W"]
    return random.choice(forms)


def _day_of_week(target: Aim, wall: datetime) -> str:
    random, number = target.random, wall.isoweekday() % 7
    if target.chance(0.5):
        return random.choice(["*", "*", "*", "?", "*/2", "*/3"])
    word = random.choice(
        [f"{number}", DAYS[number], DAYS[number].lower(), "7" if number == 0 else f"{number}"]
    )
    other = random.choice([*DAYS, *map(str, range(8))])
    nth = random.choice([(wall.day - 1) // 7 + 1, 5])
    step = f"{word}/{random.choice([2, 3])}" if number else "0/2"
    forms = [word, word, f"{word},{other}", f"{word}-{other}", f"{other}-{word}", f"{word}-{other}/2"]
    return random.choice(
        [*forms, f"{word}L", f"{word}#{nth}", f"{word}L,{other}", f"{word}#1,{other}#3", step]
    )

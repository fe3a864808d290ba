"""The schedule engine beside croniter, and its worst cases: `./portal bench schedules`.

Exit code 1 if the engine is not fast enough beside croniter in the same run. Absolute figures depend on the
machine: they are shown beside their targets.
"""

import sys
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import islice, product
from zoneinfo import ZoneInfo

from croniter import croniter

from benchmarks.nasty import RARE, WRONG
from benchmarks.rounds import best_s, rate, taken_in_turns
from shared.domain.errors import ScheduleError
from shared.domain.schedules import Timetable, check_possible, cron, days, parse_cron, timetable, zones

ZONE = "America/New_York"
START = datetime(2026, 1, 1, tzinfo=UTC)
ROUNDS = 7
LEAST_RATIO = 8
RIVAL = version("croniter")
COLD_TARGET = 3_000
WORST_TARGET_MS = 50
PARSED = 8_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An expression, how many fires are asked for in a round, and the targets."""

    name: str
    expression: str
    fires: int
    """Of ours; croniter gets a tenth of them where that is enough to be timed."""
    target: int | None = None
    has_least_ratio: bool = True


CASES = (
    Case(name="minutely", expression="* * * * *", fires=20_000, target=100_000),
    Case(name="daily", expression="30 2 * * *", fires=10_000, target=30_000),
    Case(name="weekly", expression="30 2 * * 1", fires=4_000),
    Case(name="monthly", expression="30 2 1 * *", fires=1_500, has_least_ratio=False),
    Case(name="29 Feb", expression="30 2 29 2 *", fires=40, target=1_500, has_least_ratio=False),
)


def main() -> int:
    """Print all figures; return 1 if a ratio is missed."""
    print(f"fires per second of processor time in {ZONE}; {ROUNDS} rounds in turns with croniter {RIVAL}")
    print(f"{'':10}{'ours':>10}{'target':>12}{'croniter':>10}{'ratio min / median / max':>28}{'target':>8}")
    passed = [_beside_croniter(case) for case in CASES]
    _print("cold parse + next, per second", f"{_cold_rate():,.0f}", f">= {COLD_TARGET:,}")
    _print("worst next, ms", *_worst(_nexts()))
    _print("worst last, ms", *_worst(_lasts()))
    _print("worst count of 20 years, ms", *_worst(_counts()))
    _print("worst refused parse, ms", *_worst(_refusals()))
    _print("memory per schedule that is kept, bytes", f"{_bytes_kept():,.0f}", "")
    if not all(passed):
        print(f"missed: at least {LEAST_RATIO} times croniter, by the median")
    return 0 if all(passed) else 1


def _beside_croniter(case: Case) -> bool:
    table = timetable(parse_cron(case.expression), ZONE)
    local = START.astimezone(ZoneInfo(ZONE))
    few = max(case.fires // 10, 40)

    def ours() -> int:
        at: datetime | None = START
        for _ in range(case.fires):
            assert at is not None
            at = table.next_after(at)
        return case.fires

    def theirs() -> int:
        fires = croniter(case.expression, local)
        for _ in range(few):
            fires.get_next(datetime)
        return few

    rates = taken_in_turns(ours, theirs, rounds=ROUNDS)
    least, median, most = rates.ratios
    middle = ROUNDS // 2
    target = f">= {case.target:,}" if case.target else ""
    print(
        f"{case.name:10}{sorted(rates.ours)[middle]:>10,.0f}{target:>12}"
        f"{sorted(rates.theirs)[middle]:>10,.0f}"
        f"{f'{least:.1f} / {median:.1f} / {most:.1f}':>28}"
        f"{f'>= {LEAST_RATIO}' if case.has_least_ratio else '':>8}"
    )
    return not case.has_least_ratio or median >= LEAST_RATIO


def _print(what: str, figure: str, target: str) -> None:
    print(f"{what:42}{figure:>42}  {target}")


def _forget() -> None:
    """Empty every cache, as in a process that has just started."""
    for kept in (cron.read, timetable, days.month_shape, days._weekly, zones._spans):  # noqa: SLF001
        kept.cache_clear()


def _distinct(count: int) -> Iterator[str]:
    fields = islice(product(range(60), range(24), range(1, 29)), count)
    return (f"{minute} {hour} {day} * *" for minute, hour, day in fields)


def _cold_rate() -> float:
    texts = list(_distinct(3_000))

    def cold() -> int:
        for text in texts:
            timetable(parse_cron(text), ZONE).next_after(START)
        return len(texts)

    rates = []
    for _ in range(ROUNDS):
        _forget()
        rates.append(rate(cold))
    return sorted(rates)[ROUNDS // 2]


def _worst(acts: Iterator[tuple[str, Callable[[], object]]]) -> tuple[str, str]:
    """Return the longest of these acts, each on empty caches, with the text that takes it."""
    duration_s, text = max((best_s(act, before=_forget), text) for text, act in acts)
    shown = text if len(text) <= 24 else f"{text[:21]}..."  # noqa: PLR2004 - the width of the table
    return f"{duration_s * 1000:.1f} ({shown!r})", f"< {WORST_TARGET_MS}"


def _tables() -> Iterator[tuple[str, Callable[[], Timetable], datetime]]:
    for text, zone, year in product(RARE, (ZONE, "Africa/Casablanca", "UTC"), (1971, 2026, 2097, 2199)):
        at = datetime(year, 3, 1, tzinfo=UTC)
        yield text, lambda text=text, zone=zone: timetable(parse_cron(text), zone), at


def _nexts() -> Iterator[tuple[str, Callable[[], object]]]:
    for text, table, at in _tables():
        yield text, lambda table=table, at=at: table().next_after(at)


def _lasts() -> Iterator[tuple[str, Callable[[], object]]]:
    for text, table, at in _tables():
        yield text, lambda table=table, at=at: table().last_until(at)


def _counts() -> Iterator[tuple[str, Callable[[], object]]]:
    for text, table, at in _tables():
        yield text, lambda table=table, at=at: table().count_between(at, at.replace(year=at.year + 20))


def _refusals() -> Iterator[tuple[str, Callable[[], object]]]:
    def refused(text: str) -> None:
        try:
            check_possible(parse_cron(text), ZONE, now=START)
        except ScheduleError:
            return
        raise AssertionError(text)

    for text in WRONG:
        yield text, lambda text=text: refused(text)


def _bytes_kept() -> float:
    texts = list(_distinct(PARSED))
    _forget()
    tracemalloc.start()
    for text in texts:
        timetable(parse_cron(text), ZONE).next_after(START)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return kept / len(texts)


if __name__ == "__main__":
    sys.exit(main())

"""The parser against the model's: they take the same texts for cron, mean the same, and refuse the rest."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random

from shared.domain.errors import ScheduleError
from shared.domain.schedules import parse_cron, timetable
from tests.oracle import cron, kinds

SEED = int(os.environ.get("PORTAL_TEST_SEED", "4"))
TEXTS, FIRES = 6_000, 8
START = datetime(2024, 1, 1, tzinfo=UTC)
# Right in some field, at some place, in some company; the rest is for the parser to find out.
PARTS = """
    * ? L W LW - / # , 0 1 7 8 00 007 24 31 32 59 60 1969 2199 2200 1970-1980 mon JAN SUN friday sat-sun
    1-5 5-1 5-1/2 22-2 1-1/5 0-7 7-7 7-1 SUN-7 jan-mar dec-feb */2 */0 */100 1/3 7/2 DEC/2 SUN/2 ?/2 *-5
    L-3 L-3W L-0 L-30 L-31 15W 0W 31W 32W W15 1W-5 1-5W L/2 L,15 l lw 15w 5l 5L 7L 8L MONL 5L,MON FRI#2,5L
    5#3 mon#2 7#1 5#0 5#6 #2 5# 1- -1 1,,2 ,1 1, *,5 ?,5 ** 1.5 +1 \u0661 5-5 H( ~ %
""".split()  # noqa: SIM905 - eighty quotes would hide them


def texts(seed: int) -> Iterator[str]:
    random = Random(seed)
    for _ in range(TEXTS):
        fields = random.choice([["0", "0", "*", "*", "*"], ["0"] * 3 + ["*"] * 3, ["0"] * 3 + ["*"] * 4])
        for _ in range(random.choice([1, 1, 1, 2])):
            joined = random.choice(["", ",", "-", "/", "#", "L", "W"]).join(random.choices(PARTS, k=2))
            fields[random.randrange(len(fields))] = random.choice([random.choice(PARTS), joined])
        yield " ".join(fields)


def by_the_model(text: str) -> list[datetime | None] | None:
    try:
        model = cron.read(text)
    except cron.RefusedError:
        return None
    fires: list[datetime | None] = [START]
    while len(fires) <= FIRES and fires[-1]:
        fires.append(kinds.next_after(model, "UTC", fires[-1]))
    return fires


def by_the_parser(text: str) -> list[datetime | None] | None:
    try:
        table = timetable(parse_cron(text), "UTC")
    except ScheduleError:
        return None
    fires: list[datetime | None] = [START]
    while len(fires) <= FIRES and fires[-1]:
        fires.append(table.next_after(fires[-1]))
    return fires


def test_the_parser_takes_what_the_model_takes_and_means_the_same() -> None:
    answers = {text: (by_the_parser(text), by_the_model(text)) for text in texts(SEED)}

    assert {text: pair for text, pair in answers.items() if pair[0] != pair[1]} == {}
    assert sum(pair[0] is not None for pair in answers.values()) > TEXTS // 20

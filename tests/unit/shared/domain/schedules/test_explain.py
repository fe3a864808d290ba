"""What is said of each field of an expression, and what is warned of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.schedules import from_json
from shared.domain.schedules.explain import explained, warnings


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("*/15 9-17 1,15 * MON-FRI",
         ["every 15 minutes", "hours 09 to 17", "the 1st and the 15th", "every month", "weekdays"]),
        ("H H(1-5) L * 5#2",
         ["a value chosen for the job", "a value chosen for the job", "the last day", "every month",
          "the second Friday"]),
        ("0 0 LW JAN-MAR 5L", [":00", "hour 00", "the last weekday", "January to March", "the last Friday"]),
        ("30 0 9 1-7 * ? 2026-2028",
         [":30", ":00", "hour 09", "the 1st to the 7th", "every month", "every day of the week",
          "2026 to 2028"]),
        ("1-59/2 8,12 */2 6 0",
         ["every 2 minutes from :01 to :59", "hours 08 and 12", "every 2 days", "June", "Sunday"]),
        ("0-9,20 * 3W * SAT,SUN",
         [":00, :01, :02, :03, :04, :05, :06 and 4 more", "every hour", "the weekday nearest to the 3rd",
          "every month", "weekends"]),
        ("0,30 0-6,20 1-21/10 * *",
         [":00 and :30", "hours 00, 01, 02, 03, 04, 05, 06 and 20", "every 10 days from the 1st to the 21st",
          "every month", "every day of the week"]),
        ("0-30/15 H(23-23) *,L * *,5L",
         ["every 15 minutes from :00 to :30", "a value chosen for the job", "every day of the month",
          "every month", "every day of the week"]),
        ("@daily", [":00", "hour 00", "every day of the month", "every month", "every day of the week"]),
    ],
)  # fmt: skip
def test_each_field_is_said_in_words(text: str, words: list[str]) -> None:
    assert [part.words for part in explained(text)] == words


def test_a_field_that_is_wrong_says_why_and_the_others_go_on() -> None:
    parts = explained("99 9 *  * MONN")

    assert [(part.label, bool(part.words)) for part in parts] == [
        ("minute", False), ("hour", True), ("day of the month", True), ("month", True),
        ("day of the week", False),
    ]  # fmt: skip
    assert parts[0].problem == "99 is outside 0-59."
    assert parts[4].problem.endswith("Did you mean MON?")


@given(st.text(max_size=255) | st.lists(st.text("0123456789*/,-LWH#?MONFRIJAN()", max_size=12), max_size=8))
def test_any_text_is_explained_or_left_alone(typed: str | list[str]) -> None:
    text = typed if isinstance(typed, str) else " ".join(typed)
    normal = " ".join(text.split())

    for part in explained(text):
        assert bool(part.words) != bool(part.problem)
        assert normal.startswith("@") or normal[part.begin : part.end] == part.text


EITHER = (
    "It runs when either day field matches: the day of the month or the day of the week. "
    "Begin one of them with * to ask for both."
)
BOTH = "It runs only when both day fields match, because one of them begins with *."
SHORT = "This is every few seconds: the overlap rule says what becomes of runs that take longer."


@pytest.mark.parametrize(
    ("rule", "warning"),
    [
        ({"kind": "cron", "expr": "0 9 13 * FRI"}, EITHER),
        ({"kind": "cron", "expr": "0 9 31 * FRI"}, EITHER),
        ({"kind": "cron", "expr": "0 9 1-31 * MON"}, EITHER),
        ({"kind": "cron", "expr": "0 9 13 * 0-6"}, EITHER),
        ({"kind": "cron", "expr": "0 9 */2 * MON"}, BOTH),
        ({"kind": "cron", "expr": "0 9 1-7 * */2"}, BOTH),
        (
            {"kind": "cron", "expr": "0 9 30,31 * *"},
            "Months without a day 30 have no run. Write L for the last day of every month.",
        ),
        (
            {"kind": "cron", "expr": "0 9 29 2 *"},
            "Months without a day 29 have no run. Write L for the last day of every month.",
        ),
        ({"kind": "interval", "every_s": 9, "anchor": "2026-01-01T00:00:00Z"}, SHORT),
        (
            {"kind": "monthly", "at": "09:00", "day": 29, "short_months": "skip"},
            "Months without a day 29 have no run.",
        ),
    ],
)
def test_what_may_surprise_is_said(rule: dict[str, object], warning: str) -> None:
    assert warnings(from_json(rule)) == [warning]


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "cron", "expr": "0 12 * * *"},
        {"kind": "cron", "expr": "0 9 1,15 * *"},
        {"kind": "cron", "expr": "0 9 * * MON"},
        {"kind": "cron", "expr": "0 9 */2 * *"},
        {"kind": "cron", "expr": "0 9 1-31 * 0-6"},
        {"kind": "cron", "expr": "0 9 1-31 * *"},
        {"kind": "cron", "expr": "0 9 * * SUN-SAT"},
        {"kind": "cron", "expr": "0 9 */2 * SUN-SAT"},
        {"kind": "cron", "expr": "0 9 28-31 * *"},
        {"kind": "cron", "expr": "0 9 L * *"},
        {"kind": "cron", "expr": "0 9 31,L * *"},
        {"kind": "cron", "expr": "0 9 31 12 *"},
        {"kind": "cron", "expr": "0 9 30 3-12 *"},
        {"kind": "interval", "every_s": 10, "anchor": "2026-01-01T00:00:00Z"},
        {"kind": "monthly", "at": "09:00", "day": 28, "short_months": "skip"},
        {"kind": "monthly", "at": "09:00", "day": 31},
        {"kind": "manual"},
    ],
)
def test_what_is_ordinary_is_not_warned_of(rule: dict[str, object]) -> None:
    assert warnings(from_json(rule)) == []

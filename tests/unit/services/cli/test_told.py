"""How the command line says things to people."""

from datetime import UTC, datetime, timedelta

import pytest

from services.cli.follow import exit_code
from services.cli.told import as_printed, away, plain, table, took

NOW = datetime(2026, 11, 30, 1, tzinfo=UTC)


def test_columns_stand_as_a_terminal_draws_them() -> None:
    rows = [("結算", "timed out", "a"), ("e\u0301", "succeeded", "b"), ("two\nlines", "-", "c")]

    assert list(table(("NAME", "STATE", "X"), rows, colour=False)) == [
        "NAME       STATE      X",
        "結算       timed out  a",
        "e\u0301          succeeded  b",
        "two␊lines  -          c",
    ]


def test_only_states_are_coloured() -> None:
    lines = list(table(("NAME", "STATE"), [("failed", "failed")], colour=True))

    assert lines == ["NAME    STATE", "failed  \x1b[31mfailed\x1b[0m"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m\r\n\ttab", "\x1b[31mred\x1b[0m\r\n\ttab"),
        ("\x1b]0;title\x07\x1b[2J\x1b[1A", "␛]0;title␇␛[2J␛[1A"),
        ("\x9b2J\x08\x00", "\ufffd2J␈␀"),
    ],
)
def test_what_a_script_prints_colours_a_terminal_and_moves_nothing(text: str, shown: str) -> None:
    assert as_printed(text) == shown


def test_a_name_neither_acts_nor_hides() -> None:
    assert plain("a\x1b[2J\n\u202eb\u200b") == "a␛[2J␊\ufffdb\ufffd"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "now"),
        (-1, "1 s ago"),
        (59, "in 59 s"),
        (-3_700, "1 h ago"),
        (3_700, "in 1 h 1 m"),
        (86_405, "in 1 d"),
    ],
)
def test_how_far_an_instant_is(seconds: int, words: str) -> None:
    assert away(NOW + timedelta(seconds=seconds), NOW) == words


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [(None, "-"), (999, "999 ms"), (59_940, "59.9 s"), (59_960, "1 m"), (61_000, "1 m 1 s")],
)
def test_how_long_it_took(milliseconds: int | None, words: str) -> None:
    assert took(milliseconds) == words


@pytest.mark.parametrize(
    ("state", "reason", "script", "signal", "code"),
    [
        ("succeeded", None, 5, None, 0),  # where the job's rules say that 5 is well
        ("failed", None, 5, None, 5),
        ("failed", "memory-limit", None, 9, 137),
        ("failed", "start-error", None, None, 126),
        ("failed", "output", 0, None, 1),
        ("timed_out", None, None, 15, 124),
        ("cancelled", "requested", None, 15, 123),
        ("lost", "silent", None, None, 125),
        ("skipped", "overlap", None, None, 122),
        ("missed", "downtime", None, None, 122),
    ],
)
def test_an_exit_code_says_how_a_run_ended(
    state: str, reason: str | None, script: int | None, signal: int | None, code: int
) -> None:
    assert exit_code({"state": state, "reason": reason, "exit_code": script, "signal": signal}) == code

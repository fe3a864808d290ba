"""`portal schedule`: what it prints for people, and what it answers programs."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.crontab import Line, lines_of
from services.cli.schedule import app

runner = CliRunner()
SPRING = ("--zone", "Europe/Berlin", "--from", "2026-03-27T00:00")


def answers(*lines: str) -> list[dict[str, object]]:
    result = runner.invoke(app, ["next", "--batch", "-"], input="\n".join(lines))
    assert result.exit_code == 0
    return [json.loads(line) for line in result.output.splitlines()]


def test_the_next_fires_are_shown_with_what_the_clock_change_does() -> None:
    result = runner.invoke(app, ["next", "30 2 * * *", *SPRING, "--count", "3"])

    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "Every day at 02:30 (Europe/Berlin)",
        "  Fri 27 Mar 2026 02:30:00 +0100   2026-03-27T01:30:00Z",
        "  Sat 28 Mar 2026 02:30:00 +0100   2026-03-28T01:30:00Z",
        "  Sun 29 Mar 2026 03:00:00 +0200   2026-03-29T01:00:00Z",
        "  On 29 Mar 2026 02:30 does not exist: runs at 03:00",
    ]


def test_json_says_the_same_to_programs() -> None:
    result = runner.invoke(app, ["next", "30 2 * * *", *SPRING, "--count", "1", "--json"])

    assert json.loads(result.output) == {
        "text": "Every day at 02:30",
        "zone": "Europe/Berlin",
        "fires": ["2026-03-27T01:30:00+00:00"],
    }


def test_a_wrong_expression_is_pointed_at() -> None:
    result = runner.invoke(app, ["next", "0  9 * * MONN"])

    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "0 9 * * MONN",
        "        ^^^^",
        "Day of the week: 'MONN' is no day of the week. Did you mean MON?",
    ]


@pytest.mark.parametrize("arguments", [["0 9 * * *", "--zone", "HKT"], ["0 9 * * *", "--from", "soon"]])
def test_a_wrong_zone_or_start_is_refused(arguments: list[str]) -> None:
    result = runner.invoke(app, ["next", *arguments])

    assert result.exit_code == 1
    assert "Choose" in result.stderr or "ISO 8601" in result.stderr


def test_what_never_fires_is_said_so() -> None:
    result = runner.invoke(app, ["next", "0 0 30 2 *"])

    assert result.exit_code == 1
    assert "never fires" in result.output


def test_a_batch_answers_each_line_by_one() -> None:
    found = answers(
        '{"expr": "*/20 * * * *", "tz": "UTC", "start": "2026-01-01T00:00:00+00:00", "n": 2}',
        '{"expr": "0 0 31 2 *", "tz": "UTC", "start": null, "n": 3}',
        '{"expr": "61 * * * *", "tz": "UTC", "start": null, "n": 1}',
        "{",
        '{"expr": "* * * * *", "tz": "EST", "start": null, "n": 1}',
        '{"expr": "* * * * *", "tz": "UTC", "start": null, "n": -1}',
        '{"tz": "UTC"}',
        "[" * 100_000,
        '{"expr": "30 2 * * *", "tz": "Europe/Berlin", "start": "2026-03-29T00:00", "n": 1}',
    )

    assert found[0] == {"fires": ["2026-01-01T00:20:00+00:00", "2026-01-01T00:40:00+00:00"]}
    assert found[1] == {"fires": []}
    assert found[2] == {"error": "Minute: 61 is outside 0-59.", "part": "minute"}
    assert ["error" in one for one in found] == [False, False, True, True, True, True, True, True, False]
    assert found[8] == {"fires": ["2026-03-29T01:00:00+00:00"]}


def test_a_start_of_null_is_now() -> None:
    (found,) = answers('{"expr": "* * * * * *", "tz": "UTC", "start": null, "n": 1}')

    assert len(found["fires"]) == 1


def test_a_crontab_is_read_line_by_line() -> None:
    text = (
        "# c\n\nMAILTO = a@b\n 5 4\t* * sun  /bin/echo 1 2\n"
        "CRON_TZ='Asia/Tokyo'\n@daily x y\n@every 5m z\n1 2 3\n"
    )

    assert list(lines_of(text, "UTC")) == [
        Line(4, "5 4\t* * sun", "/bin/echo 1 2", "UTC"),
        Line(6, "@daily", "x y", "Asia/Tokyo"),
        Line(7, "@every 5m", "z", "Asia/Tokyo"),
        Line(8, "1 2 3", "", "Asia/Tokyo"),
    ]


def test_checking_a_crontab_names_each_wrong_line(tmp_path: Path) -> None:
    file = tmp_path / "crontab"
    file.write_text("*/5 * * * * ok\n@reboot no\n0 25 * * * no\n0 0 30 2 * no\n")

    result = runner.invoke(app, ["check", str(file), "--json"])

    lines = [json.loads(line) for line in result.output.splitlines()]
    assert result.exit_code == 1
    assert [(one["line"], one.get("part")) for one in lines] == [
        (1, None),
        (2, "macro"),
        (3, "hour"),
        (4, "day"),
    ]
    assert lines[0]["text"] == "Every 5 minutes"
    assert str(lines[0]["next"]).endswith("+00:00")


def test_a_good_crontab_passes_from_standard_input() -> None:
    result = runner.invoke(app, ["check", "-"], input="0 9 * * MON-FRI work\n")

    assert result.exit_code == 0
    assert "At 09:00, on weekdays" in result.output
    assert "1 lines that fire, 0 wrong" in result.output


def test_a_crontab_that_is_not_there_is_an_error() -> None:
    result = runner.invoke(app, ["check", "/nowhere/crontab"])

    assert result.exit_code == 1
    assert "Name a file" in result.stderr

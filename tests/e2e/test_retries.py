"""A script that fails twice and then succeeds, on the real system; and a run that is run again."""

from pathlib import Path

from tests.support.stack import Stack

FLAKY = """import pathlib, sys
said = pathlib.Path(__file__).with_suffix(".tries")
number = len(said.read_text()) + 1 if said.exists() else 1
said.write_text("x" * number)
print(f"this is try {number}")
sys.exit(0 if number > 2 else 75)
"""


def log_of(stack: Stack, run_id: str, attempt: int) -> str:
    return stack.http.get(f"/api/v1/runs/{run_id}/log.txt", params={"attempt": attempt}).text


def test_a_script_that_fails_twice_is_tried_until_it_succeeds(stack: Stack, scripts: Path) -> None:
    (scripts / "flaky.py").write_text(FLAKY)
    policy = {"retries": 3, "retry_delay_s": 1, "retry_factor": 1, "retry_exit_codes": [75]}

    run = stack.ended(stack.run_now(stack.create("fails twice", "flaky.py", policy=policy)))

    assert (run["state"], run["attempt"], run["tries"]) == ("succeeded", 3, 4)
    assert [(one["state"], one["exit_code"]) for one in run["attempts"]] == [
        ("failed", 75),
        ("failed", 75),
        ("succeeded", 0),
    ]
    assert [log_of(stack, run["id"], number) for number in (1, 2, 3)] == [
        f"this is try {number}\n" for number in (1, 2, 3)
    ]
    starts = [(one["due_at"], one["started_at"]) for one in run["attempts"]]
    assert all(due_at <= started_at for due_at, started_at in starts)


def test_an_exit_code_that_the_rule_does_not_name_is_the_end(stack: Stack) -> None:
    policy = {"retries": 3, "retry_delay_s": 0, "retry_exit_codes": [75]}

    run = stack.ended(stack.run_now(stack.create("fails for good", "fails.py", policy=policy)))

    assert (run["state"], run["exit_code"], run["attempt"]) == ("failed", 3, 1)
    assert run["detail"].endswith("Not tried again: its job tries again only on exit code 75.")


def test_a_run_is_run_again_with_other_arguments(stack: Stack, scripts: Path) -> None:
    (scripts / "echo.py").write_text("import sys; print(*sys.argv[1:])\n")
    first = stack.ended(stack.run_now(stack.create("runs again", "echo.py", args=["one"])))

    same = stack.ended(stack.ask("POST", f"/runs/{first['id']}/rerun")["run_id"])
    other = stack.ended(stack.ask("POST", f"/runs/{same['id']}/rerun", json={"args": ["two"]})["run_id"])

    assert [log_of(stack, run["id"], 1) for run in (first, same, other)] == ["one\n", "one\n", "two\n"]
    assert (same["cause"], same["rerun_of_number"], other["rerun_of"]) == ("rerun", 1, same["id"])

"""One run from the database row to what a person reads, on the real system."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.drills.scripts import FAMILY
from tests.support.eventually import eventually
from tests.support.stack import ROOT, Stack


def log_of(stack: Stack, run_id: str) -> str:
    eventually(
        lambda: stack.ask("GET", f"/runs/{run_id}")["log"]["complete"],
        within_s=20,
        what="the log is complete",
    )
    return stack.http.get(f"/api/v1/runs/{run_id}/log.txt").text


def test_a_run_succeeds_and_its_output_is_kept(stack: Stack) -> None:
    run = stack.ended(stack.run_now(stack.create("hello once", "hello.py")))

    assert (run["state"], run["exit_code"], run["cause"], run["number"]) == ("succeeded", 0, "api", 1)
    assert run["id"] in log_of(stack, run["id"])


def test_a_failing_script_ends_failed_with_its_exit_code_and_last_words(stack: Stack) -> None:
    run = stack.ended(stack.run_now(stack.create("fails once", "fails.py")))
    errors = stack.http.get(f"/api/v1/runs/{run['id']}/log.txt", params={"stream": "stderr"})

    assert (run["state"], run["exit_code"]) == ("failed", 3)
    assert log_of(stack, run["id"])
    assert errors.text.strip()


def test_ten_thousand_lines_are_kept_exactly(stack: Stack) -> None:
    run = stack.ended(stack.run_now(stack.create("chatty once", "chatty.py")))

    printed = subprocess.run([sys.executable, ROOT / "scripts/chatty.py"], stdout=subprocess.PIPE, check=True)
    assert log_of(stack, run["id"]) == printed.stdout.decode()


def test_files_that_a_script_leaves_are_kept_and_what_is_none_is_told(stack: Stack, scripts: Path) -> None:
    (scripts / "leaves.sh").write_text(
        'cd "$PORTAL_ARTIFACTS"; mkdir out; head -c 1000000 /dev/zero | tee out/zeros.bin | sha256sum\n'
        "ln -s /etc/passwd users; exit 3\n"
    )
    run = stack.ended(stack.run_now(stack.create("leaves", "leaves.sh")))
    log = log_of(stack, run["id"])
    kept = stack.ask("GET", f"/runs/{run['id']}/artifacts")
    answer = stack.http.get(f"/api/v1/runs/{run['id']}/artifacts/out/zeros.bin")

    assert (run["state"], run["exit_code"]) == ("failed", 3)
    assert "[Not kept: users: it is a link]\n" in log
    (item,) = kept["items"]
    assert (kept["complete"], item["name"], item["size"]) == (True, "out/zeros.bin", 1_000_000)
    assert item["sha256"] in log
    assert answer.content == bytes(1_000_000)


def test_arguments_arrive_as_they_were_typed(stack: Stack, scripts: Path) -> None:
    (scripts / "arguments.py").write_text("import sys, json; print(json.dumps(sys.argv[1:]))\n")
    arguments = ["two words", "$(id)", "'\"\\", "早安", ""]
    run = stack.ended(stack.run_now(stack.create("arguments", "arguments.py", args=arguments)))

    assert json.loads(log_of(stack, run["id"])) == arguments


def test_a_job_ticks_without_a_gap(stack: Stack) -> None:
    job = stack.create("ticks", "hello.py", every_s=1, overlap="allow")
    key = job.replace("-", "")

    def ended() -> list[tuple[str, int]]:
        return stack.rows("SELECT nominal_at, number FROM runs WHERE job_id = ? AND state = 'succeeded'", key)

    eventually(lambda: len(ended()) >= 5, within_s=30, what="five ticks succeeded")
    stack.ask("POST", f"/jobs/{job}/pause")
    rows = stack.rows("SELECT nominal_at FROM runs WHERE job_id = ? ORDER BY nominal_at", key)

    seconds = [int(row[0][17:19]) for row in rows]
    assert seconds == [(seconds[0] + step) % 60 for step in range(len(seconds))]


def test_a_script_removed_after_the_job_was_saved_fails_with_words(stack: Stack, scripts: Path) -> None:
    (scripts / "gone.py").write_text("print('still here')\n")
    job = stack.create("gone", "gone.py")
    (scripts / "gone.py").unlink()

    run = stack.ended(stack.run_now(job))
    other = stack.ended(stack.run_now(stack.create("not gone", "hello.py")))

    assert (run["state"], run["reason"]) == ("failed", "start-error")
    assert "gone.py" in run["detail"]
    assert other["state"] == "succeeded"


def test_a_script_that_never_ends_is_stopped_at_its_timeout(stack: Stack, scripts: Path) -> None:
    (scripts / "stubborn.py").write_text(
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('busy', flush=True)\ntime.sleep(600)\n"
    )
    run = stack.ended(stack.run_now(stack.create("stubborn", "stubborn.py", timeout_s=1, kill_grace_s=1)))

    assert run["state"] == "timed_out"
    assert log_of(stack, run["id"]).startswith("busy")


def test_a_killed_executor_loses_its_run_and_leaves_no_process(stack: Stack, scripts: Path) -> None:
    (scripts / "family.py").write_text(FAMILY)
    ready = scripts.parent / "family.ready"
    run_id = stack.run_now(stack.create("family", "family.py", args=[str(ready)]))
    eventually(ready.exists, within_s=20, what="the script runs")

    def family() -> list[int]:
        text = stack.http.get(f"/api/v1/runs/{run_id}/log.txt").text
        return [int(word) for word in text.split()] if len(text.split()) == 4 else []

    pids = eventually(family, within_s=10, what="four process ids are stored")
    executor = stack.ask("GET", f"/runs/{run_id}")["executor"]

    os.kill(stack.pid(executor), signal.SIGKILL)

    eventually(
        lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), within_s=10, what="no process is left"
    )
    assert stack.ended(run_id, within_s=40)["state"] == "lost"
    assert stack.ended(stack.run_now(stack.create("after", "hello.py")))["state"] == "succeeded"


@pytest.mark.parametrize(
    ("fields", "status", "field"),
    [
        ({"script": "no-such.py"}, 422, "script"),
        ({"script": "../portal"}, 422, "script"),
        ({"script": "/etc/passwd"}, 422, "script"),
        ({"script": "a\x00.py"}, 422, "script"),
        ({"name": " "}, 422, "name"),
        ({"name": "taken"}, 409, "name"),
        ({"name": "TAKEN"}, 409, "name"),
        ({"name": "x" * 10_000}, 422, "name"),
        ({"schedule": {"kind": "interval", "every_s": 0}}, 422, "every_s"),
        ({"schedule": {"kind": "interval", "every_s": 10**30}}, 422, "every_s"),
        ({"schedule": {"kind": "yearly"}}, 422, "schedule"),
        ({"timeout_s": 0}, 422, "timeout_s"),
    ],
)
def test_bad_input_is_refused_at_its_field(
    stack: Stack, fields: dict[str, object], status: int, field: str
) -> None:
    stack.http.post(
        "/api/v1/jobs", json={"name": "taken", "script": "hello.py", "schedule": {"kind": "manual"}}
    )
    body = {"name": f"bad {fields}"[:150], "script": "hello.py", "schedule": {"kind": "manual"}} | fields

    answer = stack.http.post("/api/v1/jobs", json=body)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["field"] == field
    assert answer.json()["detail"]

"""The command line as a person and a program use it, on the real system: one process a line."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.support.stack import ROOT, Stack

JOB = "nightly 結算 #1"


def command(stack: Stack, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "services.cli", *arguments, "--home", str(stack.home)]


def portal(
    stack: Stack, *arguments: str, typed: str = "", **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(stack, *arguments),
        cwd=ROOT,
        env=os.environ | {"PORTAL_URL": "http://127.0.0.1:1", **variables},  # a home that is named is meant
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def job(stack: Stack) -> str:
    """A job with a name that needs quoting, which prints on both of its outputs and ends as it is told."""
    (stack.home.parent / "scripts" / "told.py").write_text(
        "import os, sys, time\n"
        "print('\\x1b[31mout\\x1b[0m \\x1b[2J', flush=True)\n"
        "print('aside', file=sys.stderr, flush=True)\n"
        "if os.environ.get('PORTAL_PARAM_HANGS') == 'true':\n    time.sleep(600)\n"
        "while not os.path.exists(os.environ.get('PORTAL_PARAM_UNTIL', __file__)):\n    time.sleep(0.1)\n"
        "sys.exit(int(os.environ['PORTAL_PARAM_CODE']))\n"
    )
    parameters = [{"name": "code", "kind": "number", "default": 0}, {"name": "hangs", "kind": "flag"}]
    parameters.append({"name": "until", "kind": "text"})
    return stack.create(JOB, "told.py", parameters=parameters, timeout_s=60, kill_grace_s=1)


def test_what_a_run_prints_comes_as_it_is_and_its_code_is_the_commands(stack: Stack, job: str) -> None:
    followed = portal(stack, "run", JOB.upper(), "-p", "code=7", "--follow")
    stored = portal(stack, "logs", f"{JOB}#1")
    errors = portal(stack, "logs", JOB, "--stderr")
    again = portal(stack, "runs", "again", JOB, "-f", "--json")

    printed = "\x1b[31mout\x1b[0m \x1b[2J\n"
    assert (followed.returncode, followed.stdout) == (7, printed)
    assert followed.stderr == f"aside\n[{JOB}#1 failed: Exited with code 7]\n"
    assert (stored.returncode, stored.stdout, stored.stderr) == (0, printed, "aside\n")
    assert (errors.stdout, errors.stderr) == ("aside\n", "")
    run = json.loads(again.stdout)
    assert (again.returncode, run["state"], run["exit_code"], run["number"]) == (7, "failed", 7, 2)
    assert run["parameters"] == [{"name": "code", "value": 7}]
    assert again.stderr.startswith(f"{printed}aside\n")


def test_who_stops_following_is_told_that_the_run_goes_on_and_how_to_end_it(stack: Stack, job: str) -> None:
    terminal, end = pty.openpty()
    following = subprocess.Popen(
        command(stack, "run", job, "-p", "hangs=true", "--follow"), cwd=ROOT, stdout=end, stderr=end
    )
    os.close(end)
    seen = b""
    while b"aside" not in seen:
        seen += os.read(terminal, 4096)
    following.send_signal(signal.SIGINT)
    assert following.wait(30) == 130
    seen += os.read(terminal, 4096)
    os.close(terminal)
    said = seen.decode().replace("\r\n", "\n")
    found = re.search(r"portal runs cancel ([0-9a-f-]{36})", said)
    assert found
    running = stack.ask("GET", f"/runs/{found[1]}")
    cancelled = portal(stack, "runs", "cancel", found[1])
    ended = portal(stack, "logs", found[1], "--follow")

    assert running["state"] == "running"
    assert f"[{JOB}#{running['number']} runs on {running['executor']}]" in said
    assert "\x1b[31mout\x1b[0m ␛[2J\n" in said  # a terminal is coloured, and nothing else is done to it
    assert cancelled.returncode == 0
    assert (ended.returncode, ended.stderr.splitlines()[-1]) == (
        123,
        f"[{JOB}#{running['number']} cancelled: cancelled by local]",
    )


def test_a_run_is_followed_over_a_restart_of_the_portal(stack: Stack, job: str) -> None:
    end = stack.home.parent / "end"
    asked = ("run", job, "-p", f"until={end}", "--follow")
    with subprocess.Popen(command(stack, *asked), cwd=ROOT, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        assert following.stdout.readline().startswith("\x1b[31mout")
        stack.restart("ui", signal.SIGKILL)
        end.touch()

        assert (following.wait(60), following.stdout.read()) == (0, "")


def test_a_reader_that_goes_away_ends_it_without_a_word(stack: Stack, job: str) -> None:
    piped = f"{' '.join(command(stack, 'jobs', '--json'))} | head -c 1; echo ${{PIPESTATUS[0]}}"
    for number in range(60):
        stack.create(f"many {number:02} {'x' * 180}", "hello.py")

    done = subprocess.run(["bash", "-c", piped], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("{1\n", "")


def test_a_job_lives_its_life_from_the_command_line(stack: Stack) -> None:
    made = portal(
        stack, "jobs", "create", "life", "--script", "hello.py", "--every", "1d", "--tag", "of-life", "--json"
    )
    paused = portal(stack, "jobs", "pause", "LIFE")
    listed = portal(stack, "jobs", "--tag", "of-life", "--state", "paused")
    portal(stack, "jobs", "resume", "life", "--catch-up", "latest")
    explained = portal(stack, "why", "life")
    portal(stack, "jobs", "delete", "life")
    gone = portal(stack, "jobs", "show", "life")
    restored = portal(stack, "jobs", "restore", "life")
    shown = portal(stack, "jobs", "show", "life")

    job = json.loads(made.stdout)
    assert (made.returncode, job["schedule"]["every_s"], job["tags"]) == (0, 86_400, ["of-life"])
    assert paused.stdout.startswith("Paused: life.")
    head, row = listed.stdout.splitlines()
    assert head.split() == ["NAME", "STATE", "LAST", "NEXT", "SCHEDULE", "SCRIPT"]
    assert row.split()[:4] == ["life", "paused", "-", "-"]
    assert row.index("hello.py") == head.index("SCRIPT")
    assert re.match(r"life, \w{3} \d+ \w{3} .*: .*\n", explained.stdout)
    assert (gone.returncode, "portal jobs restore" in gone.stderr) == (3, True)
    assert restored.returncode == 0
    assert "Schedule  Every day" in shown.stdout


def test_a_token_is_made_by_a_person_used_elsewhere_and_revoked(stack: Stack) -> None:
    password = "five words that tell nothing"
    made = stack.ask("POST", "/users", json={"name": "Ann of the shell", "role": "editor"})
    joined = httpx.post(
        stack.url + "/join", data={"code": made["link"].partition("=")[2], "password": password}
    )

    def elsewhere(token: str, *arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "services.cli", *arguments, "--url", stack.url],
            cwd=ROOT,
            env=os.environ | {"PORTAL_TOKEN": token},
            input=said,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    create = ("tokens", "create", "of a test", "--user", "ann OF the shell", "--role", "operator")
    wrong = elsewhere("", *create, said="wrong\n")
    token = elsewhere("", *create, said=f"{password}\n").stdout.strip()
    me = elsewhere(token, "whoami", "--json")
    refused = elsewhere(token, "jobs", "create", "not made", "--script", "hello.py")
    revoked = elsewhere(token, "tokens", "revoke", "of a test")
    gone = elsewhere(token, "jobs")
    nobody = elsewhere("", "jobs")
    shut_out = portal(stack, "user", "change", "ANN of the shell", "--grant", "finance=operator", "--disable")
    users = portal(stack, "user", "list")

    assert joined.status_code == 303
    assert (wrong.returncode, wrong.stdout) == (4, "")
    assert json.loads(me.stdout)["user"]["role"] == "operator"
    assert (refused.returncode, "editor" in refused.stderr) == (4, True)
    assert revoked.returncode == 0
    assert (gone.returncode, "does not know this token" in gone.stderr) == (4, True)
    assert (nobody.returncode, "wants to know who asks" in nobody.stderr) == (4, True)
    assert shut_out.stdout == "Ann of the shell is shut out: editor, also operator in finance.\n"
    assert re.search(r"\nAnn of the shell  shut out  editor  operator in finance  ", users.stdout)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("jobs", "show", "nightly 結算"), 3, f"Did you mean '{JOB}'?"),
        (("logs", "%2e%2e"), 3, "There is no job '%2e%2e'"),
        (("jobs", "delete", ".."), 3, "There is no job '..'"),
        (("executors", "drain", "../jobs"), 3, ""),
        (("run", f"{JOB}#1\x1b[2J"), 3, "\\x1b[2J"),
        (("run", JOB, "-p", "code=many"), 2, "parameters.code"),
        (("runs", "--state", "odd"), 2, "Choose from"),
        (("runs", "show", f"{JOB}#99999"), 3, "has no run 99999"),
        (("jobs", "create", JOB, "--script", "hello.py"), 1, "name"),
        (("jobs", "--limit", "none"), 2, "--limit"),
    ],
)
def test_what_cannot_be_done_says_why_and_has_a_code_of_its_own(
    stack: Stack, job: str, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = portal(stack, *arguments)

    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "\x1b" not in done.stderr
    assert done.stdout == ""


def test_jobs_go_into_a_file_and_come_back_changed(stack: Stack, job: str, tmp_path: Path) -> None:
    file = tmp_path / "jobs.yaml"
    exported = portal(stack, "export", JOB, "-o", str(file))
    same = portal(stack, "plan", str(file))
    file.write_text(
        f"{file.read_text('utf-8').replace('timeout_s: 60', 'timeout_s: 90')}  Other: {{script: told.py}}\n"
    )
    plan = portal(stack, "plan", str(file))
    unasked = portal(stack, "apply", str(file))
    applied = portal(stack, "apply", str(file), "--yes", "--json")
    wrong = "jobs:\n  Other:\n    script: tolld.py\n    x: 1\n"
    refused = portal(stack, "apply", "-", "--yes", "--prune", "old", typed=wrong)

    assert (exported.returncode, same.returncode, plan.returncode) == (0, 0, 10)
    assert plan.stdout.splitlines()[:3] == [f"~ job {JOB}", "    timeout_s: 60 → 90", "+ job Other"]
    assert (unasked.returncode, "say --yes" in unasked.stderr) == (2, True)
    assert [one["action"] for one in json.loads(applied.stdout)["changes"]] == ["change", "create"]
    assert stack.ask("GET", f"/jobs/{job}")["timeout_s"] == 90
    assert refused.stderr.startswith("portal: Line 4: jobs.Other.x: A job has no such field")
    assert refused.returncode == 2


def test_a_crontab_becomes_jobs_but_never_changes_one(stack: Stack, tmp_path: Path) -> None:
    scripts = stack.home.parent / "scripts"
    (scripts / "one.sh").write_text("echo one\n")
    crontab = f"5 4 * * * {scripts}/one.sh > /dev/null 2>&1\n0 1 * * * cd / && echo $PWD $HI\n"
    crontab += f"@reboot {scripts}/one.sh\n"

    def imported(text: str, *options: str) -> subprocess.CompletedProcess[str]:
        wanted = ("import", "crontab", "-", "--apply", "--yes", *options)
        return portal(stack, *wanted, typed=text, PORTAL_SCRIPTS_DIR=str(scripts))

    first = imported(crontab, "--wrap", str(scripts / "wrapped"))
    again = imported(crontab, "--wrap", str(scripts / "wrapped"))
    other = imported(crontab.replace("5 4", "6 4"))
    elsewhere = imported("HI=there\n\n\n2 2 * * * cd / && echo $HI\n", "--wrap", str(tmp_path))

    assert first.returncode == 0, first.stderr
    assert "line 3: NOT TAKEN: @reboot" in first.stderr
    jobs = {one["name"]: one for one in stack.ask("GET", "/jobs?tag=crontab")["items"]}
    assert (jobs["one"]["script"], jobs["one"]["paused_at"]) == ("one.sh", None)
    assert jobs["line-2-cd"]["paused_at"] is not None
    made = subprocess.run([scripts / "wrapped" / "line-2-cd.sh"], capture_output=True, text=True, check=True)
    assert made.stdout == "/\n"
    assert "0 to make, 0 to change" in again.stdout
    assert (other.returncode, "other jobs of these names: one." in other.stderr) == (1, True)
    assert (elsewhere.returncode, "name a folder below" in elsewhere.stderr) == (2, True)

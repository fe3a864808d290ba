# ruff: noqa: ASYNC240 - files of the test itself, which block nobody
"""A run whose environment is still to be made: what it says, who may end it, and until when it may start."""

import asyncio
import contextlib
import math
import os
import shutil
import signal
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from services.executor import app
from services.executor.attempt import Attempt
from services.executor.place import Place
from services.executor.wiring import parts_on
from shared.broker import connect
from shared.domain.run import Reason, RunState
from shared.messages.commands import RunCancel
from shared.messages.envelope import AttemptRef
from tests.integration.executor.conftest import ExecutorProcess, ShiftedClock, Start
from tests.integration.executor.packages import GREETS, SLOW, offline, write_source, write_wheel
from tests.integration.executor.stage import NAME, Ledger, Wanted, instant, settings_for, spools, write_script
from tests.integration.executor.test_secrets import REPOSITORY, USER, reachable_python
from tests.unit.services.executor.grants import a_grant


@pytest.fixture
def may_be_built(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A script whose package is built once this path exists."""
    until = write_source(home / "links")
    write_script(home, "runs.py", SLOW)
    for name, value in offline(home / "links").items():
        monkeypatch.setenv(name, value)
    return until


def notes(played: Ledger, wanted: Wanted) -> str:
    return "".join(chunk.text for chunk in played.copies(wanted) if chunk.note)


def held_in(home: Path) -> list[str]:
    folder = home / "executors" / NAME / "environments"
    return sorted(path.suffix or "folder" for path in folder.glob("*"))


async def preparing(played: Ledger, script: str = "runs.py") -> Wanted:
    """Let a run be due and wait until the ledger has heard that it is being prepared."""
    wanted = await played.due(script)
    await played.until(lambda: "Creating" in notes(played, wanted))
    return wanted


def named(played: Ledger, wanted: Wanted) -> Callable[[], bool]:
    """Say whether a later renewal than the newest names it as not started."""
    before = len(played.renewal_answers)
    return lambda: (
        len(played.renewal_answers) > before
        and any(wanted.ref.attempt_id in renewal.preparing for renewal in played.renewals[-1:])
    )


async def test_an_environment_is_made_under_a_lease_and_told_as_a_phase_of_the_run(
    executor: Start, played: Ledger, clock: ShiftedClock, home: Path, may_be_built: Path
) -> None:
    await executor(environment_builds=True)

    first = await preparing(played)
    clock.shift = 20  # past the lease of the claim
    await played.until(named(played, first))
    may_be_built.touch()
    report, text = await played.ended(first), await played.text(first)
    second = await played.due("runs.py")
    again, plain = await played.ended(second), await played.text(second)

    assert (report.state, again.state, plain) == (RunState.SUCCEEDED, RunState.SUCCEEDED, "hello\n")
    assert text.startswith("[Preparing the environment: tardy]\n")
    assert " + tardy==1.0\n[Environment ready after " in text
    assert text.endswith(" s]\nhello\n")
    assert (report.stdout_bytes, report.stderr_bytes) == (len("hello\n"), 0)
    assert report.prepared_ms is not None
    assert report.prepared_ms > 20_000 > report.duration_ms  # the clock was set forward meanwhile
    assert [event.prepared_ms for event in played.started] == [report.prepared_ms, None]
    assert again.prepared_ms is None
    assert held_in(home) == [".json", "folder"]


async def test_without_a_lease_nothing_starts_that_was_still_being_prepared(
    executor: Start, played: Ledger, clock: ShiftedClock, may_be_built: Path
) -> None:
    await executor(environment_builds=True)

    wanted = await preparing(played)
    played.answers_renewals = False
    clock.shift = 100
    may_be_built.touch()
    await played.until(lambda: played.releases)

    assert [release.attempts for release in played.releases] == [(wanted.ref,)]
    assert not played.started
    assert not played.finished
    played.answers_renewals = True


async def test_what_is_printed_later_follows_what_was_said_before_it_was_given_back(
    executor: Start, played: Ledger, clock: ShiftedClock, home: Path, may_be_built: Path
) -> None:
    await executor(environment_builds=True)
    first = await preparing(played)
    played.answers_renewals = False
    clock.shift = 100
    may_be_built.touch()
    await played.until(lambda: played.releases)
    played.answers_renewals = True

    again = replace(first, ref=AttemptRef(first.ref.attempt_id, 2), log_seq=played.releases[0].log_seq)
    played.jobs[first.ref.attempt_id] = again
    await played.publish_due(again)
    report, text = await played.ended(again), await played.text(again)

    assert report.state is RunState.SUCCEEDED
    assert played.releases[0].log_seq == report.last_seq - 1 > 0
    assert text.startswith("[Preparing the environment: tardy]\n")
    assert text.endswith(" s]\nhello\n")
    await played.until(lambda: not spools(home))


async def test_a_run_that_is_being_prepared_is_cancelled_at_once(
    executor: Start, played: Ledger, home: Path, may_be_built: Path
) -> None:
    running = await executor(environment_builds=True)

    wanted = await preparing(played)
    await played.say(RunCancel(source="test", time=instant(), attempt=wanted.ref))
    report = await played.ended(wanted)
    await running.drain()

    assert not may_be_built.exists()
    assert (report.state, report.reason) == (RunState.CANCELLED, Reason.REQUESTED)
    assert not played.started
    assert held_in(home) == []


async def test_an_environment_that_cannot_be_made_fails_the_run_with_its_own_reason(
    executor: Start, played: Ledger, may_be_built: Path
) -> None:
    await executor()

    report = await played.ended(await preparing(played))

    assert not may_be_built.exists()
    assert (report.state, report.reason) == (RunState.FAILED, Reason.ENVIRONMENT)
    assert report.detail.startswith("Its environment could not be made: a package has no wheel")
    assert report.started_at is None


async def test_what_could_not_be_prepared_may_still_be_asked_to_end(
    amqp_url: str, played: Ledger, home: Path, may_be_built: Path
) -> None:
    """Its report is written by then, which takes a disk's time."""
    assert not may_be_built.exists()
    settings = settings_for(amqp_url, home)
    base = app._base(settings, await app.stand(settings, app.take_place(settings)), ShiftedClock())

    async with connect(amqp_url, name=NAME) as broker, parts_on(broker, base) as parts:
        grant = a_grant(script="runs.py")
        attempt = Attempt(grant, lease_until=math.inf, means=parts.holdings._means)
        await attempt.run()
        attempt.stop()

    (entry,) = base.journal.read()
    assert entry.report is not None
    assert entry.report.reason is Reason.ENVIRONMENT
    assert played.finished == []
    base.place.leave()
    base.sandbox.close()
    base.spools.close()


async def test_an_executor_that_is_killed_while_it_prepares_leaves_nothing_half(
    executor_process: ExecutorProcess,
    played: Ledger,
    home: Path,
    may_be_built: Path,
) -> None:
    executor_process.env |= offline(home / "links") | {"PORTAL_ENVIRONMENT_BUILDS": "true"}
    await executor_process.start()
    wanted = await preparing(played)
    half = held_in(home)
    await executor_process.end(signal.SIGKILL)

    await executor_process.start()
    await played.until(lambda: played.releases)
    may_be_built.touch()
    report = await played.ended(await played.due("runs.py"))

    assert half == ["folder"]
    assert played.releases[0].attempts == (wanted.ref,)
    assert played.releases[0].log_seq == max(chunk.seq for chunk in played.copies(wanted))
    assert report.state is RunState.SUCCEEDED
    assert held_in(home) == [".json", "folder"]


async def test_an_executor_that_is_no_longer_root_makes_them_where_its_scripts_come_by(
    amqp_url: str, played: Ledger
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can start an executor that becomes another user")
    program, path = reachable_python()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name, contextlib.ExitStack() as stack:
        home = Path(name)
        home.chmod(0o755)
        settings_for(amqp_url, home)
        write_wheel(home / "links")
        write_script(home, "greets.py", GREETS)
        for folder in (home, home / "grant.key"):
            os.chown(folder, USER, USER)
        # Only root may make it there.
        place = Place(name=NAME, folder=home / "executors" / NAME, lock=-1)
        shared = Path("/var/cache/portal-environments", place.unique_name)
        shared.mkdir(parents=True)
        stack.callback(shutil.rmtree, shared)
        shared.chmod(0o711)
        os.chown(shared, USER, USER)
        env = {
            "PYTHONPATH": path,
            "PORTAL_AMQP_URL": amqp_url,
            "PORTAL_HOME": str(home),
            "PORTAL_GRANT_KEY_FILE": str(home / "grant.key"),
            "PORTAL_SCRIPTS_DIR": str(home / "scripts"),
            "PORTAL_SCRIPT_PYTHON": "/usr/bin/python3",
            "PORTAL_EXECUTOR_NAME": NAME,
            "PORTAL_EXECUTOR_USER": f"{USER}:{USER}",
            "PORTAL_SANDBOX": "restricted",
            "PORTAL_SANDBOX_DIR": str(home / "jobs"),
            "PORTAL_STATES_DIR": str(home / "states"),
            "PORTAL_SANDBOX_READABLE": str(home / "links"),
            "PORTAL_UV": str(REPOSITORY / ".venv" / "bin" / "uv"),
            **offline(home / "links"),
        }
        running = await asyncio.create_subprocess_exec(
            program, "-m", "services.executor", env=env, cwd=REPOSITORY
        )

        try:
            report = await played.ended(await played.due("greets.py"))
            made = sorted(path.suffix or "folder" for path in shared.iterdir())
        finally:
            running.terminate()
            await running.wait()

    assert (report.state, report.detail) == (RunState.SUCCEEDED, "")
    assert made == [".json", "folder"]

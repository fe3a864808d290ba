"""Executors that share a home by a prefix: what a killed one owes is told, whoever takes its place."""

import asyncio
import signal
from pathlib import Path

import pytest
from pydantic import SecretStr

from services.executor import app
from services.executor.journal import Entry, Journal, Phase
from services.executor.settings import ExecutorSettings
from shared.domain.ids import ExecutorName
from shared.domain.run import Reason, RunState
from shared.messages.answers import Grant
from shared.messages.commands import LeaseRenew
from tests.integration.executor.conftest import ShiftedClock, process_of
from tests.integration.executor.stage import Ledger, instant, write_script
from tests.integration.executor.test_crash import a_grant_for
from tests.support.eventually import until

FIRST, SECOND = ExecutorName("twin-1"), ExecutorName("twin-2")
SAYS_AND_STAYS = "import time\nprint('still here', flush=True)\ntime.sleep(1000)\n"


class HastyClock(ShiftedClock):
    """A clock on which nobody sleeps for long: a minute is over at once."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(min(seconds, 0.05))


@pytest.fixture
def clock() -> HastyClock:
    return HastyClock()


def twin(amqp_url: str, home: Path) -> ExecutorSettings:
    """Settings of one that shares the home, and takes no runs of the tests' pool."""
    return ExecutorSettings(
        amqp_url=SecretStr(amqp_url),
        home=home,
        grant_key_file=home / "grant.key",
        scripts_dir=home / "scripts",
        executor_prefix="twin",
        executor_pools=("another",),
    )


def beats(played: Ledger, name: ExecutorName) -> list[LeaseRenew]:
    return [beat for beat in played.renewals if beat.executor == name]


def files(home: Path, folder: str) -> list[str]:
    return [path.name for path in (home / "executors" / SECOND / folder).iterdir()]


async def test_a_running_executor_tells_what_a_dead_sibling_owes_and_leaves_in_its_name(
    amqp_url: str, home: Path, clock: HastyClock, played: Ledger
) -> None:
    write_script(home, "stays.py", SAYS_AND_STAYS)
    stop = asyncio.Event()
    async with process_of(amqp_url, home, prefix="twin") as sibling, asyncio.TaskGroup() as group:
        group.create_task(app.run(twin(amqp_url, home), stop, clock))
        await played.until(lambda: beats(played, FIRST))
        await sibling.start()
        played.settles = played.stores = False
        ended, running = await played.due("hello.py"), await played.due("stays.py")
        report = await played.ended(ended)
        text = await played.text(ended)
        await played.until(lambda: played.copies(running))
        dead = beats(played, SECOND)[-1]
        # Before the kill: the other looks for what is owed as soon as the folder is free.
        grant = a_grant_for(home)
        await Journal(home / "executors" / SECOND / "journal").write(
            Entry(phase=Phase.GRANTED, grant=_of(grant, SECOND), at=instant())
        )
        await sibling.end(signal.SIGKILL)
        played.finished.clear()
        played.chunks.clear()
        played.settles = played.stores = True

        assert await played.ended(ended) == report
        lost = await played.ended(running)
        assert (lost.state, lost.reason) == (RunState.LOST, Reason.EXECUTOR_GONE)
        assert (lost.executor, lost.boot) == (SECOND, dead.boot)
        assert await played.text(ended) == text
        assert await played.text(running) == "still here\n"
        await played.until(lambda: beats(played, SECOND)[-1].leaving)
        stop.set()

    told = [beat for beat in beats(played, SECOND) if beat.boot != dead.boot]
    assert {(beat.slots, beat.pools, beat.draining) for beat in told} == {(0, (), True)}
    assert [release.boot for release in played.releases] == [grant.boot]
    assert [files(home, name) for name in ("journal", "spool", "work")] == [[], [], []]


async def test_what_a_sibling_still_owes_stays_for_the_next_look(
    amqp_url: str, home: Path, clock: HastyClock, played: Ledger
) -> None:
    stop = asyncio.Event()
    async with process_of(amqp_url, home, prefix="twin") as sibling, asyncio.TaskGroup() as group:
        group.create_task(app.run(twin(amqp_url, home), stop, clock))
        await played.until(lambda: beats(played, FIRST))
        await sibling.start()
        played.settles = played.stores = False
        ended = await played.due("hello.py")
        await played.text(ended)
        await sibling.end(signal.SIGKILL)

        await played.until(lambda: len({beat.boot for beat in beats(played, SECOND)}) == 3)

        assert files(home, "journal") == [f"{ended.ref.attempt_id}.json"]
        played.settles = played.stores = True
        await until(lambda: files(home, "journal") + files(home, "spool") == [], within_s=40)
        await played.until(lambda: beats(played, SECOND)[-1].leaving)
        stop.set()


def _of(grant: Grant, name: ExecutorName) -> Grant:
    return type(grant)(
        **{field: getattr(grant, field) for field in grant.__struct_fields__} | {"executor": name}
    )

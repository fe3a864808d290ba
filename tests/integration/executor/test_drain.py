"""Draining: somebody wants an executor to take no more runs, for as long as every answer says so."""

import signal
from pathlib import Path

from shared.domain.run import RunState
from shared.messages.commands import ExecutorDrain
from tests.integration.executor.conftest import ExecutorProcess, Start
from tests.integration.executor.stage import NAME, Ledger, instant, write_script


async def drained(played: Ledger) -> None:
    """Want it to drain, wake it, and wait until it says that it does."""
    played.drains = True
    await played.say(ExecutorDrain(source="test", time=instant(), executor=NAME))
    await played.until(lambda: played.renewals[-1].draining)


async def test_a_drained_executor_takes_no_more_and_finishes_what_it_has(
    executor: Start, played: Ledger, home: Path
) -> None:
    waits = (
        f"import os, time\nprint('ready')\nwhile not os.path.exists({str(home / 'go')!r}): time.sleep(0.01)\n"
    )
    write_script(home, "until.py", waits)
    await executor()
    running = await played.due("until.py")
    await played.until(lambda: played.chunks)

    await drained(played)
    waiting = await played.due("hello.py")
    (home / "go").touch()

    assert (await played.ended(running)).state is RunState.SUCCEEDED
    assert await played.depth() == 1
    assert played.reports(waiting) == []


async def test_a_drained_executor_takes_runs_again_once_an_answer_says_so(
    executor: Start, played: Ledger
) -> None:
    await executor()
    await drained(played)
    waiting = await played.due("hello.py")

    played.drains = False

    assert (await played.ended(waiting)).state is RunState.SUCCEEDED
    await played.until(lambda: not played.renewals[-1].draining)


async def test_a_wake_up_alone_drains_nothing(executor: Start, played: Ledger) -> None:
    await executor()
    told = len(played.renewals)

    await played.say(ExecutorDrain(source="test", time=instant(), executor=NAME))
    await played.until(lambda: len(played.renewals) > told)

    assert (await played.ended(await played.due("hello.py"))).state is RunState.SUCCEEDED


async def test_an_executor_is_still_drained_after_a_restart(
    executor_process: ExecutorProcess, played: Ledger
) -> None:
    await executor_process.start()
    await played.until(lambda: played.renewals)
    await drained(played)
    await executor_process.end(signal.SIGKILL)
    before = played.renewals[-1].boot

    await executor_process.start()
    await played.until(lambda: played.renewals[-1].draining and played.renewals[-1].boot != before)
    waiting = await played.due("hello.py")
    told = len(played.renewals)
    await played.until(lambda: len(played.renewals) > told)

    assert (played.claims, await played.depth()) == ([], 1)
    played.drains = False
    assert (await played.ended(waiting)).state is RunState.SUCCEEDED

import asyncio

import pytest

from shared.runtime.lifecycle import LoopEndedError, run_loops


async def for_ever() -> None:
    await asyncio.Event().wait()


async def cancelled_from_outside() -> None:
    """Wait as one waits on a connection that aiormq takes for stuck."""
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    answer.cancel()
    await answer


async def returns() -> None:
    return


@pytest.mark.parametrize("loop", [cancelled_from_outside, returns])
async def test_a_loop_that_ends_before_its_time_ends_the_process(loop) -> None:
    with pytest.RaisesGroup(LoopEndedError):
        await run_loops(asyncio.Event(), for_ever(), loop())


async def test_an_error_of_a_loop_is_told_as_it_is() -> None:
    async def fails() -> None:
        raise OSError("disk")

    with pytest.RaisesGroup(OSError):
        await run_loops(asyncio.Event(), for_ever(), fails())


async def test_loops_end_with_the_stop_and_one_of_them_may_set_it() -> None:
    stop = asyncio.Event()

    async def stops() -> None:
        stop.set()

    await run_loops(stop, for_ever(), stops())

"""Waits for a condition with a bound: the tests' only way to wait."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

Value = TypeVar("Value")


def eventually(probe: Callable[[], Value], *, within_s: float, what: str) -> Value:
    """Return the first truthy value of `probe`, asked every 50 ms; fail with `what` after `within_s`."""
    until = time.monotonic() + within_s
    pause = threading.Event()
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(f"not within {within_s:g} s: {what} (last seen: {value!r})")
        pause.wait(0.05)


async def until(is_so: Callable[[], bool], *, within_s: float = 10) -> None:
    """Let the event loop go on until the condition holds; TimeoutError after `within_s`."""
    never = asyncio.Event()
    async with asyncio.timeout(within_s):
        while not is_so():
            with suppress(TimeoutError):
                await asyncio.wait_for(never.wait(), 0.01)


async def until_found(look: Callable[[], Awaitable[Value]], *, within_s: float = 30) -> Value:
    """Return the first truthy value that `look` finds, as in a database; TimeoutError after `within_s`."""
    never = asyncio.Event()
    async with asyncio.timeout(within_s):
        while not (found := await look()):
            with suppress(TimeoutError):
                await asyncio.wait_for(never.wait(), 0.05)
        return found

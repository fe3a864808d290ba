"""Waits for a condition with a bound: the tests' only way to wait."""

import threading
import time
from collections.abc import Callable
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

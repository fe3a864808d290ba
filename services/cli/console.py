"""One voice for the command line: a step is one line with the time since the start."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_COLOURS = (36, 33, 35, 32, 34, 96, 93, 95)
_RESET = "\x1b[0m"


@dataclass(frozen=True, slots=True)
class Console:
    """Prints steps and log lines; colours only when the output is a terminal."""

    colour: bool = field(default_factory=sys.stdout.isatty)
    started_at: float = field(default_factory=time.monotonic)  # monotonic seconds

    def elapsed_s(self) -> float:
        """Return the seconds since this console was made."""
        return time.monotonic() - self.started_at

    def step(self, subject: str, text: str) -> None:
        """Print one step: the seconds since the start, whom it is about, what happened."""
        self._print(f"{self.elapsed_s():7.2f} s  {self._paint(subject, f'{subject:<12}')}  {text}")

    def log_line(self, name: str, line: str) -> None:
        """Print one line of a child's output behind its name."""
        self._print(f"{self._paint(name, f'{name:<12}')}| {line}")

    def say(self, text: str = "") -> None:
        """Print a line as it is."""
        self._print(text)

    @contextmanager
    def timed(self, subject: str, text: str) -> Iterator[None]:
        """Print `text` with how long the block took, when it ended without an error."""
        began = time.monotonic()
        yield
        self.step(subject, f"{text} ({time.monotonic() - began:.1f} s)")

    def _paint(self, name: str, text: str) -> str:
        if not self.colour:
            return text
        # Not hash(): that differs from start to start, and a name should keep its colour.
        return f"\x1b[{_COLOURS[sum(name.encode()) % len(_COLOURS)]}m{text}{_RESET}"

    def _print(self, text: str) -> None:
        with suppress(OSError):  # a terminal or pager that went away must not end what we supervise
            print(text, flush=True)

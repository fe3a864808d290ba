"""What uv says while it makes an environment: for the run's log, and in one sentence when it fails. Pure."""

import re
from collections.abc import Callable

from shared.messages.events import Stream

_MOST_SAID = 64_000
"""Bytes that are kept."""
_LONGEST_ERROR = 600
_FRAME = r"^[\s\u00d7\u2500-\u257f\u25b6\u00b7]+"
"""What it draws before its lines."""
CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+@")
"""What a URL says of who asks."""
_UNKNOWN = re.compile(r"ecause ([\w.-]+) was not found in ")
_OTHER_PYTHON = "incompatible with the script's Python requirement"


class Said:
    """What uv prints: line by line into the log, without credentials, and at most so much of it."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._rest = bytearray()
        self._size = 0
        self.text = ""

    def take(self, _: Stream, read: memoryview) -> bool:
        """Take what was read; say whether it is more than is kept."""
        kept = bytes(read[: max(0, _MOST_SAID - self._size)])
        self._size += len(read)
        self._rest += kept
        lines, newline, rest = bytes(self._rest).rpartition(b"\n")
        self._pass_on(lines + newline)
        self._rest = bytearray(rest)
        return self._size > _MOST_SAID

    def finish(self) -> None:
        """Take what has no end of line as the last one."""
        if self._rest:
            self._pass_on(bytes(self._rest) + b"\n")

    def _pass_on(self, lines: bytes) -> None:
        if lines:
            text = CREDENTIALS.sub("***@", lines.decode("utf-8", "replace"))
            self.text += text
            self._say(text)


def words_of(said: str) -> str:
    """Return what uv said at last as one sentence."""
    lines = [re.sub(_FRAME, "", line).strip() for line in said.splitlines()]
    starts = [index for index, line in enumerate(lines) if line.startswith("error")]
    text = _joined(lines[starts[0] if starts else -3 :])
    if unknown := _UNKNOWN.search(text):
        return f"no package `{unknown[1]}` is known to the index. Mend its name. uv: {text}"
    if "no usable wheels" in text or "building source" in text:
        return f"a package has no wheel for this machine, and none is built here. uv: {text}"
    if "Failed to fetch" in text:
        return f"the index of packages cannot be reached from this executor. uv: {text}"
    return text or "uv ended without a word"


def is_for_another_python(said: str) -> bool:
    """Say whether the script does not want the Python that it was given, which uv only warns of."""
    return _OTHER_PYTHON in said


def _joined(lines: list[str]) -> str:
    parts = [line.removeprefix("error:").removeprefix("cause:").strip() for line in lines]
    return ": ".join(filter(None, parts))[:_LONGEST_ERROR].rstrip(". ")
